"""What hospital intake systems publish on the `hospitals` topic, keyed by hospital_id."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from dispatch.topics.fields import (
    AtMost,
    CaseStatusFound,
    Content,
    Identifier,
    LongIdentifier,
    Text,
    Timestamp,
)
from dispatch.topics.units import DisinfectionCertified

HospitalStatus = Literal["open", "advisory", "closed"]
HospitalService = Literal["ordinary", "emptying", "emptied", "cases", "standby"]
DecontaminationStatus = Literal["inactive", "open", "full", "exceeded"]
BedOutcome = Literal["discharged", "moved", "died", "left"]
Rooms = Annotated[dict[Identifier, Annotated[int, Field(ge=0, le=100_000)]], AtMost(500)]


class Decontamination(Content):
    """What a hospital's decontamination centre can take (EDXL-HAVE DeconCapacityStatus)."""

    status: DecontaminationStatus
    bays: Annotated[int, Field(ge=0, le=1_000)] | None = None


class HospitalReported(Content):
    """A hospital reports what it can take (terms of EDXL-HAVE: open, advisory, closed).

    `rooms` gives the beds or rooms free now, by kind, `capacity` how many there are; a kind that is
    absent stays as it was. `service` says whom the hospital is for: a reserve hospital that is
    called in reports `emptied`, then `cases` once it is in service.
    """

    event_type: ClassVar[str] = "hospital.reported"
    hospital_id: Identifier
    at: Timestamp
    status: HospitalStatus | None = None
    rooms: Rooms | None = None
    capacity: Rooms | None = None
    service: HospitalService | None = None
    decontamination: Decontamination | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "HospitalReported":
        told = (self.status, self.rooms, self.capacity, self.service, self.decontamination)
        if all(each is None for each in told):
            message = "needs at least one of status, rooms, capacity, service, decontamination"
            raise ValueError(message)
        return self


class HandoverAcknowledged(Content):
    """The hospital has read the announcement and is getting ready (120 plan §5)."""

    event_type: ClassVar[str] = "handover.acknowledged"
    hospital_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp
    by: Text


class HandoverDiverted(Content):
    """The hospital cannot take the patient; the next suitable one is asked."""

    event_type: ClassVar[str] = "handover.diverted"
    hospital_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp
    by: Text
    reason: Text


class HandoverSignedByHospital(Content):
    """The hospital signs the handover record on arrival (120 plan §4, §5)."""

    event_type: ClassVar[str] = "handover.signed_by_hospital"
    hospital_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp
    by: Text


class PatientFound(Content):
    """The hospital finds a case in a patient it was handed or is about to be handed."""

    event_type: ClassVar[str] = "patient.found"
    hospital_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp
    case_status: CaseStatusFound


class PatientLeft(Content):
    """A patient who was brought has left by himself, whether a bed is free by it or not."""

    event_type: ClassVar[str] = "patient.left"
    hospital_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp


class TransferAccepted(Content):
    """The hospital takes the patients of an offer: beds and isolation places are kept for them."""

    event_type: ClassVar[str] = "transfer.accepted"
    hospital_id: Identifier
    offer_id: LongIdentifier
    at: Timestamp
    by: Text


class TransferDiverted(Content):
    """The hospital cannot take the patients of an offer; it may propose another one."""

    event_type: ClassVar[str] = "transfer.diverted"
    hospital_id: Identifier
    offer_id: LongIdentifier
    at: Timestamp
    by: Text
    reason: Text
    proposal: Identifier | None = None


class BedFreed(Content):
    """A bed is free again: its patient was discharged, moved, has died or has left by himself.

    `promise_id` is the reservation or handover under which the patient came; without one the
    patient had come otherwise, or before.
    """

    event_type: ClassVar[str] = "bed.freed"
    hospital_id: Identifier
    at: Timestamp
    room: Identifier
    promise_id: LongIdentifier | None = None
    outcome: BedOutcome = "discharged"


class ResultReported(Content):
    """The result of a test of a patient who was handed over (work plans: within 4 to 12 hours)."""

    event_type: ClassVar[str] = "result.reported"
    hospital_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp
    test: Identifier
    positive: bool
    case_status: CaseStatusFound | None = None


class FollowUpCompleted(Content):
    """The days of follow-up of a patient who went home are over."""

    event_type: ClassVar[str] = "follow_up.completed"
    hospital_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp
    by: Text


class SupplyLevel(Content):
    """What is in stock of an item, and what a day at full load uses, in the same unit."""

    stock: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    daily_use: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SuppliesReported(Content):
    """A hospital reports its supplies; an item that is absent stays as it was."""

    event_type: ClassVar[str] = "supplies.reported"
    hospital_id: Identifier
    at: Timestamp
    items: Annotated[dict[Identifier, SupplyLevel], Field(min_length=1), AtMost(500)]


class DisinfectionCertifiedByHospital(DisinfectionCertified):
    """The certificate of a job of the hospital's own decontamination centre, as a crew's would be.

    It reads of its jobs on `disinfections.<hospital_id>`, and there of what is wrong with one.
    """

    event_type: ClassVar[str] = "disinfection.certified_by_hospital"
    hospital_id: Identifier


INPUTS = (
    HospitalReported,
    HandoverAcknowledged,
    HandoverDiverted,
    HandoverSignedByHospital,
    PatientFound,
    PatientLeft,
    TransferAccepted,
    TransferDiverted,
    BedFreed,
    ResultReported,
    FollowUpCompleted,
    SuppliesReported,
    DisinfectionCertifiedByHospital,
)
