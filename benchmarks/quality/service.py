"""The service's own rules as a dispatcher: its real `City` decides on every call and crew report.

Everything goes through the same inputs as in service, so that decision, choice of the unit, queue,
questions, handover and disinfection are those of `dispatch/domain` and of the pack.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

import simpy

from benchmarks.quality.record import Record, Run
from benchmarks.quality.world import Crew, Dispatcher, Reached, World
from dispatch.domain.city import City
from dispatch.domain.model import District, Position, Unit
from dispatch.policy.pack import Pack
from dispatch.simulation.behaviour import Behaviour
from dispatch.simulation.centre import Action, Centre
from dispatch.simulation.sfgov import DISTRICT
from dispatch.topics.calls import (
    Call,
    CallAnswered,
    CallCancelled,
    Caller,
    CallUnlinked,
    Epidemiology,
)
from dispatch.topics.city import CityMode
from dispatch.topics.commission import ReportAcknowledged
from dispatch.topics.disinfections import DisinfectionOrdered
from dispatch.topics.handovers import HandoverAnnounced
from dispatch.topics.hospitals import HandoverAcknowledged, HandoverSignedByHospital
from dispatch.topics.incidents import CallLinked, IncidentQueued
from dispatch.topics.orders import OrderIssued, OrderWithdrawn
from dispatch.topics.reports import CaseReported
from dispatch.topics.screenings import ScreeningRequested
from dispatch.topics.units import (
    DisinfectionCertified,
    HandoverSignedByCrew,
    OrderAcknowledged,
    RunEnded,
    UnitPosition,
    UnitReported,
    UnitStatus,
)

# s, after which a hospital or the health commission acknowledges.
_ACKNOWLEDGED_AFTER: Final = 30.0
_SECONDS_A_MINUTE: Final = 60.0
_WASTE_BAGS: Final = 2
_BY: Final = "dispatcher"
# Codes of the four parts of the city where it is not one district: north-east, and so on.
_PARTS: Final = {
    (True, True): "060076",
    (True, False): "060077",
    (False, True): "060078",
    (False, False): "060079",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How the service is set up: mode and districts of the city, and whether there is an epidemic.

    Without an epidemic nobody has symptoms and every crew is a regular one; with it the shares are
    those of the replay of recorded days. `districts` is "one" for the whole city, or "four" for
    its parts north, south, east and west of the middle of all areas. `take_over` is whether a unit
    that is free takes over runs as the pack allows.
    """

    mode: CityMode = "routine"
    epidemic: bool = False
    districts: Literal["one", "four"] = "one"
    take_over: bool = True


class _Clock(Centre):
    """A centre whose agenda is SimPy's."""

    def __init__(self, city: City, *, start: datetime, env: simpy.Environment) -> None:
        super().__init__(city, start=start)
        self._start = start
        self._env = env

    def at(self, when: datetime, action: Action) -> None:
        """Put down an action for a time (aware UTC)."""
        delay = max(0.0, (when - self._start).total_seconds() - self._env.now)
        self._env.timeout(delay).callbacks.append(partial(self._act, action))

    def say_now(self, event: Any, key: str) -> None:
        """Let an input take effect at SimPy's time."""
        self._set()
        self.say(event, key)

    def _act(self, action: Action, _: simpy.Event) -> None:
        self._set()
        action()

    def _set(self) -> None:
        self.now = self._start + timedelta(seconds=self._env.now)


