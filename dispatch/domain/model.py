"""What the service remembers: immutable records, replaced as a whole when something changes.

Times are aware UTC, positions WGS-84 degrees, durations seconds unless a name says otherwise.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from dispatch.policy.rules import Destination, Disinfection, Protection
from dispatch.topics.calls import Call
from dispatch.topics.fields import Answer, CallerKind, CaseStatus, Condition, CrewKind
from dispatch.topics.units import UnitStatus

VehicleKind = Literal["negative_pressure", "monitoring", "basic"]
IncidentStatus = Literal["screening", "waiting", "assigned", "held", "closed"]


@dataclass(frozen=True, slots=True)
class Position:
    """A point on the earth, WGS-84 degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a patient is; `source` is the caller, a unit or, for want of better, the district."""

    position: Position
    source: Literal["caller", "unit", "district_centre"]
    district: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """A district (旗市区): 6-digit administrative code, centre and neighbours."""

    code: str
    name: str
    centre: Position
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A vehicle and its crew, with what it is doing now."""

    unit_id: str
    district: str
    vehicle: VehicleKind
    crew: CrewKind
    station: Position
    status: UnitStatus = "available"
    staffed: bool = True
    position: Position | None = None
    position_at: datetime | None = None
    assignment_id: str | None = None
    job_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """A hospital: what it can do, and the rooms it last reported free, by kind."""

    hospital_id: str
    name: str
    district: str
    position: Position
    roles: tuple[str, ...] = ()
    jurisdiction: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    decontamination: bool = False
    status: Literal["open", "advisory", "closed"] = "open"
    rooms: dict[str, int] = field(default_factory=dict)
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an incident's patients."""

    condition: Condition
    symptoms: tuple[str, ...]
    case_status: CaseStatus
    epidemiology: dict[str, Answer]
    patient_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """An accepted call as it came, and the incident it belongs to now.

    `known_before` is what was known of the incident that the call was linked to.
    """

    call_id: str
    incident_id: str
    outcome: Literal["opened", "linked", "unlinked", "cancelled"]
    digest: str
    content: Call
    known_before: Known | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident: what is known of the patient, the decision in force, and who serves it.

    `left_behind` says where units that failed on the way to a hospital left their patients.
    """

    incident_id: str
    calls: tuple[str, ...]
    received_at: datetime
    opened_at: datetime
    last_call_at: datetime
    place: Place
    phone: str | None
    caller_kind: CallerKind
    institution_id: str | None
    can_admit_suspected: bool | None
    condition: Condition
    symptoms: tuple[str, ...]
    case_status: CaseStatus
    epidemiology: dict[str, Answer]
    complaint: str | None
    patient_count: int
    left_behind: tuple[Place, ...] = ()
    status: IncidentStatus = "screening"
    decision: dict[str, Any] | None = None
    assignments: tuple[str, ...] = ()
    waiting_for: Literal["unit", "transfer_crew"] | None = None
    waiting_since: datetime | None = None
    transfer_wait_over: bool = False
    wanted_crew: CrewKind | None = None
    wanted_hospital: str | None = None
    held_until: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A unit on an incident (任务), from the order to the end of the run.

    `contaminated_before` says that the vehicle came to it undisinfected after a case;
    `patient_owed` says of a run that ended that its patient still needs another unit.
    """

    assignment_id: str
    incident_id: str
    unit_id: str
    crew: CrewKind
    place: Place
    ordered_at: datetime
    rule: str
    ppe: Protection
    destination: Destination
    disinfection: Disinfection
    hospital_id: str | None
    life_support: bool = False
    handover_id: str | None = None
    handovers: int = 0
    chosen_by_dispatcher: bool = False
    contaminated_before: bool = False
    case_found: bool = False
    acknowledged_at: datetime | None = None
    reached: dict[str, datetime] = field(default_factory=dict)
    met_patient: bool = False
    refused_hospitals: tuple[str, ...] = ()
    ended_at: datetime | None = None
    outcome: str | None = None
    reason: str | None = None
    patient_owed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """An announcement to one hospital, up to the record signed by crew and hospital.

    `transfer_call_id` names the onward transfer that a case found in this patient has raised.
    """

    handover_id: str
    assignment_id: str
    incident_id: str
    unit_id: str
    hospital_id: str
    room: str
    place: int | None
    announced_at: datetime
    expected_at: datetime
    status: Literal["announced", "acknowledged", "withdrawn", "diverted", "closed"] = "announced"
    signed_by_crew: str | None = None
    signed_by_hospital: str | None = None
    transfer_call_id: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Terminal disinfection of a unit: while it is open the unit carries nobody."""

    job_id: str
    unit_id: str
    assignment_id: str
    incident_id: str
    centre_id: str | None
    ordered_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something to look at again at `due_at`, whatever happens to the processes meanwhile."""

    timer_id: str
    kind: str
    subject: str
    due_at: datetime


Entity = Unit | Hospital | CallRecord | Incident | Assignment | Handover | Job
