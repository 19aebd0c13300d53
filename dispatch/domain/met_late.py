"""A crew that is heard to have met its patient after its run has ended.

The words of a run may be read in any order. Whom it has met, the vehicle owes a disinfection for.
Source: 120 plan §6.
"""

from dataclasses import replace

from dispatch.domain import contamination, crossing, disinfection, incidents, timing
from dispatch.domain.city import City
from dispatch.domain.model import Assignment, Unit
from dispatch.topics.units import UnitReported

_MET = crossing.RUN[1:]


def may_be_of(city: City, unit: Unit, event: UnitReported) -> str | None:
    """Return the run that is over and that a report may be of; None where it is of none.

    What can be of the run that the unit is on by now is of that: its crew has rolled, or
    acknowledged its order, and not later by its own clock.
    """
    if event.status not in _MET:
        return None
    run = city.assignments.get(unit.assignment_id or "")
    if run is None or _is_before(run, event):
        return unit.unmet
    known = unit.status != "ordered" or (
        run.acknowledged_at is not None and timing.not_before(event.at, run.ordered_at, city.pack)
    )
    return None if known else unit.unmet


def _is_before(run: Assignment, event: UnitReported) -> bool:
    """Return whether a crew has said it before it went on a run, by the same clock."""
    went = (run.acknowledged_at, run.reached.get("rolling"))
    return any(at is not None and run.ordered_at < at and event.at < at for at in went)


def run_of(city: City, unit: Unit, event: UnitReported) -> Assignment | None:
    """Return the run that is over and that a report is of; None where it is of none.

    It was said between the order and the end of the run, as far as clocks may differ; at the end
    as far as it can be of no other.
    """
    run = city.assignments.get(may_be_of(city, unit, event) or "")
    if run is None or run.ended_at is None or run.continued_as is not None:
        return None
    if not timing.not_before(event.at, run.ordered_at, city.pack):
        return None
    if unit.assignment_id is not None:
        return run if event.at <= run.ended_at else None
    return run if timing.not_after(event.at, run.ended_at, city.pack) else None


def take(city: City, run: Assignment, event: UnitReported) -> None:
    """Note that the crew of a run that is over had met its patient, and see to its vehicle."""
    assert run.ended_at is not None, "the run is over"
    assert event.status is not None, "it says how far its crew had come"
    at = timing.happened_at(event.at, cause=run.ordered_at, now=run.ended_at)
    run = replace(run, met_patient=True, reached={**run.reached, event.status: at})
    city.put(run)
    city.put(replace(city.units[run.unit_id], unmet=None))
    incidents.tell_progress(city, run, event.status, at)
    if run.disinfection == "terminal":
        because = "the crew was heard late to have met the patient before"
        contamination.disinfect_afterwards(city, run, because)
    else:
        unit = city.units[run.unit_id]
        near = unit.position or run.place.position
        disinfection.after_run(city, run, near=near, receiving=None)
