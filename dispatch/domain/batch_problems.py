"""What the planner is asked for a batch: who still waits, which units and beds there are, and when.

Source: domain, transfers and hospitals; times and limits come from the pack.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, get_args

from dispatch.domain import batch_beds, moving
from dispatch.domain.batch_progress import trip_id, unplaced
from dispatch.domain.city import City
from dispatch.domain.model import Batch, Hospital, PlannedTrip, Position, Unit
from dispatch.domain.roster import DISPATCHABLE, where
from dispatch.planning.placing import place
from dispatch.planning.problem import BedSupply, Busy, PatientNeed, Problem, Rules, UnitSlot
from dispatch.policy.decision import Decision
from dispatch.topics.fields import VehicleKind
from dispatch.topics.transfers import TransferPatient

_SECONDS_PER_MINUTE: Final = 60.0
_ALL_VEHICLES: Final = frozenset(get_args(VehicleKind))
_OFF: Final = frozenset({"off_duty", "out_of_service"})
_NO_UNIT: Final = frozenset({"no_unit", "no_vehicle", "no_crew"})


def problem(city: City, batch: Batch) -> Problem:
    """Describe what is left of a batch, now, with what has started as given."""
    decision = moving.decide_for(city, batch.kind, batch.batch_id, batch.requested_at)
    terminal = decision.disinfection == "terminal"
    policy = city.pack.transfers.batches
    disinfection = round(policy.disinfection_minutes * _SECONDS_PER_MINUTE) if terminal else 0
    waiting = [
        patient
        for patient in batch.patients
        if patient.patient_id not in batch.started and patient.patient_id not in batch.withdrawn
    ]
    candidates = list(_hospitals(city, batch, decision))
    return Problem(
        batch_id=batch.batch_id,
        start=city.now,
        patients=tuple(_patient(city, batch, decision, patient) for patient in waiting),
        units=tuple(_units(city, batch, decision)),
        hospitals=tuple(
            _supply(city, batch, hospital, waiting, decision) for hospital in candidates
        ),
        rules=Rules(
            patients_per_vehicle=city.pack.transfers.kinds[batch.kind].patients_per_vehicle,
            gravest_first=policy.gravest_first,
            wear_seconds=round(city.pack.protection.max_wear_minutes * _SECONDS_PER_MINUTE),
            disinfection_seconds=disinfection,
            loading_places=batch.loading_places,
            bays=_bays(city, candidates) if terminal else None,
        ),
        busy=tuple(_busy(city, batch, disinfection)),
        deadline=batch.complete_by,
    )


def would_place_more(city: City, batch: Batch) -> bool:
    """Return whether a plan made now would leave fewer without a place than the last one."""
    return len(place(problem(city, batch)).unplaced) < len(unplaced(batch))


def may_help(city: City, batch: Batch, unit: Unit) -> bool:
    """Return whether a unit may carry somebody for whom the plan has found no vehicle or crew."""
    left = {who for who, why in unplaced(batch).items() if why in _NO_UNIT}
    if not left:
        return False
    decision = moving.decide_for(city, batch.kind, batch.batch_id, batch.requested_at)
    if not serves(unit) or unit.crew not in _crews(city, decision):
        return False
    patients = [each for each in batch.patients if each.patient_id in left]
    return any(unit.vehicle in _vehicles(city, each) for each in patients)


def free_at(city: City, batch: Batch) -> dict[str, datetime]:
    """Return when a plan made now takes each unit to be free (aware UTC)."""
    decision = moving.decide_for(city, batch.kind, batch.batch_id, batch.requested_at)
    return {slot.unit_id: slot.free_at for slot in _units(city, batch, decision)}


def is_free(unit: Unit) -> bool:
    """Return whether a unit can start a trip now."""
    return unit.status in DISPATCHABLE and unit.staffed and not (unit.assignment_id or unit.job_id)


def serves(unit: Unit) -> bool:
    """Return whether a unit has a crew, and is not out."""
    return unit.staffed and unit.status not in _OFF


def as_planned(city: City, batch: Batch, unit: Unit) -> PlannedTrip | None:
    """Return the trip of a batch that a unit is on, or is disinfected after, as the plan has it."""
    incident_id = None
    if unit.assignment_id is not None:
        incident_id = city.assignments[unit.assignment_id].incident_id
    elif unit.job_id is not None:
        incident_id = city.jobs[unit.job_id].incident_id
    for trip in batch.trips:
        mine = trip.unit_id == unit.unit_id and trip.status != "waiting"
        if mine and incident_id == trip_id(batch.batch_id, trip.number):
            return trip
    return None


def _patient(city: City, batch: Batch, decision: Decision, patient: TransferPatient) -> PatientNeed:
    moves = city.pack.transfers.batches.moving[patient.mobility]
    return PatientNeed(
        patient_id=patient.patient_id,
        severity=patient.severity,
        mobility=patient.mobility,
        beds=moving.beds_for(city, decision, patient),
        vehicles=_vehicles(city, patient),
        crews=_crews(city, decision),
        capabilities=moving.capabilities_for(city, [patient]),
        ready_at=batch.requested_at,
        load_seconds=round(moves.load_minutes * _SECONDS_PER_MINUTE),
        hand_over_seconds=round(moves.hand_over_minutes * _SECONDS_PER_MINUTE),
    )


def _vehicles(city: City, patient: TransferPatient) -> frozenset[str]:
    return moving.vehicles_for(city, [patient]) or _ALL_VEHICLES


def _crews(city: City, decision: Decision) -> frozenset[str]:
    """Return the crew kinds that may go: in routine mode transfer crews are in the daily pool."""
    wanted = decision.crew or "transfer"
    both = wanted == "regular" and city.mode == "routine"
    return frozenset({"regular", "transfer"} if both else {wanted})


def _units(city: City, batch: Batch, decision: Decision) -> Iterator[UnitSlot]:
    crews = _crews(city, decision)
    planned = _planned_elsewhere(city, batch)
    for unit in city.units.values():
        if unit.crew not in crews or not serves(unit):
            continue
        free_at, position = city.now, _position(city, unit)
        if unit.status not in DISPATCHABLE or unit.job_id is not None:
            trip = as_planned(city, batch, unit)
            if trip is not None:
                free_at = max(city.now, trip.free_at)
                position = city.hospitals[trip.hospital_id].position
            else:
                minutes = city.pack.allocation.minutes_until_free.get(unit.status)
                if minutes is None:
                    continue
                free_at = city.in_seconds(minutes * _SECONDS_PER_MINUTE)
        later = planned.get(unit.unit_id)
        if later is not None and later.free_at > free_at:
            free_at, position = later.free_at, city.hospitals[later.hospital_id].position
        yield UnitSlot(
            unit_id=unit.unit_id,
            vehicle=unit.vehicle,
            crew=unit.crew,
            free_at=free_at,
            seconds_to_origin=round(city.travel.seconds(position, batch.position)),
        )


def _planned_elsewhere(city: City, batch: Batch) -> dict[str, PlannedTrip]:
    """Return the last trip that other batches plan for each unit."""
    last: dict[str, PlannedTrip] = {}
    for other in city.batches.values():
        if other.batch_id == batch.batch_id or other.ended_at is not None:
            continue
        for trip in other.trips:
            known = last.get(trip.unit_id)
            if trip.status != "ended" and (known is None or trip.free_at > known.free_at):
                last[trip.unit_id] = trip
    return last


def _position(city: City, unit: Unit) -> Position:
    position, _ = where(unit, city.now, city.pack.allocation.position_fresh_seconds)
    return position


def _hospitals(city: City, batch: Batch, decision: Decision) -> Iterator[Hospital]:
    for hospital in city.hospitals.values():
        if hospital.hospital_id in batch.refused:
            continue
        if batch_beds.may_take(batch, hospital, decision.destination):
            yield hospital


def _supply(
    city: City,
    batch: Batch,
    hospital: Hospital,
    waiting: list[TransferPatient],
    decision: Decision,
) -> BedSupply:
    """Return the beds that are promised to nobody else; those kept for this batch are in play."""
    kinds = {kind for patient in waiting for kind in moving.beds_for(city, decision, patient)}
    own = [
        each
        for each in batch_beds.standing(city, batch)
        if each.hospital_id == hospital.hospital_id
    ]
    free = {
        kind: max(
            0,
            hospital.rooms.get(kind, 0)
            - city.promised(hospital.hospital_id, kind)
            + sum(each.room == kind for each in own),
        )
        for kind in kinds
    }
    return BedSupply(
        hospital_id=hospital.hospital_id,
        beds=free,
        capabilities=frozenset(hospital.capabilities),
        seconds_from_origin=round(city.travel.seconds(batch.position, hospital.position)),
    )


def _bays(city: City, candidates: list[Hospital]) -> int:
    centres = [hospital for hospital in candidates if hospital.decontamination]
    stated = [hospital.bays for hospital in centres if hospital.bays]
    return sum(stated) or city.pack.transfers.batches.bays


def _busy(city: City, batch: Batch, disinfection: int) -> Iterator[Busy]:
    """Yield what the trips under way hold: a loading place, and a bay after the handover."""
    for trip in batch.trips:
        if trip.status == "waiting":
            continue
        if trip.leave_at > city.now:
            yield Busy("loading", trip.load_at, trip.leave_at)
        if disinfection and trip.free_at > city.now:
            yield Busy("bay", trip.free_at - timedelta(seconds=disinfection), trip.free_at)
