"""A case that is found is reported (work plans: within 2 hours; 120 plan §4)."""

from datetime import timedelta

from dispatch.domain.city import City
from dispatch.domain.model import Assignment, Incident, Report
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
    number = 1 + sum(report.owner == incident.incident_id for report in city.reports.values())
    report_id = f"{incident.incident_id}/R{number}"
    limit = city.pack.clocks["case_reported"].limit_seconds
    event = CaseReported(
        report_id=report_id,
        attempt=1,
        first_case=not city.known_cases,
        cluster=[],
        content={},
        incident_id=incident.incident_id,
        district=incident.place.district,
        at=city.now,
        due_at=city.now + timedelta(seconds=limit),
        found_by=found_by,
        case_status=incident.case_status,
        before=before,
        assignment_id=assignment.assignment_id if assignment else None,
        hospital_id=assignment.hospital_id if assignment else None,
    )
    city.put(
        Report(
            report_id=report_id,
            owner=incident.incident_id,
            kind="case",
            reported_at=city.now,
            body=event.model_dump(mode="json"),
        )
    )
    city.emit(event, key=incident.incident_id)
