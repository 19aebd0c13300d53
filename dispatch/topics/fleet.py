"""What consoles, management and operators read on the `fleet` topic, keyed by unit_id or `city`."""

from datetime import datetime
from typing import ClassVar

from dispatch.topics.announcement import Announcement
from dispatch.topics.city import CityMode


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


class CityModeChanged(Announcement):
    """The city is in another mode (平战结合), and with it the pool of crews for emergencies."""

    event_type: ClassVar[str] = "city.mode_changed"
    at: datetime
    mode: CityMode
    before: CityMode
    by: str
    reason: str


OUTPUTS = (UnitChanged, CityModeChanged)
