"""Incidents: the end of one, and what its calls add up to."""

from dataclasses import replace
from datetime import datetime

from dispatch.domain import (
    clocks,
    holds,
    link_proposals,
    patient_needs,
    placements,
    symptoms,
)
from dispatch.domain.city import City, Crossed, Rejected
from dispatch.domain.model import Assignment, Incident, Place
from dispatch.domain.references import call_of
from dispatch.domain.timing import not_after
from dispatch.policy.decision import Facts
from dispatch.topics.codes import RunOutcome
from dispatch.topics.fields import CrewKind
from dispatch.topics.incidents import IncidentClosed, IncidentProgressed
from dispatch.topics.units import UnitStatus

# What a run reaches when it leaves the scene with a patient.
_LEFT = frozenset({"transporting", "at_hospital", "handed_over"})
_TIMERS = ("screening", "queue", "transfer_wait", *holds.TIMERS)


def of_call(city: City, call_id: str, said_at: datetime) -> Incident:
    """Return the open incident that a call belongs to, of which something is said (aware UTC).

    Raises:
        Unknown: the call has not come yet.
        Crossed: it is cancelled and another one stands, or its incident had not been closed when
            that was said.
        Rejected: its incident had been.
    """
    record = call_of(city, call_id)
    incident = city.incidents[record.incident_id]
    over: type[Rejected] = Crossed
    if incident.closed_at is not None and not not_after(said_at, incident.closed_at, city.pack):
        over = Rejected
    # One whose patient a crew has met goes on, though its last call turns out to be another's.
    if record.outcome == "cancelled" and (
        incident.status == "closed" or is_called_for(city, incident)
    ):
        raise over("call_id", "is cancelled")
    if incident.status == "closed":
        raise over("call_id", f"its incident is closed ({incident.outcome})")
    return incident


def refuse_overtaken(city: City, incident: Incident, said_at: datetime) -> None:
    """Refuse a dispatcher's word of an incident (aware UTC) that has waited, and is overtaken.

    It was said of another situation than there is by now: a hold while a unit was on its way would
    take effect when that unit breaks down, and nobody would be sent. What is ordered in the moment
    in which the incident is opened overtakes nothing: the word may have been read before its call.

    Raises:
        Crossed: a unit has been ordered since, or a run has ended.
    """
    if city.waits_since is None:
        return
    # Whatever the console's clock: it had been said when it was read.
    since = min(said_at, city.waits_since)
    for run in (city.assignments[key] for key in reversed(incident.assignments)):
        if run.ordered_at > max(since, incident.opened_at):
            raise Crossed("call_id", "a unit has been ordered since this was said")
        if run.ended_at is not None and run.ended_at > since:
            raise Crossed("call_id", "a run has ended since this was said")


def is_called_for(city: City, incident: Incident, but: str | None = None) -> bool:
    """Return whether a call of an incident stands, beside one that is left out."""
    return any(
        call_id != but and city.calls[call_id].outcome != "cancelled" for call_id in incident.calls
    )


def active_assignments(city: City, incident: Incident) -> list[Assignment]:
    """Return the runs of an incident that have not ended, oldest first."""
    found = (city.assignments[key] for key in incident.assignments)
    return [assignment for assignment in found if assignment.ended_at is None]


def has_left(city: City, incident: Incident) -> bool:
    """Return whether a crew has left an incident with a patient, or is done with one."""
    return any(has_left_with_patient(city.assignments[key]) for key in incident.assignments)


def has_left_with_patient(run: Assignment) -> bool:
    """Return whether the crew of a run has left the scene with a patient, or is done with one."""
    return run.outcome == "completed" or not _LEFT.isdisjoint(run.reached)


def has_met(city: City, incident: Incident) -> bool:
    """Return whether a crew of an incident is with a patient."""
    return any(run.met_patient for run in active_assignments(city, incident))


