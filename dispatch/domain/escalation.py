"""Escalations: nothing waits silently."""

from dispatch.domain.city import City
from dispatch.topics.codes import EscalationKind
from dispatch.topics.incidents import EscalationRaised


def escalate(
    city: City, kind: EscalationKind, incident_id: str | None, subject: str, explanation: str
) -> None:
    """Tell the consoles that somebody must look, and why."""
    city.emit(
        EscalationRaised(
            kind=kind,
            incident_id=incident_id,
            subject=subject,
            at=city.now,
            explanation=explanation,
        ),
        key=incident_id or subject,
    )
