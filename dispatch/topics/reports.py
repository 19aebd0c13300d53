"""What the health commission reads on the `reports` topic, keyed by incident_id or `duties`."""

from datetime import datetime
from typing import Any, ClassVar

from dispatch.topics.announcement import Announcement


class CaseReported(Announcement):
    """A suspected, confirmed or asymptomatic case was found; to be reported by `due_at`."""

    event_type: ClassVar[str] = "case.reported"
    incident_id: str
    district: str
    at: datetime
    due_at: datetime
    found_by: str
    case_status: str
    before: str
    assignment_id: str | None
    hospital_id: str | None


class DutiesReported(Announcement):
    """Where a district falls short of its fleet duties (120 plan §1)."""

    event_type: ClassVar[str] = "duties.reported"
    at: datetime
    negative_pressure_share: float
    shortfalls: list[dict[str, Any]]


OUTPUTS = (CaseReported, DutiesReported)
