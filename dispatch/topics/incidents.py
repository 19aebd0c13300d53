"""What consoles read on the `incidents` topic, keyed by call_id.

An incident's id is that of the call that opened it. Times are UTC, durations seconds.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from dispatch.topics.announcement import Announcement, Reason, Shaped
from dispatch.topics.codes import (
    Alike,
    AnyEscalationKind,
    Capability,
    Destination,
    Disinfection,
    Protection,
    Refused,
    RuleId,
    RunOutcome,
    Test,
    WhyCode,
)
from dispatch.topics.fields import CaseStatusFound, Condition, CrewKind
from dispatch.topics.shapes import Decided, Doubted, Measured
from dispatch.topics.units import UnitStatus

HandoverStep = Literal["acknowledged", "signed_by_crew", "signed_by_hospital"]

# Among why a unit is ordered: it takes over from one whose vehicle must be disinfected first.
OTHER_NOT_DISINFECTED: Final = "other_not_disinfected"


class CallDecided(Announcement):
    """The decision on a call: rule, crew, PPE, destination, disinfection, and why.

    `district` is the incident's.
    """

    event_type: ClassVar[str] = "call.decided"
    call_id: str
    incident_id: str
    because: str
    decision: Annotated[dict[str, Any], Shaped(Decided)]
    district: str | None = None


class CallLinked(Announcement):
    """A repeat call for an open incident: linked, not dispatched again; can be undone.

    `patient_count` is the incident's, the highest of what its callers say; `by` and `reason` are
    the dispatcher's where the link was proposed and is confirmed.
    """

    event_type: ClassVar[str] = "call.linked"
    call_id: str
    incident_id: str
    at: datetime
    metres: float | None
    same_phone: bool
    alike: list[Alike]
    patient_count: int
    by: str | None = None
    reason: str | None = None


class LinkProposed(Announcement):
    """A call may be about an open incident: a dispatcher decides; until then it is its own.

    `metres` lie between two exact places; `alike` says in what else the calls agree.
    """

    event_type: ClassVar[str] = "link.proposed"
    call_id: str
    incident_id: str
    at: datetime
    metres: float | None
    same_phone: bool
    alike: list[Alike]


class LinkRefused(Announcement):
    """A dispatcher has refused a proposed link: the call is an incident of its own."""

    event_type: ClassVar[str] = "link.refused"
    call_id: str
    incident_id: str
    at: datetime
    by: str
    reason: str


class LinkLapsed(Announcement):
    """A proposed link can't be confirmed any more: the call is an incident of its own."""

    event_type: ClassVar[str] = "link.lapsed"
    call_id: str
    incident_id: str
    at: datetime
    reason: str


class LinkUndone(Announcement):
    """A link was undone by a dispatcher: the call is an incident of its own now."""

    event_type: ClassVar[str] = "link.undone"
    call_id: str
    incident_id: str
    at: datetime
    by: str
    reason: str


class CallRejected(Announcement):
    """An input of a console was refused; nothing changed. The original is in the dead letters."""

    event_type: ClassVar[str] = "call.rejected"
    call_id: str
    at: datetime
    refused: Refused
    reasons: list[Reason]


class CallWarned(Announcement):
    """A call was taken although something was wrong with it: what, and what was made of it.

    `given_id` is the call_id that its sender gave, where the call had to be taken under another.
    """

    event_type: ClassVar[str] = "call.warned"
    call_id: str
    at: datetime
    given_id: str | None = None
    warnings: list[Reason]


class IncidentQueued(Announcement):
    """No unit can go yet: the place in the queue, and what emptied the list of units."""

    event_type: ClassVar[str] = "incident.queued"
    incident_id: str
    at: datetime
    waiting_for: Literal["unit", "transfer_crew"]
    condition: Condition
    ahead: int
    units_on_it: int
    until: datetime | None
    passed_over: dict[WhyCode, int]


class IncidentAssigned(Announcement):
    """A unit was ordered: which, why it, and why the others were passed over.

    `instead_of` is the assignment that it takes over; it comes `later_seconds` after that one's
    crew, negative if sooner.
    """

    event_type: ClassVar[str] = "incident.assigned"
    incident_id: str
    assignment_id: str
    unit_id: str
    at: datetime
    crew: CrewKind
    rule: RuleId
    ppe: Protection
    destination: Destination
    hospital_id: str | None
    disinfection: Disinfection
    travel_seconds: float
    received_at: datetime
    because: str
    why: list[WhyCode]
    passed_over: dict[WhyCode, int]
    instead_of: str | None = None
    later_seconds: float | None = None


class IncidentReleased(Announcement):
    """A unit no longer serves this incident without having brought a patient to a hospital."""

    event_type: ClassVar[str] = "incident.released"
    incident_id: str
    assignment_id: str
    unit_id: str
    at: datetime
    outcome: RunOutcome
    reason: str


