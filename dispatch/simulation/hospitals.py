"""Hospitals that answer announcements, sign on arrival, and discharge their patients in time."""

from collections import Counter, defaultdict
from datetime import timedelta
from functools import partial
from typing import Any, Final

from dispatch.domain.offers import NO_ANSWER
from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.seen import Seen
from dispatch.simulation.surroundings import Surroundings
from dispatch.topics.fields import Content
from dispatch.topics.hospitals import (
    HandoverAcknowledged,
    HandoverDiverted,
    HandoverSignedByHospital,
    HospitalReported,
    TransferAccepted,
    TransferDiverted,
)

SOURCE: Final = "hospitals"
# A patient usually stays so long at least; hospitals report their free rooms at fixed hours.
STAY: Final = timedelta(hours=4)
REPORT_EVERY: Final = timedelta(hours=6)
# Seconds after the arrival: no crew signs so soon.
TURNED_AWAY_AFTER: Final = 30.0


class Hospitals:
    """All hospitals of a city."""

    def __init__(
        self, stage: Surroundings, behaviour: Behaviour, *, stay: timedelta = STAY
    ) -> None:
        self._stage = stage
        self._behaviour = behaviour
        self._stay = stay
        self._capacity = {h.hospital_id: dict(h.rooms) for h in stage.plan.hospital}
        self._taken: Counter[tuple[str, str]] = Counter()
        # Who leaves, by hospital and report, how many from which rooms.
        self._leaving: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        self._began = stage.clock.now()
        # The announcement that stands, by assignment.
        self._announced: dict[str, dict[str, Any]] = {}
        stage.on("transfer.offered", self._on_offered)
        stage.on("handover.announced", self._on_announced)
        stage.on("handover.withdrawn", self._on_withdrawn)
        stage.on("handover.closed", self._on_closed)
        stage.on("handover.released", self._on_closed)
        stage.on("incident.progressed", self._on_progress)

    def _on_offered(self, seen: Seen) -> None:
        offer = seen.data
        offer_id, hospital_id = offer["offer_id"], offer["hospital_id"]
        whom = (offer_id, offer["transfer_id"], hospital_id)
        if self._behaviour.deviates(Deviation.TRANSFER_SILENT, *whom):
            return
        proposal = self._behaviour.deviates(Deviation.DIVERT_TRANSFER, *whom)
        closes_after = self._behaviour.deviates(Deviation.ACCEPT_AND_CLOSE, *whom)
        seconds = self._behaviour.seconds("hospital_acknowledge", offer_id)
        self._stage.after(seconds, partial(self._answer_offer, offer_id, hospital_id, proposal))
        if closes_after is not None:
            self._stage.after(seconds + closes_after, partial(self._close, hospital_id))

    async def _answer_offer(self, offer_id: str, hospital_id: str, proposal: str | None) -> None:
        said: dict[str, Any] = {
            "hospital_id": hospital_id,
            "offer_id": offer_id,
            "at": self._stage.now(),
            "by": f"intake of {hospital_id}",
        }
        if proposal is None:
            await self._publish(TransferAccepted(**said))
        else:
            if proposal:
                said["proposal"] = proposal
            await self._publish(TransferDiverted(**said, reason="no staff"))

    async def _close(self, hospital_id: str) -> None:
        closed = HospitalReported(hospital_id=hospital_id, at=self._stage.now(), status="closed")
        await self._publish(closed)

    def _on_announced(self, seen: Seen) -> None:
        announced = seen.data
        self._announced[announced["assignment_id"]] = announced
        seconds = self._behaviour.seconds("hospital_acknowledge", announced["handover_id"])
        self._stage.after(seconds, partial(self._answer, announced))

    async def _answer(self, announced: dict[str, Any]) -> None:
        if self._announced.get(announced["assignment_id"]) is not announced:
            return
        if self._behaviour.intends(Deviation.HOSPITAL_SILENT, *_whom(announced)):
            return
        reason = self._behaviour.deviates(Deviation.DIVERT, *_whom(announced))
        handover_id, hospital_id = announced["handover_id"], announced["hospital_id"]
        now, by = self._stage.now(), f"intake of {hospital_id}"
        if reason is None:
            await self._publish(
                HandoverAcknowledged(
                    hospital_id=hospital_id, handover_id=handover_id, at=now, by=by
                )
            )
        else:
            await self._publish(
                HandoverDiverted(
                    hospital_id=hospital_id, handover_id=handover_id, at=now, by=by, reason=reason
                )
            )

    def _on_withdrawn(self, seen: Seen) -> None:
        withdrawn = seen.data
        if withdrawn["reason"] == NO_ANSWER:
            self._behaviour.deviates(Deviation.HOSPITAL_SILENT, *_whom(withdrawn))
        assignment_id = withdrawn["handover_id"].rpartition("/")[0]
        # Another hospital's announcement may have been read before.
        announced = self._announced.get(assignment_id)
        if announced is not None and announced["handover_id"] == withdrawn["handover_id"]:
            del self._announced[assignment_id]

    def _on_progress(self, seen: Seen) -> None:
        progress = seen.data
        announced = self._announced.get(progress["assignment_id"])
        if progress["status"] == "at_hospital" and announced is not None:
            seconds = self._behaviour.seconds("hospital_sign", progress["assignment_id"])
            if self._behaviour.intends(Deviation.DIVERT_AT_THE_DOOR, *_whom(announced)):
                seconds = TURNED_AWAY_AFTER
            self._stage.after(seconds, partial(self._sign, announced))

    async def _sign(self, announced: dict[str, Any]) -> None:
        if self._announced.get(announced["assignment_id"]) is not announced:
            return
        reason = self._behaviour.deviates(Deviation.DIVERT_AT_THE_DOOR, *_whom(announced))
        if reason is not None:
            await self._publish(
                HandoverDiverted(
                    hospital_id=announced["hospital_id"],
                    handover_id=announced["handover_id"],
                    at=self._stage.now(),
                    by=f"intake of {announced['hospital_id']}",
                    reason=reason,
                )
            )
            return
        await self._publish(
            HandoverSignedByHospital(
                hospital_id=announced["hospital_id"],
                handover_id=announced["handover_id"],
                at=self._stage.now(),
                by=f"intake of {announced['hospital_id']}",
            )
        )

    def _on_closed(self, seen: Seen) -> None:
        announced = self._announced.pop(seen.data["assignment_id"], None)
        if announced is None:
            return
        hospital_id = announced["hospital_id"]
        rooms = [bed["room"] for bed in announced["beds"]]
        if announced["place"] is not None:
            rooms.append(announced["reserve"])
        if not rooms:
            return
        self._taken.update((hospital_id, room) for room in rooms)
        begin = self._began
        rounds = (self._stage.now() + self._stay - begin) // REPORT_EVERY + 1
        leaving = self._leaving[hospital_id, rounds]
        if not leaving:
            when = begin + rounds * REPORT_EVERY
            self._stage.at(when, partial(self._discharge, hospital_id, rounds))
        leaving.update(rooms)

    async def _discharge(self, hospital_id: str, rounds: int) -> None:
        leaving = self._leaving.pop((hospital_id, rounds))
        for room, patients in leaving.items():
            self._taken[hospital_id, room] -= patients
        capacity = self._capacity[hospital_id]
        free = {room: capacity[room] - self._taken[hospital_id, room] for room in leaving}
        await self._publish(
            HospitalReported(hospital_id=hospital_id, at=self._stage.now(), rooms=free)
        )

    async def _publish(self, event: Content) -> None:
        await self._stage.publish(event, source=SOURCE)


def _whom(told: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return by what a deviation from an announcement, or its withdrawal, may be scripted."""
    handover_id: str = told["handover_id"]
    assignment_id = handover_id.rpartition("/")[0]
    incident_id = assignment_id.rpartition("/")[0]
    return handover_id, assignment_id, incident_id, told["hospital_id"]
