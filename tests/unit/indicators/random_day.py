"""A day of a small city with everything in it, drawn from a seed: its inputs and its log."""

import json
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.domain import batches
from dispatch.domain.batch_problems import problem
from dispatch.domain.batch_progress import needs_plan
from dispatch.domain.city import Duplicate, Rejected
from dispatch.domain.fleet import report_duties
from dispatch.domain.model import Assignment, Entity, Handover, Hospital, Offer, Report, Unit
from dispatch.planning.solve import solve
from dispatch.topics import TOPIC_OF
from dispatch.topics.calls import CallLinkConfirmed, CallLinkRefused
from dispatch.topics.fields import Content
from dispatch.topics.hospitals import BedFreed, HospitalReported, PatientLeft
from dispatch.topics.transfers import TransferBatchRequested
from dispatch.topics.units import SceneReported
from tests.unit.domain.city_builder import (
    ALL_NO,
    EAST,
    MIDDLE,
    POSITIVE,
    UNDETERMINED,
    WEST,
    SmallCity,
    at,
    call,
    hospital,
    transfer_unit,
    unit,
    usual_hospitals,
    wanted,
)

_PIECE: Final = timedelta(seconds=50)  # within which an order can be answered
_PIECES: Final = 6
_STEPS: Final = 288  # a day
_COMPLAINTS: Final = (
    *("发热咳嗽三天", "胸痛大汗", "脑卒中，口角歪斜", "孕38周要生了", "车祸外伤", "骨折"),
    *(
        "没有发热，就是腿疼",
        "confused, fever for two days",
        "透析病人呼吸困难",
        "肚子痛",
        "说不清楚",
    ),
)
_NAMES: Final = ("王秀英", "李建国", "张伟", "不详")
_HISTORIES: Final[tuple[dict[str, str], ...]] = (
    {},
    {},
    {"travel": "no"},
    ALL_NO,
    ALL_NO,
    POSITIVE,
    UNDETERMINED,
)
_NEXT: Final = {
    "ordered": "rolling",
    "rolling": "on_scene",
    "on_scene": "transporting",
    "transporting": "at_hospital",
    "returning": "available",
    "out_of_service": "available",
    "off_duty": "available",
}
_ENDINGS: Final = (
    ("refused", "vehicle_fault"),
    ("aborted", "vehicle_fault"),
    ("aborted", "patient_cancelled"),
    ("aborted", "transport_declined"),
    ("empty", "transport_declined"),
    ("empty", "patient_left"),
)


def _fleet() -> list[Unit]:
    return [
        unit("R1", vehicle="negative_pressure"),
        unit("R2", district=MIDDLE, station=at(111.7)),
        unit("R3", district=EAST, station=at(111.8)),
        unit("R4", vehicle="monitoring"),
        unit("R5", district=MIDDLE, station=at(111.71), vehicle="monitoring"),
        unit("R6", district=EAST, station=at(111.81)),
        unit("R7", district=WEST, station=at(111.61)),
        transfer_unit("T1"),
        transfer_unit("T2", district=MIDDLE, station=at(111.7)),
        transfer_unit("T3", district=EAST, station=at(111.8)),
    ]


def _hospitals() -> list[Hospital]:
    beds = {"isolation": 20, "negative_pressure": 6, "icu": 6}
    return [
        *(replace(each, rooms=each.rooms | beds) if "icu" in each.rooms else each
          for each in usual_hospitals()),
        hospital("small", "ordinary", position=at(111.61), rooms={"emergency": 2}),
        hospital("heart", "ordinary", "fever_clinic", "emergency_buffer", position=at(111.66),
                 capabilities=("cardiac", "stroke", "trauma", "obstetrics"),
                 rooms={"emergency": 5, "fever_clinic": 5, "buffer": 5, "ward": 5}),
        hospital("site", "isolation_site", rooms={"isolation_site": 5}),
        hospital("homes", "community", rooms={"follow_up": 9}),
        hospital("wards", "ordinary", district=EAST, rooms={"ward": 4, "isolation": 2}),
    ]  # fmt: skip