class ServiceDispatcher(Dispatcher):
    """Tells the service of calls and crews, and lets crews do what it orders.

    `counts` has how many calls were asked about, linked, queued, disinfected after and swapped.
    """

    def __init__(self, pack: Pack, setting: Setting, *, seed: int) -> None:
        if not setting.take_over:
            never = pack.allocation.model_copy(update={"take_over_seconds": None})
            pack = pack.model_copy(update={"allocation": never})
        self._pack = pack
        self._setting = setting
        self._behaviour = Behaviour(seed)
        self._runs: dict[str, Run] = {}
        self._jobs: dict[str, DisinfectionOrdered] = {}
        self._answered: set[str] = set()
        self.counts = dict.fromkeys(
            ("asked", "linked", "queued", "disinfected", "withdrawn", "transfer_crews"), 0
        )

    # -- what the world tells

    def begin(self, world: World) -> None:
        """Set up the city, with everybody off duty."""
        self._world = world
        record = world.record
        self._runs = {run.call_id: run for run in record.runs}
        whole = record.plan.district[0]
        self._middle = Position(whole.latitude, whole.longitude)
        city = City(pack=self._pack, districts=self._districts(record), mode=self._setting.mode)
        record.plan.put_into(city)
        city.settle()
        self._city = city
        city.load(self._at_first(unit) for unit in list(city.units.values()))
        self._centre = _Clock(city, start=record.start, env=world.env)
        listeners: Mapping[type[Any], Any] = {
            OrderIssued: self._on_order,
            OrderWithdrawn: self._on_withdrawn,
            ScreeningRequested: self._on_questions,
            CallLinked: self._on_linked,
            IncidentQueued: self._on_queued,
            HandoverAnnounced: self._on_announced,
            DisinfectionOrdered: self._on_job,
            CaseReported: self._on_reported,
        }
        for kind, listener in listeners.items():
            self._centre.on(kind, listener)

    def call(self, run: Run) -> None:
        """Publish the call as the console does."""
        self._update_positions()
        self._say(self._call(run), run.call_id)

    def called_off(self, run: Run) -> None:
        """Cancel the call."""
        self._say(
            CallCancelled(call_id=run.call_id, at=self._now(), by=_BY, reason="called off"),
            run.call_id,
        )

    def free(self, crew: Crew) -> None:
        """Report a crew on duty, or on its way back."""
        self._update_positions()
        unit = self._city.units[crew.unit_id]
        if unit.status == "off_duty":
            self._report(crew, "available")
        elif unit.status == "handed_over":
            self._report(crew, "returning")
        else:
            self._report(crew, unit.status)

    def home(self, crew: Crew) -> None:
        """Report a crew back at its post."""
        self._report(crew, "available")

    def gone(self, crew: Crew) -> None:
        """Report a crew off duty."""
        self._report(crew, "off_duty")

    def reached(self, crew: Crew, run: Run, what: Reached) -> None:
        """Report a step of a run; some time after the arrival at the hospital both sign."""
        self._report(crew, what)
        if what == "at_hospital":
            assignment_id = self._assignment(crew)
            signed = run.recorded.times.durations().get("sign", run.stay_seconds)
            self._after(min(signed, run.stay_seconds), partial(self._sign, assignment_id))

    def ended(self, crew: Crew, run: Run) -> float:
        """End a run without a patient; return how long the vehicle is still being disinfected."""
        if run.transport_seconds is None:
            self._update_positions()
            self._say(
                RunEnded(
                    unit_id=crew.unit_id,
                    assignment_id=self._assignment(crew),
                    at=self._now(),
                    outcome="empty",
                    reason=run.recorded.ends_empty or "treated_on_scene",
                ),
                crew.unit_id,
            )
        elif self._city.units[crew.unit_id].assignment_id is not None:
            self._sign(self._assignment(crew))
        job_id = self._city.units[crew.unit_id].job_id
        if job_id is None:
            return 0.0
        self._report(crew, "disinfecting")
        contact: float = self._jobs[job_id].minimums[0]["min_minutes"] * _SECONDS_A_MINUTE
        return float(round(contact + self._behaviour.seconds("disinfect", run.call_id)))

    def usable(self, crew: Crew) -> None:
        """Certify the disinfection with the least contact time of the agent."""
        self.counts["disinfected"] += 1
        job_id = self._city.units[crew.unit_id].job_id
        assert job_id is not None, "blocked until it is certified"
        job = self._jobs[job_id]
        minimum = job.minimums[0]
        contact = timedelta(minutes=minimum["min_minutes"])
        self._update_positions()
        self._say(
            DisinfectionCertified(
                unit_id=job.unit_id,
                job_id=job.job_id,
                at=self._now(),
                agent=minimum["agent"],
                concentration=minimum["min_concentration"],
                contact_minutes=minimum["min_minutes"],
                started_at=self._now() - contact,
                ended_at=self._now(),
                operator=f"disinfector of {job.unit_id}",
                waste_bags=_WASTE_BAGS,
            ),
            job.unit_id,
        )

    # -- what the service tells

    def _on_order(self, order: OrderIssued) -> None:
        crew = self._world.crews[order.unit_id]
        self.counts["transfer_crews"] += order.crew == "transfer"
        self._world.order(crew, self._runs[order.incident_id])
        self._after(0.0, partial(self._acknowledge_order, order))

    def _acknowledge_order(self, order: OrderIssued) -> None:
        run = self._city.assignments[order.assignment_id]
        if run.ended_at is None and run.acknowledged_at is None:
            self._say(
                OrderAcknowledged(
                    unit_id=order.unit_id, assignment_id=order.assignment_id, at=self._now()
                ),
                order.unit_id,
            )

    def _on_withdrawn(self, order: OrderWithdrawn) -> None:
        self.counts["withdrawn"] += 1
        self._world.turn_round(self._world.crews[order.unit_id])

    def _on_questions(self, asked: ScreeningRequested) -> None:
        if asked.call_id in self._answered:
            return
        self._answered.add(asked.call_id)
        self.counts["asked"] += 1
        after = self._runs[asked.call_id].recorded.answers_after
        if after is not None:
            self._after(float(round(after)), partial(self._answer, asked.call_id))

    def _answer(self, call_id: str) -> None:
        if self._city.incidents[call_id].status == "closed":
            return
        answers = self._runs[call_id].recorded.answers
        self._update_positions()
        self._say(
            CallAnswered(
                call_id=call_id,
                answered_at=self._now(),
                epidemiology=Epidemiology.model_validate(dict(answers)),
            ),
            call_id,
        )

    def _on_linked(self, linked: CallLinked) -> None:
        # The record has a run for every call.
        self.counts["linked"] += 1
        self._after(0.0, partial(self._unlink, linked.call_id))

    def _unlink(self, call_id: str) -> None:
        self._update_positions()
        self._say(
            CallUnlinked(call_id=call_id, at=self._now(), by=_BY, reason="another patient"), call_id
        )

    def _on_queued(self, _: IncidentQueued) -> None:
        self.counts["queued"] += 1

    def _on_announced(self, announced: HandoverAnnounced) -> None:
        self._after(_ACKNOWLEDGED_AFTER, partial(self._acknowledge, announced))

    def _acknowledge(self, announced: HandoverAnnounced) -> None:
        handover = self._city.handovers[announced.handover_id]
        if handover.status == "announced" and handover.ended_at is None:
            self._say(
                HandoverAcknowledged(
                    hospital_id=announced.hospital_id,
                    handover_id=announced.handover_id,
                    at=self._now(),
                    by="nurse",
                ),
                announced.hospital_id,
            )

    def _on_job(self, job: DisinfectionOrdered) -> None:
        self._jobs[job.job_id] = job

    def _on_reported(self, report: CaseReported) -> None:
        self._after(_ACKNOWLEDGED_AFTER, partial(self._acknowledge_report, report))

    def _acknowledge_report(self, report: CaseReported) -> None:
        self._say(
            ReportAcknowledged(
                incident_id=report.incident_id,
                report_id=report.report_id,
                at=self._now(),
                by="officer on duty",
            ),
            report.incident_id,
        )

    # -- what all do

    def _sign(self, assignment_id: str) -> None:
        run = self._city.assignments[assignment_id]
        if run.ended_at is not None:
            return
        assert run.handover_id is not None, "the hospital has been told"
        assert run.hospital_id is not None, "the hospital has been told"
        about: dict[str, Any] = {"handover_id": run.handover_id, "at": self._now()}
        self._say(
            HandoverSignedByHospital(hospital_id=run.hospital_id, by="nurse", **about),
            run.hospital_id,
        )
        self._say(
            HandoverSignedByCrew(unit_id=run.unit_id, by=f"crew of {run.unit_id}", **about),
            run.unit_id,
        )

    def _assignment(self, crew: Crew) -> str:
        found = self._city.units[crew.unit_id].assignment_id
        assert found is not None, f"{crew.unit_id} is on a run"
        return found

    def _report(self, crew: Crew, status: UnitStatus) -> None:
        where = self._world.where(crew)
        self._say(
            UnitReported(
                unit_id=crew.unit_id,
                at=self._now(),
                status=status,
                position=UnitPosition(latitude=where.latitude, longitude=where.longitude),
            ),
            crew.unit_id,
        )

    def _update_positions(self) -> None:
        """Every vehicle tells where it is as often as the pack wants it fresh."""
        now = self._now()
        self._city.load(
            replace(
                self._city.units[crew.unit_id],
                district=self._district(self._world.record.areas[crew.post]),
                station=self._world.record.areas[crew.post],
                position=self._world.where(crew),
                position_at=now,
            )
            for crew in self._world.crews.values()
            if crew.free or crew.can_turn
        )

    def _at_first(self, unit: Unit) -> Unit:
        crew = unit.crew if self._setting.epidemic else "regular"
        return replace(unit, status="off_duty", crew=crew)

    def _districts(self, record: Record) -> Mapping[str, District]:
        if self._setting.districts == "one":
            return record.plan.districts
        return {
            code: District(
                code=code,
                name=f"part {code}",
                centre=self._middle,
                neighbours=tuple(
                    other
                    for (up, right), other in _PARTS.items()
                    if (up == north) != (right == east)
                ),
            )
            for (north, east), code in _PARTS.items()
        }

    def _district(self, place: Position) -> str:
        if self._setting.districts == "one":
            return DISTRICT
        north = place.latitude >= self._middle.latitude
        return _PARTS[north, place.longitude >= self._middle.longitude]

    def _call(self, run: Run) -> Call:
        call = run.recorded.call
        told: dict[str, Any] = {"district": self._district(run.scene)}
        if not self._setting.epidemic:
            nothing = {"symptoms": (), "case_status": "none", "epidemiology": None}
            told["caller"] = Caller(kind="public")
            told["patient"] = call.patient.model_copy(update=nothing)
            if call.patient.symptoms:
                # The complaint names them too.
                told["chief_complaint"] = "unwell"
        return call.model_copy(update=told)

    def _say(self, event: Any, key: str) -> None:
        self._centre.say_now(event, key)

    def _after(self, seconds: float, action: Action) -> None:
        self._centre.at(self._now() + timedelta(seconds=seconds), action)

    def _now(self) -> datetime:
        return self._world.record.start + timedelta(seconds=self._world.now)
