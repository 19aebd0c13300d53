"""What crews read on the `orders` topic, keyed by unit_id."""

from datetime import datetime
from typing import Any, ClassVar

from dispatch.topics.announcement import Announcement, Reason


class Scene(Announcement):
    """Where the patient is: WGS-84 degrees; `source` is caller, unit or district_centre."""

    event_type: ClassVar[str] = ""
    latitude: float
    longitude: float
    source: str
    address: str | None
    district: str


class Dress(Announcement):
    """What the crew and its driver wear: the level and the lists of the pack in force.

    A set is worn for at most `max_wear_minutes`, and for one patient.
    """

    event_type: ClassVar[str] = ""
    level: str
    crew: list[str]
    driver: list[str]
    max_wear_minutes: float


class OrderIssued(Announcement):
    """Go: where, for whom, dressed how, to which hospital, and what follows for the vehicle."""

    event_type: ClassVar[str] = "order.issued"
    assignment_id: str
    unit_id: str
    incident_id: str
    at: datetime
    acknowledge_by: datetime
    received_at: datetime
    scene: Scene
    condition: str
    case_status: str
    complaint: str | None
    patient_count: int
    stretcher: bool | None
    special_needs: str | None
    rule: str
    crew: str
    ppe: Dress
    life_support: bool
    destination: str
    hospital_id: str | None
    disinfection: str
    why: list[str]
    policy: dict[str, str]


class OrderAmended(Announcement):
    """What changed for a run that goes on; `scene` is where the patient is, as it is known now."""

    event_type: ClassVar[str] = "order.amended"
    assignment_id: str
    unit_id: str
    incident_id: str
    at: datetime
    because: str
    changed: dict[str, Any]
    scene: Scene
    ppe: Dress
    destination: str
    hospital_id: str | None
    disinfection: str


class OrderWithdrawn(Announcement):
    """Stop: the run is over for this unit."""

    event_type: ClassVar[str] = "order.withdrawn"
    assignment_id: str
    unit_id: str
    incident_id: str
    at: datetime
    reason: str


class UnitRejected(Announcement):
    """An input of a crew was refused; nothing changed. The original is in the dead letters."""

    event_type: ClassVar[str] = "unit.rejected"
    unit_id: str
    at: datetime
    refused: str
    reasons: list[Reason]


OUTPUTS = (OrderIssued, OrderAmended, OrderWithdrawn, UnitRejected)
