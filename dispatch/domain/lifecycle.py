"""The life of a unit: the legal transitions, the crew's reports, and what follows from each.

Source: domain, terms (unit status and how a run ends); 120 plan §4.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from typing import Final

from dispatch.domain import (
    aftercare,
    clocks,
    crossing,
    departures,
    dispatching,
    handover,
    incidents,
    late_word,
    link_proposals,
    met_late,
    orders,
    positions,
    radio,
    scenes,
    setting_out,
    signing,
    timing,
)
from dispatch.domain.city import City, Crossed, Duplicate, Early, Rejected
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Assignment, Unit
from dispatch.domain.references import assignment_of
from dispatch.domain.roster import OFF
from dispatch.topics.city import CityModeSwitched
from dispatch.topics.fleet import CityModeChanged
from dispatch.topics.incidents import DeathRecorded
from dispatch.topics.units import (
    OrderAcknowledged,
    PatientDied,
    RunEnded,
    SceneReported,
    UnitReported,
    UnitStatus,
)

_DATA: Final = tomllib.loads(
    resources.files("dispatch.domain").joinpath("transitions.toml").read_text(encoding="utf-8")
)
REPORTED: Final[Mapping[str, frozenset[str]]] = {
    before: frozenset(after) for before, after in _DATA["reported"].items()
}
RUN_END: Final[Mapping[str, Mapping[str, bool]]] = _DATA["run_end"]
_MET: Final = frozenset(_DATA["met"]["reasons"])
_REPORTABLE: Final = frozenset().union(*REPORTED.values())
_NOT_DISINFECTED: Final = "the vehicle is not disinfected: its certificate is missing"
_BEFORE_ORDER: Final = "was said before the unit was given the order that it has now"
_OVERTAKEN: Final = "is older than what the unit has said of itself since"


def check_transition(city: City, unit: Unit, event: UnitReported) -> None:
    """Refuse a status that may not follow a unit's own.

    Raises:
        Duplicate, Crossed, Early: the transition is not legal (`crossing.refuse`); the reason names
            what would be.
        Rejected: no crew reports such a status.
    """
    before, after = unit.status, event.status
    if after in REPORTED[before]:
        return
    legal = ", ".join(sorted(REPORTED[before])) or "none before both have signed"
    reason = f"{before} cannot be followed by {after} (legal: {legal})"
    if after not in _REPORTABLE:
        raise Rejected("status", reason)
    crossing.refuse(city, unit, event, "status", reason)


def report_unit(city: City, event: UnitReported) -> None:
    """Take over a crew's status, position and staffing.

    A status that the unit has already is a sign of life, not a transition. A position that is not
    believed is left out, and the rest counts.

    Raises:
        Early: the transition is not legal (yet).
        Duplicate: it is an older report, of what the unit has behind it.
        Crossed: the crew can't have known what has changed its unit meanwhile.
        Rejected: the unit is unknown, or no crew reports such a status.
    """
    unit = _unit(city, event.unit_id)
    unit = positions.take(city, event, unit)
    if event.staffed is not None and event.staffed != unit.staffed:
        unit = change_unit(city, unit, staffed=event.staffed)
    if not _is_of_past_run(city, unit, event):
        _take_status(city, event)
    unit = city.units[event.unit_id]
    if unit.assignment_id is not None:
        handover.push_arrival(city, city.assignments[unit.assignment_id])
    if unit.status in OFF or not unit.staffed:
        dispatching.awaited_crew_lost(city, unit.unit_id)
    dispatching.serve_queue(city, unit.unit_id)


def acknowledge_order(city: City, event: OrderAcknowledged) -> None:
    """The crew has received its order (接收命令).

    What the crew has reported since acknowledges it too; its own word may be heard after that. One
    that was in time counts even if another has been ordered by then (`late_word`).

    Raises:
        Unknown: the assignment is.
        Duplicate: it is acknowledged already.
        Crossed: the run has ended.
        Rejected: it is another unit's run.
    """
    ordered = assignment_of(city, event.unit_id, event.assignment_id)
    if late_word.counts(city, ordered, event.at):
        silent = late_word.is_silent(city.units[event.unit_id])
        again = late_word.take(city, ordered, event.at)
        # Who has been back in service meanwhile has to acknowledge that it goes after all.
        if again is not None and silent:
            _acknowledged(city, again, event)
        return
    known = ordered.acknowledged_at
    if known is None:
        run = run_of(city, event.unit_id, event.assignment_id)
        _acknowledged(city, run, event)
    elif ordered.ordered_at <= event.at < known:
        city.put(replace(ordered, acknowledged_at=event.at))
    else:
        raise Duplicate


def end_run(city: City, event: RunEnded) -> None:
    """The run ended aborted, empty or refused; another unit goes where the reason asks for one.

    Some reasons say that the crew has met the patient, though its report may be unread.

    Raises:
        Unknown, Crossed: as for an acknowledgement.
        Early: a run is empty that has not started.
        Rejected: it is another unit's run; the reason is not one of the outcome's; the run was
            refused after the unit had rolled, or is over with the handover.
    """
    assignment = run_of(city, event.unit_id, event.assignment_id)
    reasons = RUN_END[event.outcome]
    if event.reason not in reasons:
        raise Rejected("reason", f"must be one of {', '.join(reasons)} for {event.outcome}")
    unit = city.units[event.unit_id]
    if event.outcome == "refused" and unit.status != "ordered":
        raise Rejected("outcome", f"a run is refused before it starts: the unit is {unit.status}")
    if event.outcome == "empty" and unit.status == "ordered":
        raise Early("outcome", "a run is not empty before it starts: the unit is ordered")
    if unit.status == "at_hospital":
        raise Rejected("outcome", "the patient has arrived: the run ends with the handover")
    before = max(assignment.reached.values(), default=assignment.ordered_at)
    ended_at = timing.happened_at(event.at, cause=before, now=city.now)
    if event.reason in _MET:
        assignment = replace(assignment, met_patient=True)
        city.put(assignment)
    # By the clock that will tell of the disinfection, too.
    since = min(event.at, city.now)
    if event.outcome != "empty" and reasons[event.reason]:
        dispatching.fail(city, assignment, outcome=event.outcome, reason=event.reason, since=since)
        return
    orders.end_run(
        city,
        assignment,
        outcome=event.outcome,
        reason=event.reason,
        patient_owed=False,
        unit_status="returning",
        since=since,
    )
    departures.run_ended(city, assignment, event.reason, ended_at)
    incidents.close_if_done(city, assignment.incident_id)
    dispatching.serve_queue(city, event.unit_id)


def record_death(city: City, event: PatientDied) -> None:
    """A patient died in the crew's care; the run goes on, or the crew ends it, or has ended it.

    Raises:
        Unknown: the assignment is.
        Early: the crew has not met the patient (yet).
        Rejected: it is another unit's run, had ended by then, or the death of each patient of the
            incident is recorded already.
    """
    run = assignment_of(city, event.unit_id, event.assignment_id)
    if run.ended_at is not None and not timing.not_after(event.at, run.ended_at, city.pack):
        raise Rejected("assignment_id", f"has ended ({run.outcome})")
    if not run.met_patient:
        raise Early("assignment_id", "the crew has not met the patient")
    incident = city.incidents[run.incident_id]
    deaths = sum(city.assignments[key].deaths for key in incident.assignments)
    if deaths >= incident.patient_count:
        raise Rejected("assignment_id", "the death of the patient is recorded already")
    run = replace(run, deaths=run.deaths + 1)
    city.put(run)
    city.emit(
        DeathRecorded(
            incident_id=run.incident_id,
            assignment_id=run.assignment_id,
            unit_id=run.unit_id,
            at=event.at,
            status=_status_on(city, run),
        ),
        key=run.incident_id,
    )
    handover.update(city, run, "the patient has died")


def _status_on(city: City, run: Assignment) -> UnitStatus:
    """Return the status of a unit on a run; of one that is over the last that it came to."""
    if run.ended_at is None:
        return city.units[run.unit_id].status
    # Whom it has met it has reached, though that may be unread.
    for status in reversed(crossing.RUN[1:]):
        if status in run.reached:
            return status
    return "on_scene"


def report_scene(city: City, event: SceneReported) -> None:
    """The crew has learnt where the patient is: all of its incident who are on the way hear of it.

    Raises:
        Unknown: the assignment is.
        Crossed: the run has ended.
        Rejected: it is another unit's, or nobody can be where it says.
    """
    run = run_of(city, event.unit_id, event.assignment_id)
    scenes.report_scene(city, event, run.incident_id)


def run_of(city: City, unit_id: str, assignment_id: str) -> Assignment:
    """Return the run that a unit is on.

    Raises:
        Unknown: no such run has been ordered.
        Crossed: it has ended.
        Rejected: it is another unit's.
    """
    assignment = assignment_of(city, unit_id, assignment_id)
    if assignment.ended_at is not None:
        raise Crossed("assignment_id", f"has ended ({assignment.outcome})")
    return assignment


def switch_mode(city: City, event: CityModeSwitched) -> None:
    """Switch 平战结合; waiting incidents are looked at again under the new mode.

    Raises:
        Rejected: the city is in this mode already.
    """
    if event.mode == city.mode:
        raise Rejected("mode", f"is {event.mode} already")
    city.emit(
        CityModeChanged(
            at=city.now, mode=event.mode, before=city.mode, by=event.by, reason=event.reason
        ),
        key="city",
    )
    city.mode = event.mode
    dispatching.serve_all(city, f"the city is in {event.mode} mode")


def _is_of_past_run(city: City, unit: Unit, event: UnitReported) -> bool:
    """Return whether a status is of a run that is over, and see to what follows from it.

    A crew that has lost its run for its silence may have it again: then it is of this one.
    """
    lost = late_word.run_of_silent(city, unit) if event.status in crossing.RUN else None
    # It names no run: what was said before that order is of another.
    heard = (
        lost is not None
        and timing.not_before(event.at, lost.ordered_at, city.pack)
        and not crossing.is_before_order(city, unit, lost, event.at)
        and late_word.counts(city, lost, event.at)
    )
    if heard and lost is not None and late_word.take(city, lost, event.at) is not None:
        return False
    met = met_late.run_of(city, city.units[unit.unit_id], event)
    if met is not None:
        met_late.take(city, met, event)
    # One whose order was withdrawn drives for nobody, and is free now.
    return heard or met is not None


def _take_status(city: City, event: UnitReported) -> None:
    unit = city.units[event.unit_id]
    if event.status is not None and event.status != unit.status:
        _change_status(city, unit, event)
    elif event.status is not None:
        _note_said(city, unit, event)


def _note_said(city: City, unit: Unit, event: UnitReported) -> Unit:
    """Note when a unit has said of itself that it is free, or not."""
    if event.status not in crossing.RUN and (unit.said_at is None or event.at > unit.said_at):
        unit = replace(unit, said_at=event.at)
        city.put(unit)
    return unit


def _change_status(city: City, unit: Unit, event: UnitReported) -> None:
    status = event.status
    assert status is not None, "only a reported status is a change"
    if status in crossing.RUN and unit.assignment_id is not None:
        run = city.assignments[unit.assignment_id]
        if crossing.is_before_order(city, unit, run, event.at):
            raise Crossed("status", _BEFORE_ORDER)
    check_transition(city, unit, event)
    if status in ("returning", "available") and unit.job_id is not None:
        raise Early("status", _NOT_DISINFECTED)
    if status == "disinfecting" and unit.job_id is None:
        why = "no disinfection is ordered for this vehicle"
        crossing.refuse(city, unit, event, "status", why)
    if crossing.is_overtaken(city, unit, event):
        raise Crossed("status", _OVERTAKEN)
    if unit.status == "handed_over":
        city.cancel_timer(setting_out.TIMER, unit.unit_id)
    unit = _note_said(city, unit, event)
    if status in crossing.RUN:
        _progress(city, unit, status, event)
    elif status in OFF and unit.assignment_id is not None:
        assignment = city.assignments[unit.assignment_id]
        dispatching.fail(
            city,
            assignment,
            outcome="aborted",
            reason=event.reason or "out of service",
            since=min(event.at, city.now),
        )
    else:
        since = min(event.at, city.now)
        change_unit(city, unit, status=status, status_at=since, reason=event.reason)


def _progress(city: City, unit: Unit, status: UnitStatus, event: UnitReported) -> None:
    assert unit.assignment_id is not None, "a unit on a run has an assignment"
    assignment = city.assignments[unit.assignment_id]
    if assignment.acknowledged_at is None:
        _acknowledged(city, assignment, event)
        assignment = city.assignments[assignment.assignment_id]
    if status == "at_hospital" and handover.current(city, assignment) is None:
        raise Early("status", "no hospital has been told of this patient")
    before = max(assignment.reached.values(), default=assignment.ordered_at)
    at = timing.happened_at(event.at, cause=before, now=city.now)
    city.put(
        replace(
            assignment,
            reached={**assignment.reached, status: at},
            met_patient=assignment.met_patient or status == "on_scene",
        )
    )
    change_unit(city, unit, status=status, status_at=at)
    incidents.tell_progress(city, assignment, status, at)
    if status == "on_scene":
        link_proposals.lapse(city, assignment.incident_id, "a crew has met the patient")
        if event.position is not None and unit.position is not None and unit.doubt is None:
            scenes.crew_is_there(city, assignment.incident_id, unit.unit_id, unit.position)
    elif status == "rolling":
        clocks.meet(
            city,
            "order_to_rolling",
            assignment.incident_id,
            assignment.assignment_id,
            at=at,
        )
    elif status == "transporting":
        _on_the_way(city, assignment.assignment_id)
    elif status == "at_hospital":
        _arrived(city, assignment.assignment_id)


def _on_the_way(city: City, assignment_id: str) -> None:
    """Tell the hospital when the patient comes; choose one now where none has been told yet."""
    assignment = city.assignments[assignment_id]
    if handover.current(city, assignment) is not None:
        handover.update(city, assignment, "the patient is on the way")
        return
    after = handover.announce(city, assignment)
    dispatching.hospital_changed(city, assignment, after, "the receiving hospital is chosen")


def _arrived(city: City, assignment_id: str) -> None:
    """Begin the limits that run from arrival: for the signatures, and for the test's result."""
    run = city.assignments[assignment_id]
    announced = handover.current(city, run)
    assert announced is not None, "checked before the change of status"
    arrived_at = run.reached["at_hospital"]
    limit = timedelta(seconds=city.pack.handover.signature_seconds)
    city.set_timer("handover_signatures", announced.handover_id, arrived_at + limit)
    aftercare.arrived(city, announced, run, arrived_at)
    signing.close_if_signed(city, announced)


def _acknowledged(
    city: City, assignment: Assignment, event: OrderAcknowledged | UnitReported
) -> None:
    at = timing.happened_at(event.at, cause=assignment.ordered_at, now=city.now)
    city.put(replace(assignment, acknowledged_at=at))
    city.cancel_timer(radio.TIMER, assignment.assignment_id)
    incidents.tell_progress(city, assignment, "ordered", at)


def _unit(city: City, unit_id: str) -> Unit:
    unit = city.units.get(unit_id)
    if unit is None:
        raise Rejected("unit_id", "is not a unit of this city")
    return unit
