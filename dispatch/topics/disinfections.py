"""What decontamination centres and crews read on the `disinfections` topic, keyed by unit_id.

A hospital whose centre it is reads all of it on a topic of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from dispatch.topics.announcement import Announcement, Reason, Shaped
from dispatch.topics.codes import Agent, CleaningAgent, Equipment
from dispatch.topics.shapes import Carried, LeastAgent


class DisinfectionOrdered(Announcement):
    """Terminal disinfection of one vehicle: until its certificate is accepted it carries nobody.

    It is told when the crew has signed the handover, and may be before the hospital has. `carried`
    has the patient's symptoms and history on the topic of the centre's hospital alone.
    """

    event_type: ClassVar[str] = "disinfection.ordered"
    withheld: ClassVar[frozenset[str]] = frozenset({"carried"})
    job_id: str
    unit_id: str
    assignment_id: str
    incident_id: str
    at: datetime
    centre_id: str | None
    equipment: list[Equipment]
    carried: Annotated[dict[str, Any], Shaped(Carried)]
    required_agent: Agent
    minimums: list[Annotated[dict[str, Any], Shaped(LeastAgent)]]
    waste: dict[str, str]

    @classmethod
    def for_everybody(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what every centre may read: of what was carried, how sure a case it is."""
        carried = said["carried"]
        return {**said, "carried": {"case_status": carried.get("case_status")}}


class DisinfectionAccepted(Announcement):
    """The certificate meets the pack's minimum: the vehicle may be ordered again.

    Who did it is named on the topic of the centre's hospital alone.
    """

    event_type: ClassVar[str] = "disinfection.accepted"
    withheld: ClassVar[frozenset[str]] = frozenset({"operator"})
    job_id: str
    unit_id: str
    at: datetime
    agent: Agent
    concentration: float
    contact_minutes: float
    started_at: datetime
    ended_at: datetime
    operator: str
    waste_bags: int
    centre_id: str | None = None

    @classmethod
    def for_everybody(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what every centre may read."""
        return {**said, "operator": "***"}


class DisinfectionRejected(Announcement):
    """The certificate is too weak or makes no sense: the vehicle stays blocked."""

    event_type: ClassVar[str] = "disinfection.rejected"
    job_id: str
    unit_id: str
    at: datetime
    reasons: list[Reason]
    centre_id: str | None = None


class CleaningOrdered(Announcement):
    """Routine cleaning of one vehicle is due after an ordinary run; it keeps it from no order."""

    event_type: ClassVar[str] = "cleaning.ordered"
    unit_id: str
    assignment_id: str
    incident_id: str
    at: datetime
    equipment: list[Equipment]
    waste: dict[str, str]


class CleaningRecorded(Announcement):
    """The crew has cleaned the vehicle after an ordinary run; `agent` is what with, if it said.

    Who did it is in the event log alone.
    """

    event_type: ClassVar[str] = "cleaning.recorded"
    withheld: ClassVar[frozenset[str]] = frozenset({"by"})
    unit_id: str
    assignment_id: str
    incident_id: str
    at: datetime
    by: str
    agent: CleaningAgent | None

    @classmethod
    def for_everybody(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what every centre may read."""
        return {**said, "by": "***"}


OUTPUTS = (
    DisinfectionOrdered,
    DisinfectionAccepted,
    DisinfectionRejected,
    CleaningOrdered,
    CleaningRecorded,
)
