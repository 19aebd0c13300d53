"""A case that is found is reported (work plans: within 2 hours; 120 plan §4)."""

from datetime import timedelta

from dispatch.domain.city import City
from dispatch.domain.model import Assignment, Incident
from dispatch.topics.reports import CaseReported


def report_case(
    city: City,
    incident: Incident,
    *,
    found_by: str,
    before: str,
    assignment: Assignment | None = None,
) -> None:
    """Publish that a case was found, and until when it is to be reported."""
    city.emit(
        CaseReported(
            incident_id=incident.incident_id,
            district=incident.place.district,
            at=city.now,
            due_at=city.now + timedelta(minutes=city.pack.reports.case_limit_minutes),
            found_by=found_by,
            case_status=incident.case_status,
            before=before,
            assignment_id=assignment.assignment_id if assignment else None,
            hospital_id=assignment.hospital_id if assignment else None,
        ),
        key=incident.incident_id,
    )
