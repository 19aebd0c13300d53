"""What the health commission reads on the `reports` topic, keyed by incident_id or `duties`."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from dispatch.topics.announcement import Announcement, Reason, Shaped
from dispatch.topics.codes import DepartureReason, FoundBy, Refused, TransferKindCode
from dispatch.topics.fields import CaseStatus
from dispatch.topics.shapes import ReportContent, Shortfall


class CaseReported(Announcement):
    """A suspected, confirmed or asymptomatic case was found; to be reported by `due_at`.

    Sent again, with the same `report_id` and the next `attempt`, until it is acknowledged: who has
    the `report_id` has the report. `first_case` is the first of the city, `cluster` lists the
    incidents of the cases near each other in place and time, this one too; `content` is what the
    report says.
    """

    event_type: ClassVar[str] = "case.reported"
    report_id: str
    attempt: int
    first_case: bool
    cluster: list[str]
    content: Annotated[dict[str, Any], Shaped(ReportContent)]
    incident_id: str
    district: str
    at: datetime
    due_at: datetime
    found_by: FoundBy
    case_status: CaseStatus
    before: CaseStatus
    assignment_id: str | None
    hospital_id: str | None


class DutiesReported(Announcement):
    """Where a district falls short of its fleet duties (120 plan §1).

    `negative_pressure` lists the ambulances with negative pressure of every district.
    """

    event_type: ClassVar[str] = "duties.reported"
    at: datetime
    negative_pressure_share: float
    shortfalls: list[Annotated[dict[str, Any], Shaped(Shortfall)]]
    negative_pressure: dict[str, list[str]] = Field(default_factory=dict)


class CrossingReported(Announcement):
    """A transfer across districts, reported by the district to the city; sent as a case's is."""

    event_type: ClassVar[str] = "crossing.reported"
    report_id: str
    attempt: int
    incident_id: str
    at: datetime
    due_at: datetime
    from_district: str
    to_district: str
    kind: TransferKindCode
    patients: int
    hospital_id: str


class DepartureReported(Announcement):
    """A case was not brought, or a patient left before the result; sent as a case's is.

    `handover_id` is that of who has left; `content` is what the report says.
    """

    event_type: ClassVar[str] = "departure.reported"
    report_id: str
    attempt: int
    content: Annotated[dict[str, Any], Shaped(ReportContent)]
    incident_id: str
    district: str
    at: datetime
    due_at: datetime
    reason: DepartureReason
    case_status: CaseStatus
    assignment_id: str
    hospital_id: str | None
    handover_id: str | None


class ReportSettled(Announcement):
    """A report was acknowledged by the commission: it is not sent again."""

    event_type: ClassVar[str] = "report.settled"
    report_id: str
    incident_id: str
    at: datetime
    by: str
    attempts: int


class SurveyRecorded(Announcement):
    """The epidemiological survey of a case is done."""

    event_type: ClassVar[str] = "survey.recorded"
    incident_id: str
    at: datetime
    generation: int | None
    contacts: int | None


class InfectionRecorded(Announcement):
    """A member of a crew was infected."""

    event_type: ClassVar[str] = "infection.recorded"
    incident_id: str
    unit_id: str
    at: datetime


class CommissionRejected(Announcement):
    """An input of the commission was refused; nothing changed. The original is a dead letter."""

    event_type: ClassVar[str] = "commission.rejected"
    incident_id: str
    at: datetime
    refused: Refused
    reasons: list[Reason]


OUTPUTS = (
    CaseReported,
    CrossingReported,
    DepartureReported,
    ReportSettled,
    SurveyRecorded,
    InfectionRecorded,
    DutiesReported,
    CommissionRejected,
)
