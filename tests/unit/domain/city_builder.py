"""A small city without a database: it takes inputs and fires timers as the desk does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from dispatch.domain import handling
from dispatch.domain.city import City, Duplicate, Emission, Rejected
from dispatch.domain.model import (
    CITY,
    Assignment,
    District,
    Entity,
    Handover,
    Hospital,
    Incident,
    Job,
    Offer,
    Position,
    Reservation,
    Timer,
    Transfer,
    Unit,
    owner_of,
)
from dispatch.domain.subjects import owner_in
from dispatch.policy.pack import Pack, load_pack
from dispatch.store import memory
from dispatch.topics.announcement import Announcement
from dispatch.topics.calls import (
    Call,
    CallAnswered,
    CallCancelled,
    CallHeld,
    CallOverridden,
    CallResumed,
    CallUnlinked,
    SignatureWaived,
)
from dispatch.topics.city import CityMode, CityModeSwitched
from dispatch.topics.commission import CrewInfected, ReportAcknowledged, SurveyCompleted
from dispatch.topics.fields import Content
from dispatch.topics.hospitals import (
    HandoverAcknowledged,
    HandoverDiverted,
    HandoverSignedByHospital,
    HospitalReported,
    PatientFound,
    ResultReported,
    TransferAccepted,
    TransferDiverted,
)
from dispatch.topics.observations import ObservationsReported
from dispatch.topics.transfers import TransferCancelled, TransferRequested
from dispatch.topics.units import (
    CaseFound,
    DisinfectionCertified,
    HandoverSignedByCrew,
    OrderAcknowledged,
    PatientDied,
    RunEnded,
    UnitReported,
    VehicleCleaned,
)

START = datetime(2022, 12, 23, 8, 0, tzinfo=UTC)
WEST, MIDDLE, EAST = "150102", "150103", "150104"
ALL_NO = dict.fromkeys(("travel", "residence", "close_contact", "exposure"), "no")
POSITIVE = ALL_NO | {"close_contact": "yes"}
UNDETERMINED = ALL_NO | {"exposure": "unknown"}
RUN = ("rolling", "on_scene", "transporting", "at_hospital")

BEDS = {"isolation": 2, "negative_pressure": 1, "icu": 2}

E = TypeVar("E", bound=Announcement)
R = TypeVar("R", bound=Entity)


def at(longitude: float, latitude: float = 40.8) -> Position:
    """Return a point on the street that the small city lies on (0.01 degrees: 842 m)."""
    return Position(latitude, longitude)


DISTRICTS = {
    WEST: District(code=WEST, name="West", centre=at(111.60), neighbours=(MIDDLE,)),
    MIDDLE: District(code=MIDDLE, name="Middle", centre=at(111.70), neighbours=(WEST, EAST)),
    EAST: District(code=EAST, name="East", centre=at(111.80), neighbours=(MIDDLE,)),
}


def unit(unit_id: str, **changes: Any) -> Unit:
    """Return a regular unit at the station of the west district."""
    plain = Unit(
        unit_id=unit_id, district=WEST, vehicle="basic", crew="regular", station=at(111.60)
    )
    return replace(plain, **changes)


def transfer_unit(unit_id: str, **changes: Any) -> Unit:
    """Return a transfer unit in a negative-pressure vehicle."""
    return unit(unit_id, **{"vehicle": "negative_pressure", "crew": "transfer"} | changes)


def hospital(hospital_id: str, *roles: str, **changes: Any) -> Hospital:
    """Return a hospital with two rooms of each kind and a decontamination centre, in the west.

    A designated one is in service for cases.
    """
    plain = Hospital(
        hospital_id=hospital_id,
        name=hospital_id,
        district=WEST,
        position=at(111.62),
        roles=roles,
        decontamination=True,
        rooms={"isolation": 2, "fever_clinic": 2, "buffer": 2, "emergency": 2},
        service="cases" if "designated" in roles else "ordinary",
    )
    return replace(plain, **changes)


def usual_hospitals() -> tuple[Hospital, ...]:
    """Return one hospital for each destination, and a second one for all but the designated."""
    return (
        hospital(
            "designated", "designated", jurisdiction=(WEST,), position=at(111.68), rooms=BEDS,
        ),
        hospital(
            "reserve", "reserve_designated", position=at(111.90), service="cases", rooms=BEDS,
        ),
        hospital(
            "general", "ordinary", "fever_clinic", "emergency_buffer", position=at(111.63),
            decontamination=False, capabilities=("cardiac",),
        ),
        hospital(
            "second", "ordinary", "fever_clinic", "emergency_buffer", position=at(111.75),
        ),
    )  # fmt: skip


def call(call_id: str, **changes: Any) -> Call:
    """Return a call of the public for a stable patient without symptoms, in the west.

    `patient`, `caller` and `location` are merged with the usual ones, the rest is the call's.
    """
    patient = {"condition": "stable", "symptoms": [], "case_status": "none"}
    caller = {"kind": "public"}
    body = {
        "call_id": call_id,
        "received_at": START,
        "district": WEST,
        "location": {"latitude": 40.8, "longitude": 111.6},
    }
    body |= changes
    body["patient"] = patient | changes.get("patient", {})
    body["caller"] = caller | changes.get("caller", {})
    return Call.model_validate(body)


def febrile(call_id: str, epidemiology: dict[str, str] | None = None, **changes: Any) -> Call:
    """Return the call of a stable patient with fever and the history given (R5 without one)."""
    patient = {"symptoms": ["fever"]} | changes.pop("patient", {})
    if epidemiology is not None:
        changes["epidemiology"] = epidemiology
    return call(call_id, patient=patient, **changes)


def case(call_id: str, **patient: Any) -> Call:
    """Return the call of a stable confirmed case: R2, a transfer crew."""
    return call(call_id, patient={"case_status": "confirmed"} | patient)


def wanted(transfer_id: str, *patients: dict[str, Any], **changes: Any) -> TransferRequested:
    """Return a request to move patients (by default one ordinary confirmed case) from the west."""
    body = {
        "transfer_id": transfer_id,
        "at": START,
        "institution_id": "clinic",
        "district": WEST,
        "location": {"latitude": 40.8, "longitude": 111.6},
        "kind": "confirmed",
        "patients": [
            {"patient_id": f"p{number}", "severity": "ordinary", "mobility": "walking"} | patient
            for number, patient in enumerate(patients or ({},), start=1)
        ],
        "by": "dr1",
    }
    return TransferRequested.model_validate(body | changes)


class SmallCity:
    """A city, its clock, its timers and everything it has published."""

    def __init__(
        self,
        *entities: Entity,
        mode: CityMode = "epidemic",
        pack: Pack | None = None,
        hospitals: Sequence[Hospital] | None = None,
    ) -> None:
        self.pack = pack or load_pack("covid-19")
        self.city = City(pack=self.pack, districts=DISTRICTS, mode=mode)
        self.now = START
        self.timers: dict[str, Timer] = {}
        self.history: list[Emission] = []
        self.step: list[Announcement] = []
        self._inputs = 0
        self._archive: dict[tuple[type, str], Entity] = {}
        self.city.load([*entities, *(usual_hospitals() if hospitals is None else hospitals)])

    # -- inputs and time

    def say(self, event: Content, waits_since: datetime | None = None) -> list[Announcement]:
        """Let an input take effect, or leave no trace and raise why not; returns the events."""
        self._inputs += 1
        self._remember(event)
        city = self.city
        cause = f"input-{self._inputs}"
        city.begin(now=self.now, cause=cause, waits_since=waits_since)
        before = self.snapshot()
        mark = city.mark()
        try:
            handling.handle(city, event, event.model_dump_json())
        except (Rejected, Duplicate):
            city.roll_back(mark)
            assert self.snapshot() == before
            self._settle()
            raise
        return self._settle()

    def do(self, action: Callable[[City], object]) -> list[Announcement]:
        """Let a rule do something to the city, as a part of some input; returns the events."""
        self._inputs += 1
        self.city.begin(now=self.now, cause=f"input-{self._inputs}")
        action(self.city)
        return self._settle()

    def refusal(self, event: Content) -> str:
        """Return why an input is refused, as `field: reason`."""
        try:
            self.say(event)
        except Rejected as rejected:
            return str(rejected)
        raise AssertionError(f"{event!r} was accepted")

    def pass_time(self, seconds: float) -> list[Announcement]:
        """Let time pass and the timers fire that become due; returns the events."""
        until = self.now + timedelta(seconds=seconds)
        events: list[Announcement] = []
        while due := [timer for timer in self.timers.values() if timer.due_at <= until]:
            timer = min(due, key=lambda each: (each.due_at, each.kind == "clock", each.timer_id))
            self.now = max(self.now, timer.due_at)
            events += self.fire(timer)
        self.now = until
        return events

    def fire(self, timer: Timer) -> list[Announcement]:
        """Fire one timer now."""
        self._reload(owner_in(timer.subject))
        self.city.begin(now=self.now, cause=f"{timer.timer_id}@{timer.due_at.isoformat()}")
        self.city.cancel_timer(timer.kind, timer.subject)
        handling.fire(self.city, timer)
        return self._settle()

    def snapshot(self) -> tuple[Any, ...]:
        """Return everything that an input could change."""
        city = self.city
        return (
            dict(city.units), dict(city.hospitals), dict(city.calls), dict(city.incidents),
            dict(city.assignments), dict(city.handovers), dict(city.jobs), list(city.waiting),
            city.mode, len(city.changes.emissions), len(city.changes.timers),
            {key: set(places) for key, places in city._promised.items() if places},
            {key: set(ids) for key, ids in city.recent._buckets.items()},
            {spot: set(found.ids) for spot, found in city.recent._places._spots.items()},
            city.on_the_way._unknown | city.on_the_way._seconds.keys(),
            dict(city.roster._free),
            {crew: dict(why) for crew, why in city.roster._objections.items()},
        )  # fmt: skip

    # -- what consoles, crews and hospitals say

    def answer(self, call_id: str, **answers: Any) -> list[Announcement]:
        body = {"call_id": call_id, "answered_at": self.now, **answers}
        return self.say(CallAnswered.model_validate(body))

    def override(self, call_id: str, **choice: Any) -> list[Announcement]:
        return self.say(self.overridden(call_id, **choice))

    def overridden(self, call_id: str, **choice: Any) -> CallOverridden:
        return CallOverridden(call_id=call_id, at=self.now, by="d1", reason="knows", **choice)

    def hold(self, call_id: str, until: datetime | None = None) -> list[Announcement]:
        return self.say(self.held(call_id, until))

    def held(self, call_id: str, until: datetime | None = None) -> CallHeld:
        body = {"call_id": call_id, "at": self.now, "by": "d1", "reason": "no hurry"}
        return CallHeld.model_validate(body if until is None else body | {"until": until})

    def resume(self, call_id: str) -> list[Announcement]:
        return self.say(self.resumed(call_id))

    def resumed(self, call_id: str) -> CallResumed:
        return CallResumed(call_id=call_id, at=self.now, by="d1", reason="go on")

    def cancel(self, call_id: str) -> list[Announcement]:
        return self.say(self.cancelled(call_id))

    def cancelled(self, call_id: str) -> CallCancelled:
        return CallCancelled(call_id=call_id, at=self.now, by="d1", reason="not needed")

    def unlink(self, call_id: str) -> list[Announcement]:
        return self.say(self.unlinked(call_id))

    def unlinked(self, call_id: str) -> CallUnlinked:
        return CallUnlinked(call_id=call_id, at=self.now, by="d1", reason="another patient")

    def waived(self, call_id: str, **more: Any) -> SignatureWaived:
        body = {"call_id": call_id, "at": self.now, "by": "d1", "reason": "nobody signs"}
        return SignatureWaived.model_validate(body | more)

    def report(self, unit_id: str, *statuses: str, **more: Any) -> list[Announcement]:
        """Let a unit report statuses one after the other, or what else it has to say."""
        events: list[Announcement] = []
        for status in statuses:
            events += self.say(self.reported(unit_id, status=status, **more))
        return events if statuses else self.say(self.reported(unit_id, **more))

    def reported(self, unit_id: str, **more: Any) -> UnitReported:
        position = more.pop("position", None)
        if isinstance(position, Position):
            more["position"] = {"latitude": position.latitude, "longitude": position.longitude}
        return UnitReported.model_validate({"unit_id": unit_id, "at": self.now, **more})

    def run_to(self, unit_id: str, status: str) -> list[Announcement]:
        """Let a unit report every status of a run up to this one."""
        done = RUN.index(self.city.units[unit_id].status) + 1 if self.on_the_run(unit_id) else 0
        return self.report(unit_id, *RUN[done : RUN.index(status) + 1])

    def on_the_run(self, unit_id: str) -> bool:
        return self.city.units[unit_id].status in RUN

    def acknowledged(self, unit_id: str) -> OrderAcknowledged:
        return OrderAcknowledged(
            unit_id=unit_id, assignment_id=self.assignment(unit_id).assignment_id, at=self.now
        )

    def end(self, unit_id: str, outcome: str, reason: str) -> list[Announcement]:
        return self.say(self.ended(unit_id, outcome, reason))

    def ended(self, unit_id: str, outcome: str, reason: str) -> RunEnded:
        return RunEnded.model_validate(
            {
                "unit_id": unit_id,
                "assignment_id": self.assignment(unit_id).assignment_id,
                "at": self.now,
                "outcome": outcome,
                "reason": reason,
            }
        )

    def find(self, unit_id: str, **found: Any) -> list[Announcement]:
        """Let a crew find a case."""
        body = {
            "unit_id": unit_id,
            "assignment_id": self.assignment(unit_id).assignment_id,
            "at": self.now,
            "case_status": "suspected",
        }
        return self.say(CaseFound.model_validate(body | found))

    def found(self, handover: Handover, case_status: Any = "confirmed") -> PatientFound:
        return PatientFound(
            hospital_id=handover.hospital_id,
            handover_id=handover.handover_id,
            at=self.now,
            case_status=case_status,
        )

    def result(self, handover: Handover, **more: Any) -> ResultReported:
        """Return a negative result of the test whose result is timed."""
        body = {
            **_of(handover),
            "at": self.now,
            "test": self.pack.handover.timed_test,
            "positive": False,
        }
        return ResultReported.model_validate(body | more)

    def died(self, unit_id: str, **more: Any) -> PatientDied:
        body = {
            "unit_id": unit_id,
            "assignment_id": self.assignment(unit_id).assignment_id,
            "at": self.now,
        }
        return PatientDied.model_validate(body | more)

    def observed(self, unit_id: str, **more: Any) -> ObservationsReported:
        """Return what the crew on a run measures now: a heart rate, unless something else."""
        body = {"unit_id": unit_id, "at": self.now}
        if "assignment_id" not in more:
            body["assignment_id"] = self.assignment(unit_id).assignment_id
        measured = {} if more.keys() - {"at", "assignment_id"} else {"heart_rate_per_minute": 90}
        return ObservationsReported.model_validate(body | measured | more)

    def cleaned(self, unit_id: str, assignment_id: str, **more: Any) -> VehicleCleaned:
        body = {"unit_id": unit_id, "assignment_id": assignment_id, "at": self.now, "by": "m1"}
        return VehicleCleaned.model_validate(body | more)

    def report_acknowledged(self, report_id: str, **more: Any) -> ReportAcknowledged:
        body = {
            "incident_id": report_id.partition("/")[0],
            "report_id": report_id,
            "at": self.now,
            "by": "cdc",
        }
        return ReportAcknowledged.model_validate(body | more)

    def surveyed(self, incident_id: str, **more: Any) -> SurveyCompleted:
        body = {"incident_id": incident_id, "at": self.now, "by": "cdc"}
        return SurveyCompleted.model_validate(body | more)

    def infected(self, incident_id: str, unit_id: str) -> CrewInfected:
        return CrewInfected(incident_id=incident_id, unit_id=unit_id, at=self.now, by="cdc")

    def report_hospital(self, hospital_id: str, **more: Any) -> list[Announcement]:
        return self.say(
            HospitalReported.model_validate({"hospital_id": hospital_id, "at": self.now, **more})
        )

    def acknowledges(self, handover: Handover) -> HandoverAcknowledged:
        return HandoverAcknowledged(**_of(handover), at=self.now, by="n1")

    def diverts(self, handover: Handover) -> HandoverDiverted:
        return HandoverDiverted(**_of(handover), at=self.now, by="n1", reason="full")

    def hospital_signs(self, handover: Handover) -> HandoverSignedByHospital:
        return HandoverSignedByHospital(**_of(handover), at=self.now, by="n1")

    def crew_signs(self, handover: Handover) -> HandoverSignedByCrew:
        return HandoverSignedByCrew(
            unit_id=handover.unit_id, handover_id=handover.handover_id, at=self.now, by="m1"
        )

    def offer(self, offer_id: str) -> Offer:
        """Return an offer, whether it is in memory or forgotten."""
        return self.known(Offer, offer_id)

    def accepts(self, offer_id: str) -> TransferAccepted:
        hospital_id = self.offer(offer_id).hospital_id
        return TransferAccepted(hospital_id=hospital_id, offer_id=offer_id, at=self.now, by="n1")

    def refuses(self, offer_id: str, proposal: str | None = None) -> TransferDiverted:
        body = {
            "hospital_id": self.offer(offer_id).hospital_id,
            "offer_id": offer_id,
            "at": self.now,
            "by": "n1",
            "reason": "full",
        }
        return TransferDiverted.model_validate(
            body if proposal is None else body | {"proposal": proposal}
        )

    def called_off(self, transfer_id: str) -> TransferCancelled:
        return TransferCancelled(
            transfer_id=transfer_id, at=self.now, by="dr1", reason="not needed"
        )

    def transfer(self, transfer_id: str) -> Transfer:
        """Return a transfer, whether it is in memory or forgotten."""
        return self.known(Transfer, transfer_id)

    def beds(self, status: str) -> list[tuple[str, str, str]]:
        """Return the reservations of a status, as patient, hospital and bed kind."""
        return sorted(
            (each.patient_id, each.hospital_id, each.room)
            for each in self._archive.values()
            if isinstance(each, Reservation) and each.status == status
        )

    def hand_over(self, unit_id: str) -> list[Announcement]:
        """Bring the patient of a unit to the hospital and let both sign."""
        if self.city.units[unit_id].status != "at_hospital":
            self.run_to(unit_id, "at_hospital")
        handover = self.handover(unit_id)
        return self.say(self.crew_signs(handover)) + self.say(self.hospital_signs(handover))

    def certificate(self, unit_id: str, **changes: Any) -> DisinfectionCertified:
        """Return a certificate for the unit's job that meets the minimum, ended just now."""
        body = {
            "unit_id": unit_id,
            "job_id": self.city.units[unit_id].job_id,
            "at": self.now,
            "agent": "chlorine_wipe",
            "concentration": 1000.0,
            "contact_minutes": 30.0,
            "started_at": self.now - timedelta(minutes=30),
            "ended_at": self.now,
            "operator": "o1",
            "waste_bags": 2,
        }
        return DisinfectionCertified.model_validate(body | changes)

    def disinfect(self, unit_id: str) -> list[Announcement]:
        """Let half an hour pass and certify the unit's disinfection."""
        events = self.pass_time(1_800)
        return events + self.say(self.certificate(unit_id))

    def switch(self, mode: CityMode) -> list[Announcement]:
        return self.say(CityModeSwitched(at=self.now, mode=mode, by="d1", reason="plan"))

    # -- what is the matter now

    def unit(self, unit_id: str) -> Unit:
        return self.city.units[unit_id]

    def incident(self, incident_id: str) -> Incident:
        self._reload(incident_id)
        return self.city.incidents[incident_id]

    def on_the_incident(self, incident_id: str) -> list[str]:
        """Return the units that are on an incident now."""
        runs = [self.city.assignments[key] for key in self.incident(incident_id).assignments]
        return [run.unit_id for run in runs if run.ended_at is None]

    def assignment(self, unit_id: str) -> Assignment:
        """Return the run that a unit is on."""
        assignment_id = self.city.units[unit_id].assignment_id
        assert assignment_id is not None, f"{unit_id} is on no run"
        return self.city.assignments[assignment_id]

    def handover(self, unit_id: str) -> Handover:
        """Return the announcement of the run that a unit is on."""
        handover_id = self.assignment(unit_id).handover_id
        assert handover_id is not None, f"no hospital was told of {unit_id}"
        return self.city.handovers[handover_id]

    def job(self, unit_id: str) -> Job:
        job_id = self.city.units[unit_id].job_id
        assert job_id is not None, f"{unit_id} has no job"
        return self.city.jobs[job_id]

    def known(self, kind: type[R], key: str) -> R:
        """Return a record whether it is in memory or forgotten."""
        return cast("R", self._archive[kind, key])

    # -- like the desk

    def _settle(self) -> list[Announcement]:
        city = self.city
        changes = city.changes
        for timer_id, timer in changes.timers:
            if timer is None:
                self.timers.pop(timer_id, None)
            else:
                self.timers[timer_id] = timer
        self.history += changes.emissions
        self.step = [emission.event for emission in changes.emissions]
        self._archive.update(changes.entities)
        touched = memory.may_be_over(city)
        city.settle()
        city.forget([owner for owner in sorted(touched) if memory.is_over(city, owner)])
        city.forget_ended(CITY)
        return self.step

    def _remember(self, event: Content) -> None:
        """Load the incident that an input refers to when it is no longer in memory."""
        call_id = memory.call_named(event)
        if call_id is not None and call_id not in self.city.calls:
            for entity in list(self._archive.values()):
                if getattr(entity, "call_id", None) == call_id:
                    self._reload(cast("Any", entity).incident_id)
        for owner in memory.owners_named(self.city, event):
            self._reload(owner)

    def _reload(self, owner: str) -> None:
        if not memory.knows(self.city, owner):
            self.city.load(entity for entity in self._archive.values() if owner_of(entity) == owner)


def only(kind: type[E], events: Iterable[Announcement]) -> E:
    """Return the one event of a kind."""
    (found,) = every(kind, events)
    return found


def every(kind: type[E], events: Iterable[Announcement]) -> list[E]:
    """Return the events of a kind."""
    return [event for event in events if isinstance(event, kind)]


def kinds(events: Iterable[Announcement]) -> list[str]:
    """Return the types of events, in their order."""
    return [event.event_type for event in events]


def escalated(events: Iterable[Announcement]) -> list[str]:
    """Return the kinds of the escalations among events."""
    return [cast("Any", event).kind for event in events if event.event_type == "escalation.raised"]


def _of(handover: Handover) -> dict[str, Any]:
    return {"hospital_id": handover.hospital_id, "handover_id": handover.handover_id}
