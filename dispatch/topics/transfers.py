"""What medical institutions publish on the `transfers` topic, keyed by transfer_id or batch_id.

Times are RFC 3339 with an offset, kept as aware UTC; positions are degrees, kept as WGS-84.
"""

from collections import Counter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from dispatch.topics.calls import Contact, Epidemiology, Location
from dispatch.topics.fields import (
    AtMost,
    Content,
    DistrictCode,
    Identifier,
    IdNumber,
    LongText,
    Symptoms,
    Text,
    Timestamp,
)

Severity = Literal["critical", "severe", "ordinary", "mild"]
Mobility = Literal["walking", "wheelchair", "stretcher"]


class TransferPatient(Content):
    """One patient to be moved; `needs` are codes of the policy pack, `age` is in years."""

    patient_id: Identifier
    severity: Severity
    mobility: Mobility
    age: Annotated[float, Field(ge=0, le=150, allow_inf_nan=False)] | None = None
    sex: Text | None = None
    name: Text | None = None
    id_number: IdNumber | None = None
    symptoms: Symptoms | None = None
    needs: Annotated[tuple[Identifier, ...], Field(strict=False), AtMost(20)] = ()


def _each_once(patients: tuple[TransferPatient, ...]) -> tuple[TransferPatient, ...]:
    counts = Counter(patient.patient_id for patient in patients)
    for index, patient in enumerate(patients):
        if counts[patient.patient_id] > 1:
            raise PydanticCustomError(
                "field",
                "{reason}",
                {
                    "field": f"{index}.patient_id",
                    "reason": f"{patient.patient_id} is there twice",
                },
            )
    return patients


_EACH_ONCE = AfterValidator(_each_once)


class TransferRequested(Content):
    """An institution asks for a transfer (转运) of patients who go to one place together.

    `kind` is one of the pack's kinds of transfer; `hospital_id` is where the institution would
    have them go.
    """

    event_type: ClassVar[str] = "transfer.requested"
    transfer_id: Identifier
    at: Timestamp
    institution_id: Identifier
    district: DistrictCode
    location: Location
    kind: Identifier
    patients: Annotated[
        tuple[TransferPatient, ...], Field(strict=False, min_length=1), AtMost(20), _EACH_ONCE
    ]
    by: Text
    epidemiology: Epidemiology | None = None
    complaint: LongText | None = None
    hospital_id: Identifier | None = None
    contact: Contact | None = None


class TransferCancelled(Content):
    """The institution takes its request back."""

    event_type: ClassVar[str] = "transfer.cancelled"
    transfer_id: Identifier
    at: Timestamp
    by: Text
    reason: Text


class TransferBatchRequested(Content):
    """Many patients of one institution are to be moved, in waves that the centre plans.

    `loading_places` is how many vehicles can load at once; `hospitals` restricts where they go;
    `complete_by` is when the last is to be handed over.
    """

    event_type: ClassVar[str] = "transfer.batch.requested"
    batch_id: Identifier
    at: Timestamp
    institution_id: Identifier
    district: DistrictCode
    location: Location
    kind: Identifier
    patients: Annotated[
        tuple[TransferPatient, ...], Field(strict=False, min_length=1), AtMost(500), _EACH_ONCE
    ]
    by: Text
    loading_places: Annotated[int, Field(ge=1, le=100)] | None = None
    complete_by: Timestamp | None = None
    hospitals: (
        Annotated[tuple[Identifier, ...], Field(strict=False, min_length=1), AtMost(100)] | None
    ) = None
    contact: Contact | None = None


class TransferBatchAmended(Content):
    """Patients of a batch changed: `patients` are new or known otherwise, `withdrawn` stay."""

    event_type: ClassVar[str] = "transfer.batch.amended"
    batch_id: Identifier
    at: Timestamp
    by: Text
    reason: Text
    patients: Annotated[
        tuple[TransferPatient, ...], Field(strict=False), AtMost(500), _EACH_ONCE
    ] = ()
    withdrawn: Annotated[tuple[Identifier, ...], Field(strict=False), AtMost(500)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.patients and not self.withdrawn:
            raise PydanticCustomError("empty", "needs at least one of patients, withdrawn")
        return self


class TransferBatchCancelled(Content):
    """What has not started of a batch is called off."""

    event_type: ClassVar[str] = "transfer.batch.cancelled"
    batch_id: Identifier
    at: Timestamp
    by: Text
    reason: Text


INPUTS = (
    TransferRequested,
    TransferCancelled,
    TransferBatchRequested,
    TransferBatchAmended,
    TransferBatchCancelled,
)