def tell_progress(city: City, assignment: Assignment, status: UnitStatus, at: datetime) -> None:
    """Tell the consoles that a run's unit reached a status, at a time (aware UTC)."""
    city.emit(
        IncidentProgressed(
            incident_id=assignment.incident_id,
            assignment_id=assignment.assignment_id,
            unit_id=assignment.unit_id,
            status=status,
            at=at,
        ),
        key=assignment.incident_id,
    )


def units_needed(city: City, incident: Incident) -> int:
    """Return how many more units an incident needs, beside those on it and those that are done."""
    return max(0, _balance(city, incident))


def surplus(city: City, incident: Incident) -> int:
    """Return how many units too many an incident has, beside those that it needs."""
    return max(0, -_balance(city, incident))


def _balance(city: City, incident: Incident) -> int:
    crew = wanted_crew(incident)
    if crew is None:
        return 0
    capacity = placements.patients_per_vehicle(city, incident, crew)
    total = -(-incident.patient_count // capacity)
    return total - sum(not city.assignments[key].patient_owed for key in incident.assignments)


def next_place(incident: Incident) -> Place:
    """Return where the next unit goes: to a patient left on the way, else to the scene."""
    return incident.left_behind[0] if incident.left_behind else incident.place


def wanted_crew(incident: Incident) -> CrewKind | None:
    """Return the crew kind that goes: the dispatcher's word, else the decision's."""
    if incident.decision is None or incident.decision["action"] != "dispatch":
        return None
    crew: CrewKind = incident.wanted_crew or incident.decision["crew"]
    return crew


def close(city: City, incident: Incident, outcome: RunOutcome) -> None:
    """End an incident and tell its consoles."""
    end(city, incident, outcome)
    city.emit(
        IncidentClosed(
            incident_id=incident.incident_id,
            at=city.now,
            outcome=outcome,
            calls=list(incident.calls),
        ),
        key=incident.incident_id,
    )
    placements.close(city, incident.incident_id, outcome)


def end(city: City, incident: Incident, outcome: str) -> None:
    """Let an incident be over: its timers are forgotten, and nobody waits for an order any more."""
    link_proposals.lapse(city, incident.incident_id, f"an incident is over ({outcome})")
    for kind in _TIMERS:
        city.cancel_timer(kind, incident.incident_id)
    clocks.stop(city, "accepted_to_order", incident.incident_id, None, outcome)
    city.put(
        replace(
            city.incidents[incident.incident_id],
            status="closed",
            closed_at=city.now,
            outcome=outcome,
            waiting_for=None,
            waiting_since=None,
        )
    )


def close_if_done(city: City, incident_id: str) -> None:
    """End an incident when no run is left on it and none is owed to it."""
    incident = city.incidents[incident_id]
    if incident.status == "closed" or active_assignments(city, incident):
        return
    if units_needed(city, incident) > 0:
        return
    runs = [city.assignments[key] for key in incident.assignments]
    # A run that was called off says nothing of the patients whom others have seen to.
    runs.sort(key=lambda run: not run.patient_owed)
    outcomes = [run.outcome for run in runs if run.outcome is not None]
    close(city, incident, "completed" if "completed" in outcomes else outcomes[-1])


def facts(city: City, incident: Incident) -> Facts:
    """Return what the decision looks at: the opening call and everything learnt since."""
    asked = patient_needs.said(city, incident)
    return Facts(
        call_id=incident.incident_id,
        received_at=incident.received_at,
        caller_kind=incident.caller_kind,
        can_admit_suspected=incident.can_admit_suspected,
        condition=incident.condition,
        symptoms=incident.symptoms,
        case_status=incident.case_status,
        epidemiology=incident.epidemiology,
        transfer_kind=incident.transfer_kind,
        complaints=symptoms.complaints(city, incident),
        taken_back=incident.taken_back,
        mode=city.mode,
        crew_ordered=bool(active_assignments(city, incident)),
        requests=asked.requests,
        ages=asked.ages,
        needs=asked.needs,
    )
