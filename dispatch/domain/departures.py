"""Who may not go and goes all the same: a case who declines transport, a patient who leaves early.

Source: work plans (W (一)3: nobody may move or leave by himself; (一)4: until the result everybody
in a fever clinic stays).
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from dispatch.domain.city import City, Crossed, Early
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Assignment, Handover
from dispatch.domain.references import handover_of
from dispatch.domain.reports import report_departure
from dispatch.topics.hospitals import BedFreed, PatientLeft

# Why a run ends that the patient did not want (`transitions.toml`).
_UNWILLING: Final = frozenset({"transport_declined", "patient_left", "patient_cancelled"})


def run_ended(city: City, run: Assignment, reason: str, at: datetime) -> None:
    """A run ended without its patient: of a known case who declined, somebody must know."""
    incident = city.incidents[run.incident_id]
    if reason not in _UNWILLING or incident.case_status == "none":
        return
    escalate(
        city,
        "transport_declined",
        incident.incident_id,
        run.assignment_id,
        f"a {incident.case_status} case was not brought: {reason}",
    )
    report_departure(city, incident, run, reason="transport_declined", happened_at=at)


def leave(city: City, event: PatientLeft) -> None:
    """A patient has left the hospital by himself.

    Raises:
        Unknown: the handover is.
        Early: its patient has not arrived.
        Crossed: the patient has left already.
        Rejected: the handover is another hospital's.
    """
    handover = handover_of(city, event.handover_id, event.hospital_id)
    arrived = "at_hospital" in city.assignments[handover.assignment_id].reached
    if handover.status in ("withdrawn", "diverted") or not arrived:
        raise Early("handover_id", "its patient has not arrived")
    if handover.left_at is not None:
        raise Crossed("handover_id", "its patient has left already")
    _left(city, handover, event.at)


def bed_left(city: City, event: BedFreed) -> None:
    """A bed was freed: by a patient who has left by himself, as if that had been told."""
    handover = None if event.promise_id is None else city.handovers.get(event.promise_id)
    if event.outcome == "left" and handover is not None and handover.left_at is None:
        _left(city, handover, event.at)


def _left(city: City, handover: Handover, at: datetime) -> None:
    """Note that a patient has left; before the result, or as a case, somebody must know."""
    city.put(replace(handover, left_at=at))
    run = city.assignments[handover.assignment_id]
    incident = city.incidents[handover.incident_id]
    policy = city.pack.handover
    tested = policy.timed_test in policy.tests_on_arrival[run.ppe]
    if tested and handover.tested_at is None:
        why = f"before the result of {policy.timed_test}"
    elif run.case_found or incident.case_status != "none":
        why = f"as a {incident.case_status} case"
    else:
        return
    escalate(
        city,
        "patient_left",
        incident.incident_id,
        handover.handover_id,
        f"a patient has left {handover.hospital_id} {why}",
    )
    report_departure(
        city,
        incident,
        run,
        reason="left_hospital",
        happened_at=at,
        handover_id=handover.handover_id,
    )
