"""Reports to the health commission: made with all that is known, sent again until acknowledged.

Source: 120 plan §4 and work plans: a case that is found is reported within 2 hours, a transfer
across districts by the district to the city.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from dispatch.domain import clocks, known_cases, symptoms
from dispatch.domain.city import City
from dispatch.domain.model import Assignment, Incident, Report, Transfer
from dispatch.policy.pack import ITEMS
from dispatch.topics.codes import ClockKind, DepartureReason, FoundBy
from dispatch.topics.fields import CaseStatus
from dispatch.topics.reports import CaseReported, CrossingReported, DepartureReported

TIMER: Final = "report"
# The limit of each kind of report, and the event that it is.
CLOCKS: Final[Mapping[str, ClockKind]] = {
    "case": "case_reported",
    "crossing": "crossing_reported",
    "departure": "case_reported",
}
_AnyReport = CaseReported | CrossingReported | DepartureReported
_EVENTS: Final[Mapping[str, type[_AnyReport]]] = {
    "case": CaseReported,
    "crossing": CrossingReported,
    "departure": DepartureReported,
}
_SECONDS_PER_MINUTE: Final = 60.0
_IDENTITY: Final = ("patient_id", "name", "sex", "age", "id_number")


def report_case(
    city: City,
    incident: Incident,
    *,
    found_by: FoundBy,
    found_at: datetime,
    before: CaseStatus,
    assignment: Assignment | None = None,
) -> None:
    """Report a case found at a time (aware UTC), of the incident as it is now decided.

    `before` is the case status known until then; `assignment` the run of the patient as the finding
    met it, with the PPE worn. A status that rises is a report of its own, of the same case.
    """
    # A device's clock may be wrong: nobody is found to be a case before anyone called for them.
    found_at = min(max(found_at, incident.received_at), city.now)
    report_id = _next_id(city, incident.incident_id)
    case_of = _case_of(city, incident)
    if not known_cases.is_known(city, case_of) and not _is_reported(city, incident):
        known_cases.remember(city, incident, found_at)
        clocks.start(
            city,
            "survey",
            owner=incident.incident_id,
            district=incident.place.district,
            started_at=found_at,
        )
    event = CaseReported(
        report_id=report_id,
        attempt=1,
        first_case=known_cases.is_first(city, case_of),
        cluster=known_cases.cluster_of(city, case_of),
        content=_content(city, incident, found_by, found_at, assignment),
        incident_id=incident.incident_id,
        district=incident.place.district,
        at=city.now,
        due_at=_due_at(city, "case_reported", found_at),
        found_by=found_by,
        case_status=incident.case_status,
        before=before,
        assignment_id=assignment.assignment_id if assignment else None,
        hospital_id=city.assignments[assignment.assignment_id].hospital_id if assignment else None,
    )
    _send(city, "case", event, district=incident.place.district, since=found_at)


def report_crossing(
    city: City, transfer: Transfer, *, hospital_id: str, from_district: str, to_district: str
) -> None:
    """Report a transfer whose hospital lies in another district than its patients do."""
    if from_district == to_district:
        return
    event = CrossingReported(
        report_id=_next_id(city, transfer.transfer_id),
        attempt=1,
        incident_id=transfer.transfer_id,
        at=city.now,
        due_at=_due_at(city, "crossing_reported", city.now),
        from_district=from_district,
        to_district=to_district,
        kind=transfer.kind,
        patients=len(transfer.patients),
        hospital_id=hospital_id,
    )
    _send(city, "crossing", event, district=from_district, since=city.now)


def report_departure(
    city: City,
    incident: Incident,
    run: Assignment,
    *,
    reason: DepartureReason,
    happened_at: datetime,
    handover_id: str | None = None,
) -> None:
    """Report a case who was not brought, or a patient who left at a time (aware UTC)."""
    happened_at = min(max(happened_at, incident.received_at), city.now)
    event = DepartureReported(
        report_id=_next_id(city, incident.incident_id),
        attempt=1,
        content=_described(city, incident, run) | {"happened_at": happened_at},
        incident_id=incident.incident_id,
        district=incident.place.district,
        at=city.now,
        due_at=_due_at(city, "case_reported", happened_at),
        reason=reason,
        case_status=incident.case_status,
        assignment_id=run.assignment_id,
        hospital_id=run.hospital_id,
        handover_id=handover_id,
    )
    _send(city, "departure", event, district=incident.place.district, since=happened_at)


def resend(city: City, report_id: str) -> None:
    """Send a report again that nobody has acknowledged: the same report, the next attempt."""
    report = city.reports.get(report_id)
    if report is None or report.ended_at is not None:
        return
    attempt = report.attempts + 1
    again = report.body | {"attempt": attempt, "at": city.now}
    city.put(replace(report, attempts=attempt))
    city.emit(_EVENTS[report.kind].model_validate(again), key=report.owner)
    _send_again_later(city, report_id)


def _send(
    city: City,
    kind: Literal["case", "crossing", "departure"],
    event: _AnyReport,
    *,
    district: str,
    since: datetime,
) -> None:
    city.put(
        Report(
            report_id=event.report_id,
            owner=event.incident_id,
            kind=kind,
            reported_at=city.now,
            body=event.model_dump(mode="json"),
        )
    )
    city.emit(event, key=event.incident_id)
    clocks.start(
        city,
        CLOCKS[kind],
        owner=event.incident_id,
        subject=event.report_id,
        district=district,
        started_at=since,
    )
    _send_again_later(city, event.report_id)


def _send_again_later(city: City, report_id: str) -> None:
    seconds = city.pack.reports.resend_minutes * _SECONDS_PER_MINUTE
    city.set_timer(TIMER, report_id, city.in_seconds(seconds))


def _due_at(city: City, kind: ClockKind, since: datetime) -> datetime:
    return since + timedelta(seconds=city.pack.clocks[kind].limit_seconds)


def _reports_of(city: City, owner: str) -> list[Report]:
    return [each for each in city.owned(owner) if isinstance(each, Report)]


def _next_id(city: City, owner: str) -> str:
    return f"{owner}/R{1 + len(_reports_of(city, owner))}"


def _is_reported(city: City, incident: Incident) -> bool:
    return any(report.kind == "case" for report in _reports_of(city, incident.incident_id))


def _case_of(city: City, incident: Incident) -> str:
    """Return the incident in which a patient became a case: not the transfer that moves them on."""
    transfer = city.transfers.get(incident.incident_id)
    if transfer is None or transfer.handover_id is None:
        return incident.incident_id
    return transfer.handover_id.partition("/")[0]


def _content(
    city: City,
    incident: Incident,
    found_by: str,
    found_at: datetime,
    met: Assignment | None,
) -> dict[str, Any]:
    """Return what the report of a case says."""
    return _described(city, incident, met) | {"found_by": found_by, "found_at": found_at}


def _described(city: City, incident: Incident, met: Assignment | None) -> dict[str, Any]:
    """Return what is known of a patient: personal data belongs here, and in no log line."""
    place = incident.place
    runs = [city.assignments[key] for key in incident.assignments]
    return {
        "patients": _identities(city, incident, met),
        "phone": incident.phone,
        "patient_count": incident.patient_count,
        "place": {
            "latitude": place.position.latitude,
            "longitude": place.position.longitude,
            "source": place.source,
            "address": place.address,
        },
        "district": place.district,
        "institution_id": incident.institution_id,
        "condition": incident.condition,
        "symptoms": symptoms.told(city, incident),
        "history": {item: incident.epidemiology.get(item) for item in ITEMS},
        "involved": [
            {
                "assignment_id": run.assignment_id,
                "unit_id": run.unit_id,
                "crew": run.crew,
                "hospital_id": run.hospital_id,
            }
            for run in runs
        ],
        "ppe_worn": None if met is None else _dress(city, met),
        "measures": _measures(city, incident, met),
    }


def _identities(city: City, incident: Incident, met: Assignment | None) -> list[dict[str, Any]]:
    """Return who the patients are, as far as known: of a transfer, those of the run."""
    transfer = city.transfers.get(incident.incident_id)
    patients: Sequence[object]
    if transfer is None:
        patients = (city.calls[incident.incident_id].content.patient,)
    else:
        patients = [
            patient
            for patient in transfer.patients
            if met is None or not met.patients or patient.patient_id in met.patients
        ]
    return [
        {key: value for key in _IDENTITY if (value := getattr(patient, key, None)) is not None}
        for patient in patients
    ]


def _dress(city: City, run: Assignment) -> dict[str, Any]:
    dress = city.pack.protection.levels[run.ppe]
    return {"level": run.ppe, "crew": list(dress.crew), "driver": list(dress.driver)}


def _measures(city: City, incident: Incident, met: Assignment | None) -> dict[str, Any] | None:
    """Return what protects others from now on: the run's measures, else those decided on."""
    if met is not None:
        run = city.assignments[met.assignment_id]
        ppe, destination, disinfection = run.ppe, run.destination, run.disinfection
    elif incident.decision is not None and incident.decision["action"] == "dispatch":
        names = ("ppe", "destination", "disinfection")
        ppe, destination, disinfection = (incident.decision[name] for name in names)
    else:
        return None
    return {
        "ppe": ppe,
        "destination": destination,
        "reserve": city.pack.handover.rooms[destination],
        "receiving_staff": list(city.pack.protection.levels[ppe].receiving_staff),
        "disinfection": disinfection,
    }
