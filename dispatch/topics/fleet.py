"""What everybody reads on the `fleet` topic, keyed by unit_id."""

from datetime import datetime
from typing import ClassVar

from dispatch.topics.announcement import Announcement


class UnitChanged(Announcement):
    """A unit's status or staffing changed."""

    event_type: ClassVar[str] = "unit.changed"
    unit_id: str
    at: datetime
    status: str
    before: str
    staffed: bool
    assignment_id: str | None
    job_id: str | None
    reason: str | None


OUTPUTS = (UnitChanged,)
