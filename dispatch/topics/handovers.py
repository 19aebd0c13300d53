"""What hospital intake systems read on the `handovers` topic, keyed by hospital_id."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from dispatch.topics.announcement import Announcement, Reason, Shaped
from dispatch.topics.codes import (
    Capability,
    Destination,
    Disinfection,
    History,
    Refused,
    RoomKind,
    RuleId,
    Test,
    TransferKindCode,
    Wearable,
)
from dispatch.topics.fields import CaseStatus, Condition, CrewKind
from dispatch.topics.shapes import Expected, KeptBed, Observed, OfferedPatient


class HandoverAnnounced(Announcement):
    """Who comes, when, what to reserve, what to wear, what to test at once (120 plan §5).

    `needs` are the capabilities that the patient needs, `lacking` those that the hospital lacks.
    """

    event_type: ClassVar[str] = "handover.announced"
    handover_id: str
    hospital_id: str
    assignment_id: str
    incident_id: str
    unit_id: str
    at: datetime
    expected_at: datetime
    patient: Annotated[dict[str, Any], Shaped(Expected)]
    condition: Condition
    case_status: CaseStatus
    history: History
    rule: RuleId
    crew: CrewKind
    destination: Destination
    reserve: RoomKind
    place: int | None
    beds: list[Annotated[dict[str, Any], Shaped(KeptBed)]]
    staff_ppe: list[Wearable]
    tests: list[Test]
    acknowledge_by: datetime
    needs: list[Capability] = Field(default_factory=list)
    lacking: list[Capability] = Field(default_factory=list)


class HandoverUpdated(Announcement):
    """The expected time of arrival, the risk, the condition or what the patient needs changed.

    `needs` are the capabilities needed by now, `lacking` those of them that the hospital lacks.
    """

    event_type: ClassVar[str] = "handover.updated"
    handover_id: str
    hospital_id: str
    at: datetime
    expected_at: datetime
    condition: Condition
    case_status: CaseStatus
    history: History
    rule: RuleId
    staff_ppe: list[Wearable]
    reason: str
    needs: list[Capability] = Field(default_factory=list)
    lacking: list[Capability] = Field(default_factory=list)


class HandoverReminded(Announcement):
    """No answer yet to an announcement: told again."""

    event_type: ClassVar[str] = "handover.reminded"
    handover_id: str
    hospital_id: str
    at: datetime
    expected_at: datetime


class HandoverWithdrawn(Announcement):
    """The patient does not come to this hospital; what was reserved is free again."""

    event_type: ClassVar[str] = "handover.withdrawn"
    handover_id: str
    hospital_id: str
    at: datetime
    reason: str


class HandoverObserved(Announcement):
    """What crews have observed of a patient announced: in the order in which it was measured.

    Each of `observations` says by which unit, when (`measured_at`, UTC), `values` with their units,
    a link to an ECG, and as `warnings` what was reported and can't be. What was observed before the
    announcement is sent along with it, but for the `left_out` of a great many.
    """

    event_type: ClassVar[str] = "handover.observed"
    handover_id: str
    hospital_id: str
    assignment_id: str
    incident_id: str
    at: datetime
    observations: list[Annotated[dict[str, Any], Shaped(Observed)]]
    left_out: int


class HandoverClosed(Announcement):
    """Signed by crew and hospital: the record that centre, hospital and ambulance keep.

    `keeps_cases` says whether the hospital is one for cases; from any other a case is moved on.
    """

    event_type: ClassVar[str] = "handover.closed"
    handover_id: str
    hospital_id: str
    assignment_id: str
    incident_id: str
    unit_id: str
    at: datetime
    arrived_at: datetime
    signed_by_crew: str
    signed_by_hospital: str
    disinfection: Disinfection
    keeps_cases: bool | None = None


class HandoverReleased(Announcement):
    """Signed by the crew alone: a dispatcher (`by`) has let the vehicle go, and says why.

    The patient is at the hospital; it may sign still. `keeps_cases` as of a closed handover.
    """

    event_type: ClassVar[str] = "handover.released"
    handover_id: str
    hospital_id: str
    assignment_id: str
    incident_id: str
    unit_id: str
    at: datetime
    arrived_at: datetime
    signed_by_crew: str
    by: str
    reason: str
    disinfection: Disinfection
    keeps_cases: bool


class TransferOffered(Announcement):
    """A hospital is asked, before anybody moves, to take patients (120 plan §5).

    `rooms` are the beds kept for them by kind until `answer_by`.
    """

    event_type: ClassVar[str] = "transfer.offered"
    offer_id: str
    transfer_id: str
    hospital_id: str
    at: datetime
    answer_by: datetime
    kind: TransferKindCode
    institution_id: str
    patients: list[Annotated[dict[str, Any], Shaped(OfferedPatient)]]
    rooms: dict[RoomKind, int]
    staff_ppe: list[Wearable]


class OfferWithdrawn(Announcement):
    """A hospital need not keep beds for an offer any more."""

    event_type: ClassVar[str] = "offer.withdrawn"
    offer_id: str
    transfer_id: str
    hospital_id: str
    at: datetime
    reason: str


class HospitalRejected(Announcement):
    """An input of a hospital had no effect. It is a dead letter, unless it crossed with another."""

    event_type: ClassVar[str] = "hospital.rejected"
    hospital_id: str
    at: datetime
    refused: Refused
    reasons: list[Reason]


OUTPUTS = (
    HandoverAnnounced,
    HandoverUpdated,
    HandoverReminded,
    HandoverWithdrawn,
    HandoverObserved,
    HandoverClosed,
    HandoverReleased,
    TransferOffered,
    OfferWithdrawn,
    HospitalRejected,
)
