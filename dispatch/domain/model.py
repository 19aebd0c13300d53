"""What the service remembers: immutable records, replaced as a whole when something changes.

Times are aware UTC, positions WGS-84 degrees, durations seconds unless a name says otherwise.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from dispatch.policy.pack import Minimum
from dispatch.topics.calls import Call, Contact
from dispatch.topics.codes import (
    ClockKind,
    Destination,
    Disinfection,
    PlaceSource,
    Protection,
    RunOutcome,
)
from dispatch.topics.fields import Answer, CallerKind, CaseStatus, Condition, CrewKind, VehicleKind
from dispatch.topics.fleet import Disbelief
from dispatch.topics.hospitals import HospitalService
from dispatch.topics.placements import BatchStatus, TransferStatus
from dispatch.topics.transfers import TransferPatient
from dispatch.topics.units import UnitStatus

# How a handover ends whose patient is at the hospital: signed by both, or let go unsigned by it.
HANDED_OVER: Final = frozenset({"closed", "released"})

IncidentStatus = Literal["arranging", "screening", "waiting", "assigned", "held", "closed"]


@dataclass(frozen=True, slots=True)
class Position:
    """A point on the earth, WGS-84 degrees."""

    latitude: float
    longitude: float

    def towards(self, goal: "Position", share: float) -> "Position":
        """Return the point after a share of the way to another, straight on the map."""
        return Position(
            self.latitude + share * (goal.latitude - self.latitude),
            self.longitude + share * (goal.longitude - self.longitude),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a patient is; `source` is the caller, a unit or, for want of better, the district."""

    position: Position
    source: PlaceSource
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
class Doubt:
    """A position that a unit reported (at a time, aware UTC) and that is not believed, and why.

    `agreeing` counts it and those before it that it agrees with.
    """

    why: Disbelief
    position: Position
    at: datetime
    agreeing: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A vehicle and its crew, with what it is doing now.

    `position` is the last one that was believed; `doubt` the last since then that was not.
    `clock_ahead_at` is when a report last came from further ahead than the pack tolerates.
    `heard_at` is when the crew last said anything, `status_at` since when it has its status: by the
    crew's own word, where that is not later than when it was heard. `said_at` is when, by its own
    word, it last said of itself that it is free or not. `withdrawn_at` is when an order was last
    taken from it; `unheard_at` is when its last run ended, if its crew had not been heard to roll;
    `unmet` is that run, if it had not been heard to have met anybody.
    """

    unit_id: str
    district: str
    vehicle: VehicleKind
    crew: CrewKind
    station: Position
    status: UnitStatus = "available"
    status_at: datetime | None = None
    staffed: bool = True
    position: Position | None = None
    position_at: datetime | None = None
    doubt: Doubt | None = None
    clock_ahead_at: datetime | None = None
    heard_at: datetime | None = None
    said_at: datetime | None = None
    withdrawn_at: datetime | None = None
    unheard_at: datetime | None = None
    unmet: str | None = None
    assignment_id: str | None = None
    job_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """A hospital: what it can do, and the rooms it last reported free, by kind.

    `capacity` is how many rooms of a kind it has, `supplies` what is in stock of an item and what a
    day at full load uses of it; `bays` how many vehicles its decontamination centre takes at once.
    `counted_at` is when it last counted the free rooms of a kind. `called_at` is when it was called
    in for cases, until it stands down; `last_tier_told_at` when it was told that its tier fills up
    and none comes after it, until that is empty.
    """

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
    counted_at: dict[str, datetime] = field(default_factory=dict)
    capacity: dict[str, int] = field(default_factory=dict)
    service: HospitalService = "ordinary"
    decontamination_status: Literal["inactive", "open", "full", "exceeded"] = "open"
    bays: int | None = None
    supplies: dict[str, tuple[float, float]] = field(default_factory=dict)
    called_at: datetime | None = None
    last_tier_told_at: datetime | None = None
    supplies_at: datetime | None = None
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

    `known_before` is what was known of the incident that the call was linked to, `place_before`
    where it was, if the call has told a better place.
    """

    call_id: str
    incident_id: str
    outcome: Literal["opened", "linked", "unlinked", "cancelled"]
    digest: str
    content: Call
    known_before: Known | None = None
    place_before: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident: what is known of the patient, the decision in force, and who serves it.

    `left_behind` says where units that failed on the way to a hospital left their patients,
    `mass_casualty_told` of how many patients a mass casualty was announced; `taken_back` are
    symptoms that were said, or read in a complaint, and are not so. `may_be` is the incident that
    it is proposed to be one with, `proposed` are those that are proposed to be this one.
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
    mass_casualty_told: int = 0
    transfer_kind: str | None = None
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
    taken_back: tuple[str, ...] = ()
    may_be: str | None = None
    proposed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A unit on an incident (任务), from the order to the end of the run.

    `patients` are those of a transfer whom it carries, by patient_id. `contaminated_before` says
    that the vehicle came to it undisinfected after a case;
    `unanswered_at` is when it was found that nobody had answered its order in time, `stands_since`
    when the order was left to stand all the same, for no crew is heard;
    `patient_owed` says of a run that ended that its patient still needs another unit,
    `continued_as` under which id its crew, that was heard late, has it again; `deaths`
    counts the patients who died in the crew's care; `wear_told` says that it was escalated that the
    run takes longer than a set of protection lasts. `told` is the order as the crew has it, by its
    fields; empty once that is over. `cleaned_at` is when the vehicle was cleaned after an ordinary
    run; `observations` are what the crew has reported of the patient, as it is told (the first and
    the last of the `observed` in all).
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
    patients: tuple[str, ...] = ()
    life_support: bool = False
    handover_id: str | None = None
    handovers: int = 0
    chosen_by_dispatcher: bool = False
    contaminated_before: bool = False
    case_found: bool = False
    acknowledged_at: datetime | None = None
    unanswered_at: datetime | None = None
    stands_since: datetime | None = None
    reached: dict[str, datetime] = field(default_factory=dict)
    met_patient: bool = False
    refused_hospitals: tuple[str, ...] = ()
    ended_at: datetime | None = None
    outcome: RunOutcome | None = None
    reason: str | None = None
    continued_as: str | None = None
    patient_owed: bool = False
    deaths: int = 0
    wear_told: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    cleaned_at: datetime | None = None
    observations: tuple[dict[str, Any], ...] = ()
    observed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """An announcement to one hospital, up to the record signed by crew and hospital.

    A dispatcher may let the vehicle go when the crew has signed and the hospital does not: it is
    `released`, and `released_by` says by whom; the hospital may still sign.
    `reservations` are the places kept for patients of a transfer, instead of a place of its own;
    `transfer_call_id` names the onward transfer that a case found in this patient has raised;
    `tested_at` is when the test whose result is timed was first answered, `left_at` when the
    patient left by himself. `needs` are the capabilities that the patient needs of the hospital,
    `lacking` those that it does not have, `instead_of` is the nearer one that the patient does not
    go to for them.
    """

    handover_id: str
    assignment_id: str
    incident_id: str
    unit_id: str
    hospital_id: str
    room: str
    place: int | None
    reservations: tuple[str, ...] = ()
    announced_at: datetime
    expected_at: datetime
    status: Literal["announced", "acknowledged", "withdrawn", "diverted", "closed", "released"] = (
        "announced"
    )
    signed_by_crew: str | None = None
    signed_by_hospital: str | None = None
    released_by: str | None = None
    transfer_call_id: str | None = None
    tested_at: datetime | None = None
    left_at: datetime | None = None
    needs: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    instead_of: str | None = None
    freed_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Terminal disinfection of a unit: while it is open the unit carries nobody.

    `owed` says that the run goes on still, until the hospital has signed: the run occupies the unit
    then, and the job afterwards. `minimums` are those that it was ordered with, by agent; None in
    one from before they were kept: those of the pack in force count. `since` is when the vehicle
    was free for it, by its crew's own word; None in one from before: when it was ordered.
    """

    job_id: str
    unit_id: str
    assignment_id: str
    incident_id: str
    centre_id: str | None
    ordered_at: datetime
    owed: bool = False
    minimums: dict[str, Minimum] | None = None
    since: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something to look at again at `due_at`, whatever happens to the processes meanwhile."""

    timer_id: str
    kind: str
    subject: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A request to move patients between institutions; its incident has the same id.

    `destination` is what the hospital was chosen for, `wanted_hospital` the one to be asked first.
    `batch_id` and `trip` name the trip of a batch's plan that it carries out; `handover_id` the
    handover of the patient in whom the case was found that it moves on.
    """

    transfer_id: str
    institution_id: str
    requested_at: datetime
    kind: str
    patients: tuple[TransferPatient, ...]
    status: TransferStatus = "requested"
    destination: Destination | None = None
    hospital_id: str | None = None
    offer_id: str | None = None
    refused_hospitals: tuple[str, ...] = ()
    wanted_hospital: str | None = None
    batch_id: str | None = None
    trip: int | None = None
    handover_id: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One hospital asked to take patients of a transfer or of a batch (`owner`)."""

    offer_id: str
    owner: str
    hospital_id: str
    rooms: dict[str, int]
    made_at: datetime
    answer_by: datetime
    status: Literal["open", "accepted", "diverted", "expired", "withdrawn"] = "open"
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A place kept for one patient of a transfer or of a batch (`owner`): it stands until ended.

    `held` while the hospital is asked, `confirmed` once it has accepted, `taken` when the patient
    has been handed over; `freed_at` is when that patient left the bed again.
    """

    reservation_id: str
    owner: str
    offer_id: str | None
    hospital_id: str
    room: str
    place: int
    patient_id: str
    made_at: datetime
    expires_at: datetime
    status: Literal["held", "confirmed", "taken", "released", "expired"] = "held"
    freed_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrip:
    """One trip of a batch's plan: which unit takes whom where, into which kinds of beds, and when.

    `number` counts the trips of all plans of the batch, `wave` the unit's own trips in this one;
    `free_at` is when the unit is disinfected.
    """

    number: int
    wave: int
    unit_id: str
    hospital_id: str
    beds: dict[str, str]
    depart_at: datetime
    load_at: datetime
    leave_at: datetime
    arrive_at: datetime
    handed_over_at: datetime
    free_at: datetime
    status: Literal["waiting", "started", "ended"] = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Many patients of one institution, moved in waves by a plan.

    `digest` identifies the request; `contact` is whom its crews can ring up.
    `revision` counts what a plan must take into account, `planned_revision` is what the plan in
    force has taken into account; `because` says what came last. `unplaced` names patients without
    a trip and why, `withdrawn` those who stay, `started` and `arrived` those whom a trip has taken
    up and brought. `numbered` counts the trips of all plans, `free_at` says when the plan takes
    each of its units to be free for its next trip.
    """

    batch_id: str
    institution_id: str
    requested_at: datetime
    district: str
    position: Position
    address: str | None
    kind: str
    patients: tuple[TransferPatient, ...]
    loading_places: int
    digest: str = ""
    contact: Contact | None = None
    complete_by: datetime | None = None
    hospitals: tuple[str, ...] | None = None
    status: BatchStatus = "requested"
    revision: int = 1
    planned_revision: int = 0
    because: str = "the batch was requested"
    trips: tuple[PlannedTrip, ...] = ()
    unplaced: tuple[tuple[str, str], ...] = ()
    numbered: int = 0
    free_at: dict[str, datetime] = field(default_factory=dict)
    withdrawn: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    arrived: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A limit that runs (domain, clocks and reports): it warns, and is met, breached or stopped.

    `owner` is the incident, transfer or batch that it belongs to, or `city`. A breached clock stays
    until what it is for is done.
    """

    clock_id: str
    kind: ClockKind
    owner: str
    subject: str
    district: str | None
    started_at: datetime
    warn_at: datetime | None
    due_at: datetime
    warned: bool = False
    breached: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report to the commission, sent again until it is acknowledged; `body` is what it says."""

    report_id: str
    owner: str
    kind: Literal["case", "crossing", "departure"]
    reported_at: datetime
    body: dict[str, Any]
    attempts: int = 1
    acknowledged_by: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """A case found lately, by which the first of the city and clusters are told.

    It is forgotten (`ended_at`) when the pack's days for a cluster are over; of the first of the
    city remains that there was one. `position` is None where nobody knows more than the district.
    """

    case_id: str
    incident_id: str
    found_at: datetime
    position: Position | None
    district: str
    institution_id: str | None
    ended_at: datetime | None = None


# Records kept alike: by id and owner, open until `ended_at`.
Paper = Transfer | Offer | Reservation | Batch | Clock | Report | KnownCase
Entity = Unit | Hospital | CallRecord | Incident | Assignment | Handover | Job | Paper

# Owns what belongs to no incident, transfer or batch; always in memory.
CITY = "city"


def owner_of(entity: Entity) -> str | None:
    """Return the incident, transfer or batch that a record belongs to; None for the fleet's."""
    match entity:
        case Unit() | Hospital():
            return None
        case Transfer():
            return entity.transfer_id
        case Batch():
            return entity.batch_id
        case KnownCase():
            return CITY
        case Offer() | Reservation() | Clock() | Report():
            return entity.owner
        case _:
            return entity.incident_id
