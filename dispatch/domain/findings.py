"""A case found by a crew, a hospital or a test: reported, decided again, never lowered.

Source: 120 plan §4 (a case found on the way or on arrival is reported, and moved on); §6.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from dispatch.domain import aftercare, contamination, dispatching
from dispatch.domain.city import City, Rejected
from dispatch.domain.model import Assignment, Handover
from dispatch.domain.onward import transfer_onward
from dispatch.domain.references import assignment_of, handover_of
from dispatch.domain.reports import report_case
from dispatch.topics.codes import FoundBy
from dispatch.topics.fields import CaseStatus, Condition
from dispatch.topics.hospitals import PatientFound, ResultReported
from dispatch.topics.incidents import ResultRecorded
from dispatch.topics.units import CaseFound

# From the least to the most that is known of a case.
_CERTAINTY: Final[tuple[CaseStatus, ...]] = ("none", "suspected", "asymptomatic", "confirmed")
_BECAUSE: Final = {
    "crew": "the crew found a case",
    "hospital": "the hospital found a case",
    "result": "a test was positive",
}


def find_case(city: City, event: CaseFound) -> None:
    """The crew finds a case on the way (120 plan §4); its run may be over.

    Raises:
        Unknown: the assignment is.
        Rejected: it is another unit's run.
    """
    run = assignment_of(city, event.unit_id, event.assignment_id)
    _found(city, run, event.case_status, "crew", event.at, condition=event.condition)


def find_patient(city: City, event: PatientFound) -> None:
    """The hospital finds a case in a patient it expects or has received.

    Raises:
        Unknown: the handover is.
        Rejected: it is another hospital's, or withdrawn.
    """
    handover = _received(city, event.hospital_id, event.handover_id)
    _found_on_arrival(city, handover, event.case_status, "hospital", event.at)


def report_result(city: City, event: ResultReported) -> None:
    """A test of a patient was answered: a positive one is a case found, a negative lowers nothing.

    Raises:
        Unknown: the handover is.
        Rejected: it is another hospital's, or withdrawn; a case status is given with a negative
            result.
    """
    handover = _received(city, event.hospital_id, event.handover_id)
    if event.case_status is not None and not event.positive:
        raise Rejected("case_status", "is given with a positive result only")
    found = (event.case_status or "confirmed") if event.positive else None
    city.emit(
        ResultRecorded(
            incident_id=handover.incident_id,
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            at=event.at,
            test=event.test,
            positive=event.positive,
            case_status=found,
        ),
        key=handover.incident_id,
    )
    aftercare.result_came(city, handover, event.test, event.at)
    if found is not None:
        _found_on_arrival(city, handover, found, "result", event.at)


def _received(city: City, hospital_id: str, handover_id: str) -> Handover:
    """Return the handover of a patient whom a hospital expects or has received."""
    known = handover_of(city, handover_id, hospital_id)
    if known.status in ("withdrawn", "diverted"):
        raise Rejected("handover_id", f"is {known.status}")
    return known


def _found_on_arrival(
    city: City, handover: Handover, case_status: CaseStatus, found_by: FoundBy, at: datetime
) -> None:
    """Let a finding take effect on a patient expected or received, and move the patient on."""
    _found(city, city.assignments[handover.assignment_id], case_status, found_by, at)
    transfer_onward(city, handover.handover_id)


def _found(
    city: City,
    run: Assignment,
    case_status: CaseStatus,
    found_by: FoundBy,
    at: datetime,
    *,
    condition: Condition | None = None,
) -> None:
    """Raise the case status of a run's patient, decide again while they need a crew, and report.

    A vehicle that has left the patient without terminal disinfection is disinfected afterwards.
    What is known of this patient already is not reported again.
    """
    before = city.incidents[run.incident_id]
    risen = max(before.case_status, case_status, key=_CERTAINTY.index)
    known = risen == before.case_status and (run.case_found or before.patient_count == 1)
    found = replace(run, case_found=True)
    city.put(found)
    city.put(replace(before, case_status=risen, condition=condition or before.condition))
    if run.ended_at is None or (run.patient_owed and before.status != "closed"):
        dispatching.decide_incident(city, before.incident_id, _BECAUSE[found_by])
    if run.ended_at is not None and run.disinfection != "terminal":
        if run.met_patient:
            because = "a case was found in the patient carried before"
            contamination.disinfect_afterwards(city, found, because)
        else:
            # That its crew has met the patient may be unread.
            city.put(replace(found, disinfection="terminal"))
    if known:
        return
    report_case(
        city,
        city.incidents[before.incident_id],
        found_by=found_by,
        found_at=at,
        before=before.case_status,
        assignment=run,
    )