class _Recorded(SmallCity):
    """A city that keeps its inputs as they were sent, and whether they were taken."""

    def __init__(self, *entities: Entity, **more: Any) -> None:
        super().__init__(*entities, **more)
        self.inputs: list[dict[str, Any]] = []

    def say(self, event: Content, waits_since: datetime | None = None) -> list[Any]:
        sent = {"type": event.event_type, "data": json.loads(event.model_dump_json())}
        self.inputs.append(sent)
        try:
            events = super().say(event, waits_since)
        except (Rejected, Duplicate) as refused:
            sent["refused"] = type(refused).__name__
            raise
        return events


@dataclass
class RandomDay:
    """Consoles, crews, hospitals, planner and commission, each at it every five minutes."""

    seed: int
    calls: int = 0
    transfers: int = 0
    batches: int = 0
    refused: int = 0
    said: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.city = _Recorded(*_fleet(), hospitals=_hospitals())

    def live(self) -> None:
        """Live the day, and some hours more in which what is under way comes to its end."""
        self.city.do(report_duties)
        for step in range(_STEPS):
            lull = 125 <= step < 150
            silent = 150 <= step < 154  # the radio is out
            self.step(calling=not lull, silent=silent, often=150 <= step < 153)
        for _ in range(40):
            self.step(calling=False, silent=False, often=False)

    def step(self, *, calling: bool, silent: bool, often: bool) -> None:
        """Let everybody do what they feel like, and five minutes pass."""
        rng = self.rng
        for _ in range(3 if often else calling and rng.random() < 0.25):
            self.a_call()
        if calling:
            self.maybe(0.03, self.a_transfer)
            self.maybe(0.015, self.a_batch)
            self.maybe(0.02, self.a_mode)
            self.maybe(0.1, self.a_repeated_call)
        self.maybe(0.25, self.an_answer)
        self.maybe(0.25, self.a_word_of_the_dispatcher)
        self.maybe(0.1, self.an_override)
        self.maybe(0.5, self.a_word_on_a_proposal)
        if not silent:
            for unit_id in sorted(self.city.city.units):
                self.a_crew(unit_id)
        known = self.every(Handover)
        for handover in known:
            if handover.ended_at is None or rng.random() < 4 / len(known):
                self.a_hospital_with(handover)
        for offer in self.every(Offer):
            if offer.status == "open" and rng.random() < 0.4:
                other = rng.choice([None, "reserve"])
                accepts = self.city.accepts(offer.offer_id)
                refuses = self.city.refuses(offer.offer_id, other)
                self.say(accepts if rng.random() < 0.8 else refuses)
        self.maybe(0.08, self.a_hospital_reports)
        self.maybe(0.03, self.a_hospital_is_for_others)
        self.maybe(0.3, self.the_planner)
        for _ in range(3):
            self.the_commission()
        for _ in range(_PIECES):
            if not silent:
                self.crews_answer()
            self.city.pass_time(_PIECE.total_seconds() + rng.choice((-5.5, 0.0, 0.25, 10.0)))

    # -- consoles and institutions

    def a_call(self) -> None:
        rng = self.rng
        longitude = rng.choice((111.60, 111.61, 111.65, 111.70, 111.75, 111.85))
        caller: dict[str, Any] = {"kind": "public"}
        if rng.random() < 0.12:
            caller = {"kind": "institution", "institution_id": "I1", "can_admit_suspected": False}
        if rng.random() < 0.8:
            caller["phone"] = f"0470-82{rng.randrange(100_000, 999_999)}"
        patient: dict[str, Any] = {
            "condition": rng.choice(("stable", "stable", "critical", "unknown")),
            "case_status": rng.choice(("none",) * 7 + ("suspected", "confirmed", "asymptomatic")),
            "symptoms": rng.choice(([], [], ["fever"], ["cough"], ["unknown"], ["腿麻麻的"])),
        }
        if rng.random() < 0.5:
            patient |= {"name": rng.choice(_NAMES), "age": rng.choice((5, 30, 66))}
        more: dict[str, Any] = {}
        if rng.random() < 0.6:
            more["chief_complaint"] = rng.choice(_COMPLAINTS)
        if rng.random() < 0.2:
            more["patient_count"] = rng.choice((1, 2, 3))
        if rng.random() < 0.5:
            ring = self.city.now - timedelta(seconds=rng.choice((20, 30)))
            more["ring_at"] = ring
            more["talk_started_at"] = ring + timedelta(seconds=rng.choice((3, 9, 10, 17)))
        more["epidemiology"] = rng.choice(_HISTORIES)
        place = {"longitude": longitude, "latitude": 40.8 + rng.randrange(40) / 1000}
        self.send({"caller": caller, "patient": patient, "location": place}, more)

    def send(self, body: dict[str, Any], more: dict[str, Any]) -> None:
        self.calls += 1
        longitude = body["location"]["longitude"]
        district = WEST if longitude < 111.68 else MIDDLE if longitude < 111.78 else EAST
        call_id = f"c{self.calls}"
        self.said[call_id] = (body, more)
        self.say(call(call_id, received_at=self.city.now, district=district, **body, **more))

    def a_repeated_call(self) -> None:
        """Somebody calls again, or another for the same patient: from the same place, or near."""
        known = [key for key in self.said if int(key[1:]) > self.calls - 5]
        if not known:
            return
        rng = self.rng
        body, more = self.said[rng.choice(known)]
        place = dict(body["location"])
        place["latitude"] += rng.choice((0.0, 0.0004, 0.0015, 0.02))
        caller = dict(body["caller"])
        if rng.random() < 0.5:
            caller["phone"] = f"0470-82{rng.randrange(100_000, 999_999)}"
        patient = dict(body["patient"])
        if rng.random() < 0.3:
            patient |= {"condition": "critical"}
        self.send({"caller": caller, "patient": patient, "location": place}, more)

    def an_answer(self) -> None:
        rng = self.rng
        answers: dict[str, Any] = {}
        if rng.random() < 0.7:
            answers["epidemiology"] = rng.choice(_HISTORIES[2:])
        if rng.random() < 0.15:
            answers["condition"] = rng.choice(("stable", "critical", "unknown"))
        if rng.random() < 0.1:
            answers["case_status"] = rng.choice(("suspected", "confirmed"))
        if rng.random() < 0.15:
            answers["symptoms"] = rng.choice((["fever"], ["cough"], ["diarrhoea"]))
        if rng.random() < 0.05:
            answers["symptoms_taken_back"] = ["fever"]
        if rng.random() < 0.1:
            answers["location"] = {"longitude": 111.64, "latitude": 40.8 + rng.random() / 50}
        if answers:
            self.attempt(lambda: self.city.answer(self.some_call(), **answers))

    def a_word_of_the_dispatcher(self) -> None:
        what = self.rng.choice(("cancelled", "held", "held", "resumed", "unlinked", "unlinked"))
        self.say(getattr(self.city, what)(self.some_call()))

    def an_override(self) -> None:
        choice: dict[str, Any] = self.rng.choice(
            (
                {"unit_id": self.rng.choice(sorted(self.city.city.units))},
                {"crew": "regular"},
                {"crew": "transfer"},
                {"hospital_id": self.rng.choice(("designated", "second", "small", "heart"))},
            )
        )
        self.say(self.city.overridden(self.some_call(), **choice))

    def a_word_on_a_proposal(self) -> None:
        proposed = [
            each.event for each in self.city.history[-200:]
            if each.event.event_type == "link.proposed"
        ]  # fmt: skip
        if proposed:
            kind = self.rng.choice((CallLinkConfirmed, CallLinkRefused))
            body = {"call_id": proposed[-1].call_id, "at": self.city.now, "by": "d1"}  # type: ignore[attr-defined]
            self.say(kind.model_validate(body | {"reason": "asked"}))

    def a_transfer(self) -> None:
        rng = self.rng
        self.transfers += 1
        kind = rng.choice(
            ("confirmed", "confirmed", "suspected", "febrile", "close_contact", "recovered",
             "in_patient")
        )  # fmt: skip
        patients = [
            {"severity": rng.choice(("critical", "severe", "ordinary", "mild"))}
            | ({"needs": ["oxygen"]} if rng.random() < 0.3 else {})
            for _ in range(rng.choice((1, 1, 2, 3)))
        ]
        more: dict[str, Any] = {} if rng.random() < 0.5 else {"epidemiology": POSITIVE}
        self.say(wanted(f"t{self.transfers}", *patients, at=self.city.now, kind=kind, **more))

    def a_batch(self) -> None:
        self.batches += 1
        body = {
            "batch_id": f"b{self.batches}",
            "at": self.city.now,
            "institution_id": "clinic",
            "district": WEST,
            "location": {"latitude": 40.8, "longitude": 111.61},
            "kind": self.rng.choice(("confirmed", "close_contact")),
            "patients": [
                {"patient_id": f"p{n}", "severity": "ordinary", "mobility": "walking"}
                for n in range(self.rng.choice((2, 3, 4)))
            ],
            "by": "clinic-1",
        }
        self.say(TransferBatchRequested.model_validate(body))

    def the_planner(self) -> None:
        city = self.city.city
        waiting = sorted(
            each.batch_id for each in city.batches.values()
            if needs_plan(each)
        )  # fmt: skip
        if waiting:
            batch = city.batches[self.rng.choice(waiting)]
            city.begin(now=self.city.now, cause="")
            plan = solve(problem(city, batch), seconds=60, workers=1)
            self.city.do(lambda city: batches.adopt(city, batch.batch_id, batch.revision, plan))

    def a_mode(self) -> None:
        self.attempt(lambda: self.city.switch(self.rng.choice(("epidemic", "epidemic", "routine"))))

    # -- crews

    def crews_answer(self) -> None:
        for unit_id, each in sorted(self.city.city.units.items()):
            if each.status == "ordered" and self.rng.random() < 0.97:
                self.attempt(lambda unit_id=unit_id: self.city.say(self.city.acknowledged(unit_id)))

    def a_crew(self, unit_id: str) -> None:
        rng = self.rng
        now = self.city.unit(unit_id)
        run = now.assignment_id
        if run is not None:
            odd = rng.random()
            if odd < 0.02:
                self.attempt(lambda: self.city.end(unit_id, *rng.choice(_ENDINGS)))
            elif odd < 0.035:
                found = rng.choice(("suspected", "confirmed"))
                self.attempt(lambda: self.city.find(unit_id, case_status=found))
            elif odd < 0.045:
                self.attempt(lambda: self.city.say(self.city.died(unit_id)))
            elif odd < 0.1:
                self.attempt(lambda: self.city.say(self.city.observed(unit_id)))
            elif odd < 0.12:
                self.a_better_scene(unit_id, run)
        elif rng.random() < 0.01:
            off = rng.choice(("off_duty", "out_of_service"))
            self.say(self.city.reported(unit_id, status=off))
        elif rng.random() < 0.02:
            self.say(self.city.reported(unit_id, staffed=rng.random() < 0.8))
        if rng.random() < 0.6:
            self.next_of(unit_id)

    def a_better_scene(self, unit_id: str, run: str) -> None:
        body = {
            "unit_id": unit_id,
            "assignment_id": run,
            "at": self.city.now,
            "location": {"latitude": 40.82, "longitude": 111.66},
        }
        self.say(SceneReported.model_validate(body))

    def next_of(self, unit_id: str) -> None:
        now = self.city.unit(unit_id)
        if now.job_id is not None:
            self.a_certificate(unit_id)
        elif now.status == "handed_over":
            self.say(self.city.reported(unit_id, status="returning"))
        elif now.status == "at_hospital":
            run = self.city.assignment(unit_id)
            if run.handover_id is not None:
                self.say(self.city.crew_signs(self.city.known(Handover, run.handover_id)))
        elif now.status in _NEXT:
            self.say(self.city.reported(unit_id, status=_NEXT[now.status]))

    def a_certificate(self, unit_id: str) -> None:
        job = self.city.job(unit_id)
        if (self.city.now - job.ordered_at).total_seconds() < 1_900:
            return
        weak = self.rng.random() < 0.2
        self.say(
            self.city.certificate(
                unit_id,
                concentration=500.0 if weak else 1000.0,
                started_at=self.city.now - timedelta(minutes=30),
            )
        )

    # -- hospitals and the commission

    def a_hospital_with(self, handover: Handover) -> None:
        rng, city = self.rng, self.city
        chance = rng.random()
        if handover.status == "announced" and chance < 0.3:
            self.say(city.acknowledges(handover))
        elif chance < 0.31 and handover.status in ("announced", "acknowledged"):
            self.say(city.diverts(handover))
        elif chance < 0.7 and self.arrived(handover):
            self.say(city.hospital_signs(handover))
        elif chance < 0.73 and self.arrived(handover):
            self.say(city.waived(handover.incident_id))
        elif chance < 0.74:
            self.say(city.found(handover, rng.choice(("suspected", "confirmed", "asymptomatic"))))
        elif chance < 0.79 and self.arrived(handover):
            self.say(city.result(handover, positive=rng.random() < 0.4))
        elif chance < 0.80:
            body = {"hospital_id": handover.hospital_id, "handover_id": handover.handover_id,
                    "at": city.now}  # fmt: skip
            self.say(PatientLeft.model_validate(body))
        elif chance < 0.95 and self.arrived(handover):
            self.a_bed_is_freed(handover)

    def a_bed_is_freed(self, handover: Handover) -> None:
        promises = [
            each.event.promise_id  # type: ignore[attr-defined]
            for each in self.city.history
            if each.event.event_type == "bed.occupied"
            and each.event.hospital_id == handover.hospital_id  # type: ignore[attr-defined]
        ]
        if promises:
            body = {
                "hospital_id": handover.hospital_id,
                "at": self.city.now,
                "room": handover.room,
                "promise_id": self.rng.choice(promises),
                "outcome": self.rng.choice(("discharged", "moved", "died", "left")),
            }
            self.say(BedFreed.model_validate(body))

    def a_hospital_reports(self) -> None:
        hospital_id = self.rng.choice(sorted(self.city.city.hospitals))
        more: dict[str, Any] = {"status": self.rng.choice(("open",) * 5 + ("advisory", "closed"))}
        if self.rng.random() < 0.6:
            rooms = self.city.city.hospitals[hospital_id].rooms
            more["rooms"] = {kind: self.rng.choice((3, 5, 20)) for kind in rooms}
        self.attempt(lambda: self.city.report_hospital(hospital_id, **more))

    def a_hospital_is_for_others(self) -> None:
        hospital_id = self.rng.choice(("reserve", "wards", "general"))
        now = self.city.city.hospitals[hospital_id].service
        steps = {"ordinary": "emptying", "emptying": "emptied", "emptied": "cases"}
        body = {"hospital_id": hospital_id, "at": self.city.now,
                "service": steps.get(now, "ordinary")}  # fmt: skip
        self.say(HospitalReported.model_validate(body))

    def the_commission(self) -> None:
        rng = self.rng
        reports = self.every(Report)
        if not reports:
            return
        open_ones = [each for each in reports if each.acknowledged_by is None]
        report = rng.choice(open_ones or reports)
        chance = rng.random()
        if chance < 0.7:
            self.say(self.city.report_acknowledged(report.report_id))
        elif chance < 0.9:
            more = rng.choice(({}, {"generation": 1}, {"generation": 2}, {"generation": 3}))
            self.say(self.city.surveyed(report.owner, **more))
        else:
            self.say(self.city.infected(report.owner, rng.choice(("R1", "T1", "R3"))))

    # -- hands

    def arrived(self, handover: Handover) -> bool:
        run = self.city.known(Assignment, handover.assignment_id)
        return "at_hospital" in run.reached or run.outcome == "completed"

    def every(self, kind: type[Any]) -> list[Any]:
        return [each for (k, _), each in self.city._archive.items() if k is kind]

    def some_call(self) -> str:
        if self.transfers and self.rng.random() < 0.1:
            return f"t{self.rng.randint(max(1, self.transfers - 2), self.transfers)}"
        of_late = [key for key in self.city.city.incidents if key in self.said]
        if of_late and self.rng.random() < 0.7:
            return self.rng.choice(sorted(of_late))
        return f"c{self.rng.randint(max(1, self.calls - 7), max(1, self.calls))}"

    def say(self, event: Content) -> None:
        self.attempt(lambda: self.city.say(event))

    def attempt(self, action: Any) -> None:
        try:
            action()
        except (Rejected, Duplicate):
            self.refused += 1

    def maybe(self, chance: float, action: Any) -> None:
        if self.rng.random() < chance:
            action()

    # -- what is left of it

    def log(self) -> list[dict[str, Any]]:
        """Return the event log as it is written: every event as JSON, in its order."""
        return [
            {
                "position": position,
                "id": each.event_id,
                "topic": TOPIC_OF[each.event.event_type].name,
                "key": each.key,
                "type": each.event.event_type,
                "data": json.loads(each.event.model_dump_json()),
            }
            for position, each in enumerate(self.city.history, start=1)
        ]
