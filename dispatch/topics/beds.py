"""What hospitals and the commission read on the `beds` topic, keyed by hospital_id."""

from datetime import datetime
from typing import ClassVar, Literal

from dispatch.topics.announcement import Announcement
from dispatch.topics.codes import RoomKind, TierName
from dispatch.topics.fields import CaseStatus
from dispatch.topics.hospitals import BedOutcome, HospitalService


class BedReserved(Announcement):
    """A place is promised to a patient; an offer's is held until it is answered."""

    event_type: ClassVar[str] = "bed.reserved"
    reservation_id: str
    hospital_id: str
    transfer_id: str
    patient_id: str
    at: datetime
    room: RoomKind
    place: int
    expires_at: datetime


class BedReleased(Announcement):
    """A reserved place is free again without its patient having come."""

    event_type: ClassVar[str] = "bed.released"
    reservation_id: str
    hospital_id: str
    transfer_id: str
    patient_id: str
    at: datetime
    room: RoomKind
    place: int
    outcome: Literal["released", "expired"]
    reason: str


class BedOccupied(Announcement):
    """The patient of a promised place has been handed over."""

    event_type: ClassVar[str] = "bed.occupied"
    promise_id: str
    hospital_id: str
    incident_id: str
    at: datetime
    room: RoomKind
    place: int
    case_status: CaseStatus


class BedVacated(Announcement):
    """A place is free again; `promise_id` names the promise under which its patient had come."""

    event_type: ClassVar[str] = "bed.vacated"
    hospital_id: str
    promise_id: str | None
    at: datetime
    room: RoomKind
    free: int
    outcome: BedOutcome | None = None


class ServiceChanged(Announcement):
    """A hospital is emptied, empty, in service for cases or for ordinary patients again.

    Cases and ordinary patients never share a hospital (work plans).
    """

    event_type: ClassVar[str] = "service.changed"
    hospital_id: str
    at: datetime
    service: HospitalService
    before: HospitalService
    because: str


class TierStepped(Announcement):
    """A tier of hospitals for cases is half full: the next is called in (work plans).

    `occupied` counts beds taken and promised, `share` is of the tier's `capacity`.
    """

    event_type: ClassVar[str] = "tier.stepped"
    hospital_id: str
    at: datetime
    step: Literal["reserve_called", "temporary_opened"]
    tier: TierName
    occupied: int
    capacity: int
    share: float
    emptied_by: datetime | None
    in_service_by: datetime


class SuppliesAlerted(Announcement):
    """Supplies that last less than the days required at full load, in days by item."""

    event_type: ClassVar[str] = "supplies.alerted"
    hospital_id: str
    at: datetime
    required_days: float
    short: dict[str, float]


class SuppliesRestored(Announcement):
    """Every item lasts long enough again."""

    event_type: ClassVar[str] = "supplies.restored"
    hospital_id: str
    at: datetime
    required_days: float


OUTPUTS = (
    BedReserved,
    BedReleased,
    BedOccupied,
    BedVacated,
    ServiceChanged,
    TierStepped,
    SuppliesAlerted,
    SuppliesRestored,
)
