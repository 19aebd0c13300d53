"""What the health commission publishes on the `commission` topic, keyed by incident_id.

Times are RFC 3339 with an offset, kept as aware UTC.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from dispatch.topics.fields import Content, Identifier, LongIdentifier, Text, Timestamp


class ReportAcknowledged(Content):
    """The commission has received a report; it is not sent again."""

    event_type: ClassVar[str] = "report.acknowledged"
    incident_id: Identifier
    report_id: LongIdentifier
    at: Timestamp
    by: Text


class SurveyCompleted(Content):
    """The epidemiological survey of a case is done (work plans: within 24 hours).

    `generation` is 1 for a case that brought the infection in, 2 for one infected by it, and so
    on; absent where the survey could not say.
    """

    event_type: ClassVar[str] = "survey.completed"
    incident_id: Identifier
    at: Timestamp
    by: Text
    generation: Annotated[int, Field(ge=1, le=100)] | None = None
    contacts: Annotated[int, Field(ge=0, le=100_000)] | None = None


class CrewInfected(Content):
    """A member of a unit's crew was found infected; `incident_id` is the run it is traced to."""

    event_type: ClassVar[str] = "crew.infected"
    incident_id: Identifier
    unit_id: Identifier
    at: Timestamp
    by: Text


INPUTS = (ReportAcknowledged, SurveyCompleted, CrewInfected)
