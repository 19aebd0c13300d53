"""Ambulances of a simulated day: ordered, on scene, at the hospital, disinfected, on the way back.

Shared sites disinfect so many at a time, in the order of arrival; a device on the vehicle starts
where the patient was handed over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from dispatch.domain.model import Position
from dispatch.simulation.centre import Action, Centre
from dispatch.simulation.istanbul import Draws, Inputs, RegimePlan
from dispatch.topics.commission import ReportAcknowledged
from dispatch.topics.disinfections import DisinfectionAccepted, DisinfectionOrdered
from dispatch.topics.handovers import HandoverAnnounced, HandoverClosed
from dispatch.topics.hospitals import HandoverAcknowledged, HandoverSignedByHospital
from dispatch.topics.orders import OrderIssued
from dispatch.topics.reports import CaseReported
from dispatch.topics.units import (
    DisinfectionCertified,
    HandoverSignedByCrew,
    UnitPosition,
    UnitReported,
    UnitStatus,
)

_SECONDS_A_MINUTE: Final = 60.0
_ACKNOWLEDGED_AFTER: Final = 30.0  # s, by the hospital or the health commission
_WASTE_BAGS: Final = 2


@dataclass(frozen=True, slots=True)
class Way:
    """A drive from one place to another; who has arrived stays there."""

    origin: Position
    goal: Position
    set_out: datetime
    arrives: datetime

    def at(self, now: datetime) -> Position:
        """Return where the ambulance is."""
        if now >= self.arrives:
            return self.goal
        done = (now - self.set_out) / (self.arrives - self.set_out)
        return self.origin.towards(self.goal, done)


@dataclass(frozen=True, slots=True)
class Spell:
    """One disinfection: its site, if any, and the times (aware) of order, arrival, start, end."""

    site_id: str | None
    ordered_at: datetime
    arrived_at: datetime
    started_at: datetime
    ended_at: datetime


class Ambulances:
    """All ambulances of the slice, and what hospitals and the commission answer."""

    def __init__(self, centre: Centre, inputs: Inputs, regime: RegimePlan, draws: Draws) -> None:
        self._centre = centre
        self._inputs = inputs
        self._regime = regime
        self._draws = draws
        self._ways = {
            unit.unit_id: Way(unit.station, unit.station, centre.now, centre.now)
            for unit in centre.city.units.values()
        }
        # When each bay of a site is free.
        self._bays: dict[str, list[datetime]] = {
            site.hospital_id: [centre.now] * (regime.bays_a_site or 0)
            for site in centre.city.hospitals.values()
            if site.decontamination
        }
        self.spells: list[Spell] = []
        centre.on(OrderIssued, self._on_order)
        centre.on(HandoverAnnounced, self._on_announced)
        centre.on(HandoverClosed, self._on_handed_over)
        centre.on(DisinfectionOrdered, self._on_job)
        centre.on(DisinfectionAccepted, self._on_accepted)
        centre.on(CaseReported, self._on_reported)

    # -- the run

    def _on_order(self, order: OrderIssued) -> None:
        minutes = self._draws.minutes("roll", order.incident_id, self._inputs.phases.roll)
        self._after(minutes, partial(self._roll, order))

    def _roll(self, order: OrderIssued) -> None:
        scene = Position(order.scene.latitude, order.scene.longitude)
        self._report(order.unit_id, "rolling")
        self._drive(
            order.unit_id, scene, f"scene/{order.incident_id}", partial(self._on_scene, order)
        )

    def _on_scene(self, order: OrderIssued) -> None:
        self._report(order.unit_id, "on_scene")
        minutes = self._draws.minutes("scene", order.incident_id, self._inputs.phases.scene)
        self._after(minutes, partial(self._leave_scene, order))

    def _leave_scene(self, order: OrderIssued) -> None:
        self._report(order.unit_id, "transporting")
        city = self._centre.city
        hospital_id = city.assignments[order.assignment_id].hospital_id
        assert hospital_id is not None, "a hospital is open for every patient"
        self._drive(
            order.unit_id,
            city.hospitals[hospital_id].position,
            f"hospital/{order.incident_id}",
            partial(self._at_hospital, order),
        )

    def _at_hospital(self, order: OrderIssued) -> None:
        self._report(order.unit_id, "at_hospital")
        minutes = self._draws.minutes("hospital", order.incident_id, self._inputs.phases.hospital)
        self._after(minutes, partial(self._hand_over, order))

    def _hand_over(self, order: OrderIssued) -> None:
        run = self._centre.city.assignments[order.assignment_id]
        assert run.handover_id is not None, "the hospital has been told"
        assert run.hospital_id is not None, "the hospital has been told"
        about: dict[str, Any] = {"handover_id": run.handover_id, "at": self._centre.now}
        self._centre.say(
            HandoverSignedByHospital(hospital_id=run.hospital_id, by="nurse", **about),
            run.hospital_id,
        )
        self._centre.say(
            HandoverSignedByCrew(unit_id=run.unit_id, by=f"crew of {run.unit_id}", **about),
            run.unit_id,
        )

    def _on_announced(self, announced: HandoverAnnounced) -> None:
        self._centre.after(_ACKNOWLEDGED_AFTER, partial(self._acknowledge, announced))

    def _acknowledge(self, announced: HandoverAnnounced) -> None:
        hospital_id = announced.hospital_id
        self._centre.say(
            HandoverAcknowledged(
                hospital_id=hospital_id,
                handover_id=announced.handover_id,
                at=self._centre.now,
                by="nurse",
            ),
            hospital_id,
        )

    def _on_handed_over(self, closed: HandoverClosed) -> None:
        if closed.disinfection != "terminal":
            self._centre.at(self._centre.now, partial(self._set_out, closed.unit_id))

    # -- disinfection

    def _on_job(self, job: DisinfectionOrdered) -> None:
        if job.centre_id is None:
            self._centre.at(self._centre.now, partial(self._disinfect, job))
            return
        site = self._centre.city.hospitals[job.centre_id]
        act = partial(self._disinfect, job)
        self._drive(job.unit_id, site.position, f"site/{job.incident_id}", act)

    def _disinfect(self, job: DisinfectionOrdered) -> None:
        """Take the first bay that is free; the device on the vehicle always is."""
        now = self._centre.now
        minutes = self._draws.minutes("disinfect", job.incident_id, self._regime.service)
        start = now
        if job.centre_id is not None:
            bays = self._bays[job.centre_id]
            start = max(now, min(bays))
            bays[bays.index(min(bays))] = start + timedelta(minutes=minutes)
        spell = Spell(job.centre_id, job.at, now, start, start + timedelta(minutes=minutes))
        self.spells.append(spell)
        self._centre.at(start, partial(self._report, job.unit_id, "disinfecting"))
        self._centre.at(spell.ended_at, partial(self._certify, job, spell))

    def _certify(self, job: DisinfectionOrdered, spell: Spell) -> None:
        # The queue is served as soon as the vehicle is free: where it stands must be known by then.
        self._report(job.unit_id, "disinfecting")
        minimum = job.minimums[0]
        self._centre.say(
            DisinfectionCertified(
                unit_id=job.unit_id,
                job_id=job.job_id,
                at=self._centre.now,
                agent=job.required_agent,
                concentration=minimum["min_concentration"],
                contact_minutes=minimum["min_minutes"],
                started_at=spell.started_at,
                ended_at=spell.ended_at,
                operator=f"disinfector of {job.unit_id}",
                waste_bags=_WASTE_BAGS,
            ),
            job.unit_id,
        )

    def _on_accepted(self, accepted: DisinfectionAccepted) -> None:
        self._drive_back(accepted.unit_id)

    # -- the health commission

    def _on_reported(self, report: CaseReported) -> None:
        self._centre.after(_ACKNOWLEDGED_AFTER, partial(self._acknowledge_report, report))

    def _acknowledge_report(self, report: CaseReported) -> None:
        self._centre.say(
            ReportAcknowledged(
                incident_id=report.incident_id,
                report_id=report.report_id,
                at=self._centre.now,
                by="officer on duty",
            ),
            report.incident_id,
        )

    # -- the way back

    def _set_out(self, unit_id: str) -> None:
        # Put down first: an order that follows from the report turns the ambulance round.
        self._drive_back(unit_id)
        self._report(unit_id, "returning")

    def _drive_back(self, unit_id: str) -> None:
        station = self._centre.city.units[unit_id].station
        whom = f"back/{unit_id}/{self._centre.now.isoformat()}"
        self._drive(unit_id, station, whom, partial(self._back, unit_id))

    def _back(self, unit_id: str) -> None:
        if self._centre.city.units[unit_id].status == "returning":
            self._report(unit_id, "available")

    # -- what all do

    def _drive(self, unit_id: str, goal: Position, whom: str, then: Action) -> None:
        """Drive from where the ambulance is; another drive before the end calls this one off."""
        now = self._centre.now
        origin = self._ways[unit_id].at(now)
        factor = self._draws.minutes("road", whom, self._inputs.area.road)
        seconds = factor * self._centre.city.travel.seconds(origin, goal)
        way = Way(origin, goal, now, now + timedelta(seconds=seconds))
        self._ways[unit_id] = way
        self._centre.at(way.arrives, partial(self._arrive, unit_id, way, then))

    def _arrive(self, unit_id: str, way: Way, then: Action) -> None:
        if self._ways[unit_id] is way:
            then()

    def _after(self, minutes: float, action: Action) -> None:
        self._centre.after(minutes * _SECONDS_A_MINUTE, action)

    def _report(self, unit_id: str, status: UnitStatus) -> None:
        now = self._centre.now
        where = self._ways[unit_id].at(now)
        position = UnitPosition(latitude=where.latitude, longitude=where.longitude)
        self._centre.say(
            UnitReported(unit_id=unit_id, at=now, status=status, position=position), unit_id
        )
