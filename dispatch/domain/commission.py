"""What the health commission says: reports acknowledged, cases surveyed, crews infected."""

from dataclasses import replace
from datetime import timedelta

from dispatch.domain import clocks, reports
from dispatch.domain.city import City, Crossed, Duplicate, Early, Rejected, Unknown
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Clock
from dispatch.domain.references import incident_of
from dispatch.topics.commission import CrewInfected, ReportAcknowledged, SurveyCompleted
from dispatch.topics.reports import InfectionRecorded, ReportSettled, SurveyRecorded


def acknowledge(city: City, event: ReportAcknowledged) -> None:
    """The commission has a report: it is not sent again.

    Raises:
        Duplicate: it is acknowledged already.
        Unknown: the report is.
        Rejected: it is another incident's, or was sent later, beyond the pack's tolerance for
            clocks that differ.
    """
    report = city.reports.get(event.report_id)
    if report is None:
        raise Unknown("report_id", "is not a report of this centre")
    if report.owner != event.incident_id:
        raise Rejected("incident_id", f"the report is about another incident, {report.owner}")
    if report.ended_at is not None:
        raise Duplicate
    tolerance = timedelta(seconds=city.pack.events.future_tolerance_seconds)
    if event.at < report.reported_at - tolerance:
        raise Rejected("at", "is before the report was sent")
    city.put(replace(report, acknowledged_by=event.by, ended_at=city.now))
    city.cancel_timer(reports.TIMER, report.report_id)
    city.emit(
        ReportSettled(
            report_id=report.report_id,
            incident_id=report.owner,
            at=city.now,
            by=event.by,
            attempts=report.attempts,
        ),
        key=report.owner,
    )
    kind = reports.CLOCKS[report.kind]
    clocks.meet(city, kind, report.owner, report.report_id, at=event.at)


def record_survey(city: City, event: SurveyCompleted) -> None:
    """The epidemiological survey of a case is done (work plans: within 24 hours).

    Raises:
        Unknown: the incident is.
        Early: no case was found in it (yet).
        Crossed: it is surveyed already.
    """
    incident_of(city, event.incident_id)
    owned = city.owned(event.incident_id)
    asked = [each for each in owned if isinstance(each, Clock) and each.kind == "survey"]
    if not asked:
        raise Early("incident_id", "no case was found in it")
    if asked[0].ended_at is not None:
        raise Crossed("incident_id", "is surveyed already")
    city.emit(
        SurveyRecorded(
            incident_id=event.incident_id,
            at=event.at,
            generation=event.generation,
            contacts=event.contacts,
        ),
        key=event.incident_id,
    )
    clocks.meet(city, "survey", event.incident_id, at=event.at)


def record_infection(city: City, event: CrewInfected) -> None:
    """A member of a crew was infected on a run: somebody must look.

    Raises:
        Unknown: the incident is.
        Early: the unit has not been on it (yet).
    """
    incident = incident_of(city, event.incident_id)
    if all(city.assignments[key].unit_id != event.unit_id for key in incident.assignments):
        raise Early("unit_id", "has not been on this incident")
    city.emit(
        InfectionRecorded(incident_id=event.incident_id, unit_id=event.unit_id, at=event.at),
        key=event.incident_id,
    )
    escalate(
        city,
        "crew_infected",
        event.incident_id,
        event.unit_id,
        f"a member of the crew of {event.unit_id} is infected, traced to {event.incident_id}",
    )
