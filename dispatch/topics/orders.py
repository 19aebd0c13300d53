"""What crews read on their units' own topics beside `orders`, keyed by unit_id.

`orders` itself, which others read, has nothing in it by which a patient or a caller can be known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

from dispatch.topics.announcement import Announcement, Reason
from dispatch.topics.codes import (
    Destination,
    Disinfection,
    History,
    Item,
    NeedCode,
    PlaceSource,
    Protection,
    Refused,
    RuleId,
    RunOutcome,
    Symptom,
    Wearable,
    WhyCode,
)
from dispatch.topics.fields import Answer, CaseStatus, Condition, CrewKind
from dispatch.topics.transfers import Mobility, Severity


class Centre(Announcement):
    """The centre of a district: WGS-84 degrees."""

    event_type: ClassVar[str] = ""
    latitude: float
    longitude: float


class Scene(Announcement):
    """Where the patient is: WGS-84 degrees; `source` is who told it.

    `district` is its code, `centre` where the district's centre is. The shared topic tells of
    no more than the district.
    """

    event_type: ClassVar[str] = ""
    latitude: float
    longitude: float
    source: PlaceSource
    address: str | None
    district: str
    district_name: str | None = None
    centre: Centre | None = None

    @classmethod
    def for_everybody(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the district alone, as if nobody knew more of the place."""
        centre = said.get("centre") or {
            # An event from before there was a centre in it: within some 10 km.
            name: round(said[name], 1)
            for name in ("latitude", "longitude")
        }
        return {**said, **centre, "source": "district_centre", "address": None}


ContactRole = Literal["caller", "contact"]


class OrderContact(Announcement):
    """Whom the crew can ring up: a caller, or the contact (联系人) whom one has named."""

    event_type: ClassVar[str] = ""
    role: ContactRole
    name: str | None
    phone: str | None


class OrderPatient(Announcement):
    """A patient as far as known; `age` in years. The rest is of patients of a transfer."""

    event_type: ClassVar[str] = ""
    name: str | None = None
    sex: str | None = None
    age: float | None = None
    patient_id: str | None = None
    severity: Severity | None = None
    mobility: Mobility | None = None
    needs: tuple[NeedCode, ...] = ()


# The fields of a call whose words may stand among the notes.
NotedField = Literal[
    "complaint",
    "requirement",
    "special_needs",
    "preliminary_judgement",
    "destination_wish",
    "call_address",
]


class Note(Announcement):
    """Something else that was said; `about` names the field of the call in which it was."""

    event_type: ClassVar[str] = ""
    about: NotedField
    text: str


class Dress(Announcement):
    """What the crew and its driver wear: the level and the lists of the pack in force.

    A set is worn for at most `max_wear_minutes`, and for one patient.
    """

    event_type: ClassVar[str] = ""
    level: Protection
    crew: list[Wearable]
    driver: list[Wearable]
    max_wear_minutes: float


# What a patient, a caller or a home can be known by, and what ails somebody.
WITHHELD: Final = frozenset(
    {"complaint", "special_needs", "requirement", "notes", "symptoms", "epidemiology", "history"}
    | {"call_back", "contacts", "patients", "institution_id"}
)


class OrderIssued(Announcement):
    """Go: where, for whom, dressed how, to which hospital, and what follows for the vehicle.

    On the shared topic what is withheld is null, and the scene is the district.
    """

    event_type: ClassVar[str] = "order.issued"
    withheld: ClassVar[frozenset[str]] = WITHHELD
    assignment_id: str
    unit_id: str
    incident_id: str
    at: datetime
    acknowledge_by: datetime
    received_at: datetime
    scene: Scene
    condition: Condition
    case_status: CaseStatus
    complaint: str | None
    patient_count: int
    stretcher: bool | None
    special_needs: str | None
    rule: RuleId
    crew: CrewKind
    ppe: Dress
    life_support: bool
    destination: Destination
    hospital_id: str | None
    disinfection: Disinfection
    why: list[WhyCode]
    policy: dict[str, str]
    # 主叫号码; 联系人/电话; 姓名、性别、年龄; 病人需求
    call_back: str | None = None
    contacts: list[OrderContact] | None = None
    patients: list[OrderPatient] | None = None
    symptoms: list[Symptom] | None = None
    epidemiology: dict[Item, Answer] | None = None
    history: History | None = None
    requirement: str | None = None
    notes: list[Note] | None = None
    institution_id: str | None = None
    handover_id: str | None = None

    @classmethod
    def for_everybody(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the shared topic says."""
        return {**super().for_everybody(said), "scene": Scene.for_everybody(said["scene"])}


class OrderAmended(Announcement):
    """What changed for a run that goes on: `changed` has the order's fields as they are now.

    `scene` is where the patient is, as it is known now; of `ppe`, `changed` has the level. The
    shared topic names the fields that are withheld, and no values.
    """

    event_type: ClassVar[str] = "order.amended"
    withheld: ClassVar[frozenset[str]] = WITHHELD
    assignment_id: str
    unit_id: str
    incident_id: str
    at: datetime
    because: str
    changed: dict[str, Any]
    scene: Scene
    ppe: Dress
    destination: Destination
    hospital_id: str | None
    disinfection: Disinfection
    handover_id: str | None = None

    @classmethod
    def for_everybody(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the shared topic says; why may quote what was said of the patient."""
        told = {**said, "because": "", "changed": changed_for_everybody(said["changed"])}
        if "scene" in said:  # An event from before it was told has none.
            told["scene"] = Scene.for_everybody(said["scene"])
        return told


def changed_for_everybody(changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changed of an order as others than its crew may read it."""
    return {
        name: (
            None if name in WITHHELD else Scene.for_everybody(value) if name == "scene" else value
        )
        for name, value in changed.items()
    }


class OrderWithdrawn(Announcement):
    """Stop: the run is over for this unit."""

    event_type: ClassVar[str] = "order.withdrawn"
    assignment_id: str
    unit_id: str
    incident_id: str
    at: datetime
    reason: str


class OrderEnded(Announcement):
    """The run is over: the patient was handed over, or the crew has ended it."""

    event_type: ClassVar[str] = "order.ended"
    assignment_id: str
    unit_id: str
    incident_id: str
    at: datetime
    outcome: RunOutcome


class UnitRejected(Announcement):
    """An input of a crew had no effect. It is a dead letter, unless it crossed with another."""

    event_type: ClassVar[str] = "unit.rejected"
    unit_id: str
    at: datetime
    refused: Refused
    reasons: list[Reason]


OUTPUTS = (OrderIssued, OrderAmended, OrderWithdrawn, OrderEnded, UnitRejected)