class IncidentProgressed(Announcement):
    """The unit of an assignment reached its next status, at the time the crew gave."""

    event_type: ClassVar[str] = "incident.progressed"
    incident_id: str
    assignment_id: str
    unit_id: str
    status: UnitStatus
    at: datetime


class HandoverProgressed(Announcement):
    """The hospital has acknowledged a handover, or one of the two has signed its record."""

    event_type: ClassVar[str] = "handover.progressed"
    incident_id: str
    handover_id: str
    hospital_id: str
    unit_id: str
    at: datetime
    status: HandoverStep
    by: str


class HospitalChosen(Announcement):
    """Where a patient who needs something of a hospital is taken, and why, in `zh` and `en`.

    `needs`, `lacking` and the hospital's `capabilities` are codes of the policy pack's needs.
    `nearest_id` is the hospital where the patient would have gone but for them; the way is
    `extra_seconds` longer than to that one.
    """

    event_type: ClassVar[str] = "hospital.chosen"
    incident_id: str
    assignment_id: str
    handover_id: str
    hospital_id: str
    at: datetime
    destination: Destination
    needs: list[Capability]
    lacking: list[Capability]
    capabilities: list[Capability]
    nearest_id: str | None
    extra_seconds: float
    why: dict[str, str]


class IncidentAmended(Announcement):
    """PPE, destination, hospital, disinfection or scene of a run changed; the crew was told."""

    event_type: ClassVar[str] = "incident.amended"
    incident_id: str
    assignment_id: str
    unit_id: str
    at: datetime
    because: str
    changed: dict[str, Any]


class IncidentHeld(Announcement):
    """A dispatcher put the incident aside (挂起); it comes back by itself at `until`, or before.

    Before, when the patient gets worse.
    """

    event_type: ClassVar[str] = "incident.held"
    incident_id: str
    at: datetime
    by: str
    reason: str
    until: datetime


class IncidentResumed(Announcement):
    """The incident is no longer held."""

    event_type: ClassVar[str] = "incident.resumed"
    incident_id: str
    at: datetime
    by: str
    reason: str


class IncidentOverridden(Announcement):
    """The dispatcher's last word: another unit, crew kind or hospital."""

    event_type: ClassVar[str] = "incident.overridden"
    incident_id: str
    at: datetime
    by: str
    reason: str
    unit_id: str | None
    crew: CrewKind | None
    hospital_id: str | None


class IncidentCancelled(Announcement):
    """A call was cancelled (撤消); with the last of its calls, the incident."""

    event_type: ClassVar[str] = "incident.cancelled"
    incident_id: str
    call_id: str
    at: datetime
    by: str
    reason: str


class IncidentClosed(Announcement):
    """The incident is over."""

    event_type: ClassVar[str] = "incident.closed"
    incident_id: str
    at: datetime
    outcome: RunOutcome
    calls: list[str]


class DeathRecorded(Announcement):
    """A patient died in a crew's care; `status` is the unit's at that time."""

    event_type: ClassVar[str] = "death.recorded"
    incident_id: str
    assignment_id: str
    unit_id: str
    at: datetime
    status: UnitStatus


class ResultRecorded(Announcement):
    """The result of a test of a patient who was handed over."""

    event_type: ClassVar[str] = "result.recorded"
    incident_id: str
    handover_id: str
    hospital_id: str
    at: datetime
    test: Test
    positive: bool
    case_status: CaseStatusFound | None


class ObservationsRecorded(Announcement):
    """What a crew has observed of its patient, and the hospital that was told (None: none yet).

    `values` are in their units; `warnings` say what was reported and can't be. A link to an ECG is
    told the hospital alone.
    """

    event_type: ClassVar[str] = "observations.recorded"
    incident_id: str
    assignment_id: str
    unit_id: str
    patient_id: str | None
    hospital_id: str | None
    at: datetime
    measured_at: datetime
    values: list[Annotated[dict[str, Any], Shaped(Measured)]]
    warnings: list[Annotated[dict[str, Any], Shaped(Doubted)]]


class EscalationRaised(Announcement):
    """Somebody must look: a limit ran out, or the rules had to settle for less."""

    event_type: ClassVar[str] = "escalation.raised"
    kind: AnyEscalationKind
    incident_id: str | None
    subject: str
    at: datetime
    explanation: str


OUTPUTS = (
    CallDecided,
    CallLinked,
    LinkProposed,
    LinkRefused,
    LinkLapsed,
    LinkUndone,
    CallRejected,
    CallWarned,
    IncidentQueued,
    IncidentAssigned,
    IncidentReleased,
    IncidentProgressed,
    HandoverProgressed,
    HospitalChosen,
    IncidentAmended,
    IncidentHeld,
    IncidentResumed,
    IncidentOverridden,
    IncidentCancelled,
    IncidentClosed,
    DeathRecorded,
    ResultRecorded,
    ObservationsRecorded,
    EscalationRaised,
)
