"""What hospital intake systems publish on the `hospitals` topic, keyed by hospital_id."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from dispatch.topics.fields import (
    CaseStatusFound,
    Content,
    Identifier,
    LongIdentifier,
    Text,
    Timestamp,
)

HospitalStatus = Literal["open", "advisory", "closed"]
Rooms = dict[Identifier, Annotated[int, Field(ge=0, le=100_000)]]


class HospitalReported(Content):
    """A hospital reports what it can take (terms of EDXL-HAVE: open, advisory, closed).

    `rooms` gives the rooms free now, by kind; a kind that is absent stays as it was.
    """

    event_type: ClassVar[str] = "hospital.reported"
    hospital_id: Identifier
    at: Timestamp
    status: HospitalStatus | None = None
    rooms: Rooms | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "HospitalReported":
        if self.status is None and self.rooms is None:
            message = "needs at least one of status, rooms"
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


INPUTS = (
    HospitalReported,
    HandoverAcknowledged,
    HandoverDiverted,
    HandoverSignedByHospital,
    PatientFound,
)
