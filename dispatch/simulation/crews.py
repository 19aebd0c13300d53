"""Crews that do what they are ordered: roll, treat, transport, sign, disinfect, come back.

They know what a crew knows: their orders, the hospital that expects them, and their unit's status
as the service tells it. A report that would come too late is not made.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

from dispatch.domain.lifecycle import REPORTED
from dispatch.domain.model import Position
from dispatch.domain.radio import NOT_ACKNOWLEDGED
from dispatch.simulation.behaviour import Behaviour, Deviation, Step
from dispatch.simulation.seen import Seen
from dispatch.simulation.surroundings import Surroundings
from dispatch.topics.fields import CaseStatusFound, Content
from dispatch.topics.observations import ObservationsReported
from dispatch.topics.units import (
    CaseFound,
    DisinfectionCertified,
    HandoverSignedByCrew,
    OrderAcknowledged,
    RunEnded,
    UnitPosition,
    UnitReported,
    UnitStatus,
)

SOURCE: Final = "crews"
_SECONDS_PER_MINUTE: Final = 60.0
_CASE_FOUND_AFTER: Final = 300.0  # s on scene
_OBSERVED_AFTER: Final = 120.0  # s on scene
_WASTE_BAGS: Final = 2

Phase = Literal["ordered", "rolling", "on_scene", "transporting", "at_hospital", "over"]


@dataclass(slots=True)
class Run:
    """One assignment as its crew sees it."""

    unit_id: str
    assignment_id: str
    incident_id: str
    scene: Position
    phase: Phase = "ordered"


@dataclass(slots=True)
class Job:
    """One terminal disinfection as its crew sees it."""

    job_id: str
    unit_id: str
    agent: str
    minimum: dict[str, Any]
    weak: bool
    started_at: datetime | None = None


@dataclass(slots=True)
class Crew:
    """A unit as its crew knows it: `position` is where it was last, at `position_at`."""

    station: Position
    position: Position
    position_at: datetime
    status: str = "available"
    job_id: str | None = None
    run: Run | None = None


class Crews:
    """All crews of a city."""

    def __init__(self, stage: Surroundings, behaviour: Behaviour) -> None:
        self._stage = stage
        self._behaviour = behaviour
        policy = stage.pack.allocation
        self._fresh = timedelta(seconds=policy.position_fresh_seconds)
        self._travel = stage.plan.travel_under(stage.pack)
        stations = {s.station_id: Position(s.latitude, s.longitude) for s in stage.plan.station}
        now = stage.clock.now()
        self._crews = {
            unit.unit_id: Crew(stations[unit.station], stations[unit.station], now)
            for unit in stage.plan.unit
        }
        self._hospitals = {
            h.hospital_id: Position(h.latitude, h.longitude) for h in stage.plan.hospital
        }
        # The announcement that stands, by assignment.
        self._announced: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, Job] = {}
        # What is to be disinfected once the hospital has signed, by assignment.
        self._owed: dict[str, Seen] = {}
        # When each bay is free of the decontamination centres whose bays are counted.
        self._bays = {h.hospital_id: [now] * h.bays for h in stage.plan.hospital if h.bays}
        # The last change of each unit's status, by its sequence.
        self._latest: dict[str, int] = {}
        stage.on("unit.changed", self._on_changed)
        stage.on("order.issued", self._on_order)
        stage.on("order.amended", self._on_order_amended)
        stage.on("order.withdrawn", self._on_order_withdrawn)
        stage.on("handover.announced", self._on_announced)
        stage.on("handover.withdrawn", self._on_announcement_withdrawn)
        stage.on("handover.closed", self._on_handed_over)
        stage.on("handover.released", self._on_handed_over)
        stage.on("disinfection.ordered", self._on_job)
        stage.on("disinfection.rejected", self._on_certificate_refused)

    # -- the run

    def _on_order(self, seen: Seen) -> None:
        order = seen.data
        scene = Position(order["scene"]["latitude"], order["scene"]["longitude"])
        run = Run(order["unit_id"], order["assignment_id"], order["incident_id"], scene)
        crew = self._crews[run.unit_id]
        if crew.run is not None:
            # Whatever has become of it: a crew is on one run.
            crew.run.phase = "over"
        crew.run = run
        self._then("acknowledge", run, partial(self._answer, run))

    def _on_order_withdrawn(self, seen: Seen) -> None:
        order = seen.data
        crew = self._crews[order["unit_id"]]
        if crew.run is not None and crew.run.assignment_id == order["assignment_id"]:
            if order["reason"] == NOT_ACKNOWLEDGED:
                self._deviates(Deviation.SILENT, crew.run)
            self._over(crew.run)

    def _on_order_amended(self, seen: Seen) -> None:
        """Go where the patient is, or is expected, now: also from the door of a hospital."""
        order, run = seen.data, self._crews[seen.data["unit_id"]].run
        if run is None or run.assignment_id != order["assignment_id"]:
            return
        if "scene" in order["changed"]:
            run.scene = Position(order["scene"]["latitude"], order["scene"]["longitude"])
            if run.phase == "rolling":
                self._drive_to_scene(run)
        if run.phase != "at_hospital" or "hospital_id" not in order["changed"]:
            return
        run.phase = "transporting"
        announced = self._announced.get(run.assignment_id)
        if announced is not None and announced["hospital_id"] == order["hospital_id"]:
            self._drive_on(run)

    async def _answer(self, run: Run) -> None:
        if run.phase != "ordered" or self._behaviour.intends(Deviation.SILENT, *_whom(run)):
            return
        reason = self._deviates(Deviation.REFUSE, run)
        if reason is not None:
            await self._end(run, "refused", reason)
            return
        await self._publish(
            OrderAcknowledged(
                unit_id=run.unit_id, assignment_id=run.assignment_id, at=self._stage.now()
            )
        )
        self._then("roll", run, partial(self._roll, run))

    async def _roll(self, run: Run) -> None:
        if run.phase != "ordered":
            return
        run.phase = "rolling"
        await self._report(run.unit_id, "rolling", self._where(run.unit_id))
        seconds = self._behaviour.intends(Deviation.BREAK_DOWN, *_whom(run))
        if seconds is not None:
            self._stage.after(seconds, partial(self._break_down, run))
            return
        self._drive_to_scene(run)

    def _drive_to_scene(self, run: Run) -> None:
        """Drive to where the patient is said to be, from where the unit was reported last."""
        way = self._travel.seconds(self._crews[run.unit_id].position, run.scene)
        self._then("travel", run, partial(self._arrive_on_scene, run, run.scene), way)

    async def _break_down(self, run: Run) -> None:
        if run.phase == "rolling":
            self._deviates(Deviation.BREAK_DOWN, run)
            self._over(run)
            await self._report(run.unit_id, "out_of_service", None, reason="vehicle fault")

    async def _arrive_on_scene(self, run: Run, scene: Position) -> None:
        # The crew may have been told of a better place on its way.
        if run.phase != "rolling" or run.scene is not scene:
            return
        run.phase = "on_scene"
        await self._report(run.unit_id, "on_scene", run.scene)
        reason = self._deviates(Deviation.END_EMPTY, run)
        if reason is not None:
            self._then("on_scene", run, partial(self._end, run, "empty", reason))
            return
        observed = self._deviates(Deviation.OBSERVE, run)
        if observed is not None:
            self._stage.after(_OBSERVED_AFTER, partial(self._observe, run, observed))
        found = self._deviates(Deviation.FIND_CASE, run)
        if found is not None:
            self._stage.after(_CASE_FOUND_AFTER, partial(self._find_case, run, found))
        self._then("on_scene", run, partial(self._leave_scene, run))

    async def _observe(self, run: Run, observed: dict[str, Any]) -> None:
        about = {"unit_id": run.unit_id, "assignment_id": run.assignment_id}
        said = {**about, "at": self._stage.now(), **observed}
        await self._publish(ObservationsReported.model_validate(said))

    async def _find_case(self, run: Run, case_status: CaseStatusFound) -> None:
        if run.phase in ("on_scene", "transporting"):
            await self._publish(
                CaseFound(
                    unit_id=run.unit_id,
                    assignment_id=run.assignment_id,
                    at=self._stage.now(),
                    case_status=case_status,
                )
            )

    async def _end(self, run: Run, outcome: Literal["empty", "refused"], reason: str) -> None:
        if run.phase == "over":
            return
        self._over(run)
        await self._publish(
            RunEnded(
                unit_id=run.unit_id,
                assignment_id=run.assignment_id,
                at=self._stage.now(),
                outcome=outcome,
                reason=reason,
            )
        )

    async def _leave_scene(self, run: Run) -> None:
        if run.phase != "on_scene":
            return
        run.phase = "transporting"
        await self._report(run.unit_id, "transporting", run.scene)
        self._drive_on(run)

    def _drive_on(self, run: Run) -> None:
        """Drive to the hospital that expects the patient, once one does."""
        announced = self._announced.get(run.assignment_id)
        if announced is not None:
            way = self._travel.seconds(
                self._crews[run.unit_id].position, self._hospitals[announced["hospital_id"]]
            )
            self._then("transport", run, partial(self._arrive_at_hospital, run, announced), way)

    async def _arrive_at_hospital(self, run: Run, announced: dict[str, Any]) -> None:
        # Another hospital may have been chosen on the way.
        standing = self._announced.get(run.assignment_id)
        if run.phase != "transporting" or standing is not announced:
            return
        run.phase = "at_hospital"
        place = self._hospitals[announced["hospital_id"]]
        await self._report(run.unit_id, "at_hospital", place)
        self._then("sign", run, partial(self._sign, run, announced["handover_id"]))

    async def _sign(self, run: Run, handover_id: str) -> None:
        standing = self._announced.get(run.assignment_id)
        stands = standing is not None and standing["handover_id"] == handover_id
        if run.phase == "at_hospital" and stands:
            await self._publish(
                HandoverSignedByCrew(
                    unit_id=run.unit_id,
                    handover_id=handover_id,
                    at=self._stage.now(),
                    by=f"crew of {run.unit_id}",
                )
            )

    # -- the hospital

    def _on_announced(self, seen: Seen) -> None:
        announced = seen.data
        self._announced[announced["assignment_id"]] = announced
        run = self._crews[announced["unit_id"]].run
        if (
            run is not None
            and run.assignment_id == announced["assignment_id"]
            and run.phase == "transporting"
        ):
            self._drive_on(run)

    def _on_announcement_withdrawn(self, seen: Seen) -> None:
        handover_id: str = seen.data["handover_id"]
        assignment_id = handover_id.rpartition("/")[0]
        announced = self._announced.get(assignment_id)
        if announced is not None and announced["handover_id"] == handover_id:
            del self._announced[assignment_id]

    def _on_handed_over(self, seen: Seen) -> None:
        closed = seen.data
        run = self._crews[closed["unit_id"]].run
        self._announced.pop(closed["assignment_id"], None)
        if run is None or run.assignment_id != closed["assignment_id"]:
            return
        self._over(run)
        if closed["disinfection"] != "terminal":
            self._then("turnaround", run, partial(self._set_out, run.unit_id))

    # -- disinfection

    def _on_job(self, seen: Seen) -> None:
        run = self._crews[seen.data["unit_id"]].run
        if run is not None and run.assignment_id == seen.data["assignment_id"]:
            self._owed[run.assignment_id] = seen
        else:
            self._begin(seen.data)

    def _begin(self, ordered: dict[str, Any]) -> None:
        agent = ordered["required_agent"]
        job = Job(
            job_id=ordered["job_id"],
            unit_id=ordered["unit_id"],
            agent=agent,
            minimum=next(each for each in ordered["minimums"] if each["agent"] == agent),
            weak=self._behaviour.deviates(
                Deviation.WEAK_CERTIFICATE,
                ordered["assignment_id"],
                ordered["incident_id"],
                ordered["unit_id"],
            )
            is not None,
        )
        self._jobs[job.job_id] = job
        crew = self._crews[job.unit_id]
        centre = self._hospitals.get(ordered["centre_id"], crew.station)
        way = self._travel.seconds(crew.position, centre)
        seconds = self._behaviour.seconds("drive_to_centre", job.job_id, way)
        self._stage.after(seconds, partial(self._queue_up, job, ordered["centre_id"], centre))

    async def _queue_up(self, job: Job, centre_id: str | None, centre: Position) -> None:
        """Wait for the first bay that is free, where bays are counted."""
        bays = self._bays.get(centre_id or "")
        if bays is None:
            await self._disinfect(job, centre)
            return
        now = self._stage.now()
        start = max(now, min(bays))
        bays[bays.index(min(bays))] = start + timedelta(seconds=self._disinfection(job))
        if start > now:
            wait = (start - now).total_seconds()
            self._stage.after(wait, partial(self._disinfect, job, centre))
        else:
            await self._disinfect(job, centre)

    def _disinfection(self, job: Job) -> float:
        contact: float = job.minimum["min_minutes"] * _SECONDS_PER_MINUTE
        return contact + self._behaviour.seconds("disinfect", job.job_id)

    async def _disinfect(self, job: Job, centre: Position) -> None:
        job.started_at = self._stage.now()
        if "disinfecting" in REPORTED[self._crews[job.unit_id].status]:
            await self._report(job.unit_id, "disinfecting", centre)
        self._stage.after(self._disinfection(job), partial(self._certify, job))

    async def _certify(self, job: Job) -> None:
        assert job.started_at is not None, "certified after it was done"
        now = self._stage.now()
        strength = job.minimum["min_concentration"]
        await self._publish(
            DisinfectionCertified(
                unit_id=job.unit_id,
                job_id=job.job_id,
                at=now,
                agent=job.agent,
                concentration=strength / 2 if job.weak else strength,
                contact_minutes=job.minimum["min_minutes"],
                started_at=job.started_at,
                ended_at=now,
                operator=f"decontamination crew of {job.unit_id}",
                waste_bags=_WASTE_BAGS,
            )
        )

    def _on_certificate_refused(self, seen: Seen) -> None:
        refused = seen.data
        job = self._jobs[refused["job_id"]]
        if refused["unit_id"] != job.unit_id:
            return  # somebody else's certificate
        job.weak = False
        contact = job.minimum["min_minutes"] * _SECONDS_PER_MINUTE
        job.started_at = self._stage.now()
        seconds = contact + self._behaviour.seconds("disinfect", f"{job.job_id}/again")
        self._stage.after(seconds, partial(self._certify, job))

    # -- on the way back

    def _on_changed(self, seen: Seen) -> None:
        changed = seen.data
        unit_id = changed["unit_id"]
        crew = self._crews[unit_id]
        crew.status, crew.job_id = changed["status"], changed["job_id"]
        self._latest[unit_id] = seen.sequence
        if crew.job_id is not None:
            return
        if crew.status == "returning":
            way = self._travel.seconds(crew.position, crew.station)
            seconds = self._behaviour.seconds("return", seen.id, way)
            self._stage.after(seconds, partial(self._back, unit_id, seen.sequence))
        elif crew.status == "out_of_service":
            seconds = self._behaviour.seconds("repair", seen.id)
            self._stage.after(seconds, partial(self._back, unit_id, seen.sequence))

    async def _set_out(self, unit_id: str) -> None:
        crew = self._crews[unit_id]
        if crew.status == "handed_over" and crew.job_id is None:
            await self._report(unit_id, "returning", crew.position)

    async def _back(self, unit_id: str, sequence: int) -> None:
        """Report back from the status that a change (by its sequence) brought, if it lasts."""
        if self._latest[unit_id] == sequence:
            await self._report(unit_id, "available", self._crews[unit_id].station)

    # -- what all do

    def _then(
        self,
        step: Step,
        run: Run,
        action: Callable[[], Awaitable[None]],
        estimate: float = 0.0,
    ) -> None:
        seconds = self._behaviour.seconds(step, run.assignment_id, estimate)
        self._stage.after(seconds, action)

    def _deviates(self, deviation: Deviation, run: Run) -> Any:
        return self._behaviour.deviates(deviation, *_whom(run))

    def _over(self, run: Run) -> None:
        run.phase = "over"
        crew = self._crews[run.unit_id]
        if crew.run is run:
            crew.run = None
        owed = self._owed.pop(run.assignment_id, None)
        if owed is not None:
            self._begin(owed.data)

    def _where(self, unit_id: str) -> Position:
        """Return where a unit starts from: long after its last report it is at its station."""
        crew = self._crews[unit_id]
        fresh = self._stage.now() - crew.position_at <= self._fresh
        return crew.position if fresh else crew.station

    async def _report(
        self,
        unit_id: str,
        status: UnitStatus,
        position: Position | None,
        *,
        reason: str | None = None,
    ) -> None:
        now = self._stage.now()
        # What is absent stays as it was.
        said: dict[str, Any] = {} if reason is None else {"reason": reason}
        if position is not None:
            crew = self._crews[unit_id]
            crew.position, crew.position_at = position, now
            said["position"] = UnitPosition(
                latitude=position.latitude, longitude=position.longitude
            )
        await self._publish(UnitReported(unit_id=unit_id, at=now, status=status, **said))

    async def _publish(self, event: Content) -> None:
        heard_at = self._behaviour.heard_at(self._stage.now())
        if heard_at > self._stage.now():
            self._stage.at(heard_at, partial(self._publish, event))
        else:
            await self._stage.publish(event, source=SOURCE)


def _whom(run: Run) -> tuple[str, str, str]:
    """Return by what a deviation of a run may be scripted."""
    return run.assignment_id, run.incident_id, run.unit_id
