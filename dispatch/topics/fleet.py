"""What consoles, management and operators read on the `fleet` topic, keyed by unit_id or `city`."""

from datetime import datetime
from typing import ClassVar, Literal

from dispatch.topics.announcement import Announcement
from dispatch.topics.city import CityMode
from dispatch.topics.units import UnitStatus

# Why a position that a unit reports is not believed.
Disbelief = Literal["no_fix", "out_of_bounds", "too_fast", "from_the_future", "older_than_last"]


class UnitChanged(Announcement):
    """A unit's status or staffing changed.

    `assumed` is true of a status that the crew has not reported: after the pack's time it is taken
    to be on its way back.
    """

    event_type: ClassVar[str] = "unit.changed"
    unit_id: str
    at: datetime
    status: UnitStatus
    before: UnitStatus
    staffed: bool
    assignment_id: str | None
    job_id: str | None
    reason: str | None
    assumed: bool = False


class UnitWarned(Announcement):
    """A unit's report was taken, but not its position or time: why, and what stands in for it.

    `latitude` and `longitude` (WGS-84 degrees) are what it said, `stands_in` is the last position
    that was believed or the station. One `from_the_future` counts as of now, and `latitude` and
    `longitude` are where the unit was until then. Told once for as long as it goes on for the same
    reason.
    """

    event_type: ClassVar[str] = "unit.warned"
    unit_id: str
    at: datetime
    why: Disbelief
    explanation: str
    latitude: float
    longitude: float
    stands_in: Literal["last_position", "station"]


class CityModeChanged(Announcement):
    """The city is in another mode (平战结合), and with it the pool of crews for emergencies."""

    event_type: ClassVar[str] = "city.mode_changed"
    at: datetime
    mode: CityMode
    before: CityMode
    by: str
    reason: str


OUTPUTS = (UnitChanged, UnitWarned, CityModeChanged)
