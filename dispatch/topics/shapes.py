"""What the objects within what is published hold, for its JSON Schemas.

They are made as JSON, so nobody builds one of these. A field with None as its default may be
absent. Times are UTC.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dispatch.topics.announcement import Announcement
from dispatch.topics.city import CityMode
from dispatch.topics.codes import (
    Action,
    Agent,
    ConcentrationUnit,
    Destination,
    Disinfection,
    DisinfectionMethod,
    Duty,
    Evidence,
    FoundBy,
    History,
    Item,
    NeedCode,
    PlaceSource,
    Protection,
    ReadFrom,
    RoomKind,
    RuleId,
    Symptom,
    TransferKindCode,
    Wearable,
)
from dispatch.topics.fields import Answer, CallerKind, CaseStatus, Condition, CrewKind
from dispatch.topics.observations import MeasuredIn, ReadingName
from dispatch.topics.transfers import Mobility, Severity


class _Shape(Announcement):
    event_type: ClassVar[str] = ""


class PackInForce(_Shape):
    """The policy pack that a decision was taken under."""

    pack: str
    version: str


class Asked(_Shape):
    """A question that is still to be asked."""

    item: Item
    zh: str
    en: str


class ReadSymptom(_Shape):
    """A symptom that was read from words: its code, the words, and where (`from`) they stood."""

    code: Symptom
    words: str
    source: Annotated[ReadFrom, Field(alias="from")]


class DecidedOn(_Shape):
    """What a decision looked at: the same again lead to the same decision."""

    call_id: str
    received_at: datetime
    at: datetime
    caller_kind: CallerKind
    can_admit_suspected: bool | None
    condition: Condition
    symptoms: list[Symptom]
    case_status: CaseStatus
    epidemiology: dict[Item, Answer]
    symptomatic: bool
    known_case: bool
    deadline_passed: bool
    evidence: Evidence
    read: list[ReadSymptom]
    taken_back: list[Symptom]
    mode: CityMode
    crew_ordered: bool
    transfer_kind: TransferKindCode | None = None
    needs: list[NeedCode] | None = None


class Decided(_Shape):
    """A decision: what is null is so where the rule only asks."""

    call_id: str
    action: Action
    rule: RuleId
    crew: CrewKind | None
    ppe: Protection | None
    destination: Destination | None
    disinfection: Disinfection | None
    history: History
    questions: list[Asked]
    life_support: bool
    policy: PackInForce
    source: str
    decided_at: datetime
    inputs: DecidedOn
    warnings: list[str]


class Measured(_Shape):
    """A value that a crew has measured."""

    name: ReadingName
    value: float
    unit: MeasuredIn


class Doubted(_Shape):
    """What was reported and can't be: the field, the value as a short text, and why."""

    field: str
    value: str | None
    reason: str


class Observed(_Shape):
    """What a crew has observed of its patient at a time."""

    unit_id: str
    patient_id: str | None
    measured_at: datetime
    values: list[Measured]
    ecg_url: str | None
    warnings: list[Doubted]


class KeptBed(_Shape):
    """A bed that is kept for a patient of a transfer."""

    patient_id: str
    room: RoomKind
    place: int


class OfferedPatient(_Shape):
    """A patient to be moved, as far as the institution has told; `age` in years."""

    patient_id: str
    severity: Severity
    mobility: Mobility
    age: float | None = None
    sex: str | None = None
    name: str | None = None
    id_number: str | None = None
    symptoms: list[Symptom] | None = None
    needs: list[NeedCode] | None = None


class Expected(_Shape):
    """Who comes, as far as known; `patients` are those of a transfer."""

    symptoms: list[Symptom]
    name: str | None = None
    sex: str | None = None
    age: float | None = None
    id_number: str | None = None
    chief_complaint: str | None = None
    special_needs: str | None = None
    stretcher: bool | None = None
    patients: list[OfferedPatient] | None = None


class Carried(_Shape):
    """What a vehicle has carried; but for the case status on the own topic alone."""

    case_status: CaseStatus | None
    history: History | None = None
    symptoms: list[Symptom] | None = None


class LeastAgent(_Shape):
    """The least of an agent that disinfects: concentration in `unit`, contact in minutes."""

    agent: Agent
    method: DisinfectionMethod
    unit: ConcentrationUnit
    min_concentration: float
    min_minutes: float
    closed: bool
    millilitres_per_cubic_metre: float | None


class Shortfall(_Shape):
    """A duty that is not met: of a district, or (null) of the city; `has` is what there is."""

    district: str | None
    duty: Duty
    has: float


class ReportedPlace(_Shape):
    """Where a reported patient is or was: WGS-84 degrees."""

    latitude: float
    longitude: float
    source: PlaceSource
    address: str | None


class ReportedPatient(_Shape):
    """Who a reported patient is, as far as known."""

    patient_id: str | None = None
    name: str | None = None
    sex: str | None = None
    age: float | None = None
    id_number: str | None = None


class Involved(_Shape):
    """A run on a reported patient's incident."""

    assignment_id: str
    unit_id: str
    crew: CrewKind
    hospital_id: str | None


class Worn(_Shape):
    """What the crew of a run wore."""

    level: Protection
    crew: list[Wearable]
    driver: list[Wearable]


class Measures(_Shape):
    """What protects others from now on."""

    ppe: Protection
    destination: Destination
    reserve: RoomKind
    receiving_staff: list[Wearable]
    disinfection: Disinfection


class ReportContent(_Shape):
    """What a report says of a patient: personal data."""

    patients: list[ReportedPatient]
    phone: str | None
    patient_count: int
    place: ReportedPlace
    district: str
    institution_id: str | None
    condition: Condition
    symptoms: list[Symptom]
    history: dict[Item, Answer | None]
    involved: list[Involved]
    ppe_worn: Worn | None
    measures: Measures | None
    found_by: FoundBy | None = None
    found_at: datetime | None = None
    happened_at: datetime | None = None


class Trip(_Shape):
    """A trip of a batch's plan: which unit takes whom where, into which beds, and when."""

    number: int
    wave: int
    unit_id: str
    hospital_id: str
    beds: dict[str, RoomKind]
    depart_at: datetime
    load_at: datetime
    leave_at: datetime
    arrive_at: datetime
    handed_over_at: datetime
    free_at: datetime
    status: Literal["waiting", "started"]


class Unplaced(_Shape):
    """A patient without a trip, and why, in words."""

    patient_id: str
    why: str
