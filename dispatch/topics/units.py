"""What crews publish on the `units` topic, keyed by unit_id.

Times are RFC 3339 with an offset, kept as aware UTC; positions are degrees, kept as WGS-84.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from dispatch.topics.calls import Location
from dispatch.topics.datum import Datum, read_as_wgs84
from dispatch.topics.fields import (
    CaseStatusFound,
    Condition,
    Content,
    Identifier,
    Latitude,
    LongIdentifier,
    Longitude,
    Text,
    Timestamp,
)
from dispatch.topics.observations import ObservationsReported

UnitStatus = Literal[
    "available",
    "ordered",
    "rolling",
    "on_scene",
    "transporting",
    "at_hospital",
    "handed_over",
    "disinfecting",
    "returning",
    "off_duty",
    "out_of_service",
]


class UnitPosition(Content):
    """Where a unit is: degrees, of the `datum` as it is sent (WGS-84 where it does not say).

    Once read it is WGS-84.
    """

    latitude: Latitude
    longitude: Longitude
    datum: Datum | None = None

    @model_validator(mode="after")
    def _is_wgs84(self) -> Self:
        read_as_wgs84(self)
        return self


class UnitReported(Content):
    """A crew reports its status, position or staffing; whatever is absent stays as it was."""

    event_type: ClassVar[str] = "unit.reported"
    unit_id: Identifier
    at: Timestamp
    status: UnitStatus | None = None
    position: UnitPosition | None = None
    staffed: bool | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "UnitReported":
        if self.status is None and self.position is None and self.staffed is None:
            message = "needs at least one of status, position, staffed"
            raise ValueError(message)
        return self


class OrderAcknowledged(Content):
    """The crew has received its order (接收命令)."""

    event_type: ClassVar[str] = "order.acknowledged"
    unit_id: Identifier
    assignment_id: LongIdentifier
    at: Timestamp


class RunEnded(Content):
    """The run ended without a handover: aborted (中止), empty (空车), refused (拒绝出车)."""

    event_type: ClassVar[str] = "run.ended"
    unit_id: Identifier
    assignment_id: LongIdentifier
    at: Timestamp
    outcome: Literal["aborted", "empty", "refused"]
    reason: Identifier
    note: Text | None = None


class CaseFound(Content):
    """The crew finds a suspected, confirmed or asymptomatic case on the way (120 plan §4)."""

    event_type: ClassVar[str] = "case.found"
    unit_id: Identifier
    assignment_id: LongIdentifier
    at: Timestamp
    case_status: CaseStatusFound
    condition: Condition | None = None


class SceneReported(Content):
    """The crew of a run has learnt where the patient is; who else is on the way is told at once."""

    event_type: ClassVar[str] = "scene.reported"
    unit_id: Identifier
    assignment_id: LongIdentifier
    at: Timestamp
    location: Location


class PatientDied(Content):
    """The patient died in the crew's care, on scene or on the way."""

    event_type: ClassVar[str] = "patient.died"
    unit_id: Identifier
    assignment_id: LongIdentifier
    at: Timestamp


class HandoverSignedByCrew(Content):
    """The crew signs the handover record on arrival (120 plan §4, §5)."""

    event_type: ClassVar[str] = "handover.signed_by_crew"
    unit_id: Identifier
    handover_id: LongIdentifier
    at: Timestamp
    by: Text


class DisinfectionCertified(Content):
    """A certificate of terminal disinfection for one vehicle.

    `concentration` is in the unit that the pack names for the agent (mg/L or percent),
    `contact_minutes` in minutes.
    """

    event_type: ClassVar[str] = "disinfection.certified"
    unit_id: Identifier
    job_id: LongIdentifier
    at: Timestamp
    agent: Identifier
    concentration: float = Field(ge=0, allow_inf_nan=False)
    contact_minutes: float = Field(ge=0, allow_inf_nan=False)
    started_at: Timestamp
    ended_at: Timestamp
    operator: Text
    waste_bags: int = Field(ge=0)


class VehicleCleaned(Content):
    """The crew has cleaned the vehicle after an ordinary run, which needs no certificate."""

    event_type: ClassVar[str] = "vehicle.cleaned"
    unit_id: Identifier
    assignment_id: LongIdentifier
    at: Timestamp
    by: Text
    agent: Identifier | None = None


INPUTS = (
    UnitReported,
    OrderAcknowledged,
    RunEnded,
    CaseFound,
    SceneReported,
    PatientDied,
    HandoverSignedByCrew,
    DisinfectionCertified,
    VehicleCleaned,
    ObservationsReported,
)
