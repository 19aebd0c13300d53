"""Terminal disinfection: a contaminated unit carries nobody until its certificate is accepted.

Source: 120 plan §3, §6; domain, terminal disinfection.
"""

from dataclasses import replace

from dispatch.domain import symptoms
from dispatch.domain.city import City, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Assignment, Hospital, Job, Position
from dispatch.domain.travel import metres_between
from dispatch.topics.announcement import Reason
from dispatch.topics.disinfections import (
    DisinfectionAccepted,
    DisinfectionOrdered,
    DisinfectionRejected,
)
from dispatch.topics.units import DisinfectionCertified

_SECONDS_PER_MINUTE = 60.0


def order_job(
    city: City, assignment: Assignment, *, near: Position, receiving: Hospital | None
) -> None:
    """Block the unit of a contaminated run and tell where and how it is disinfected."""
    policy = city.pack.disinfection
    unit = city.units[assignment.unit_id]
    incident = city.incidents[assignment.incident_id]
    job = Job(
        job_id=f"{assignment.assignment_id}/D",
        unit_id=unit.unit_id,
        assignment_id=assignment.assignment_id,
        incident_id=assignment.incident_id,
        centre_id=_centre(city, near, receiving),
        ordered_at=city.now,
    )
    city.put(job)
    change_unit(city, unit, job_id=job.job_id, assignment_id=None)
    city.emit(
        DisinfectionOrdered(
            job_id=job.job_id,
            unit_id=unit.unit_id,
            assignment_id=job.assignment_id,
            incident_id=job.incident_id,
            at=city.now,
            centre_id=job.centre_id,
            equipment=list(policy.equipment),
            carried={
                "case_status": incident.case_status,
                "history": incident.decision["history"] if incident.decision else None,
                "symptoms": symptoms.told(city, incident),
            },
            required_agent=policy.required_agent,
            minimums=[
                {"agent": agent, **minimum.model_dump(mode="json")}
                for agent, minimum in policy.minimums.items()
            ],
            waste=policy.waste.model_dump(),
        ),
        key=unit.unit_id,
    )
    city.set_timer(
        "disinfection", job.job_id, city.in_seconds(policy.overdue_minutes * _SECONDS_PER_MINUTE)
    )


def certify(city: City, event: DisinfectionCertified) -> None:
    """Accept a certificate and unblock the unit, or say what is wrong with it and keep it blocked.

    Raises:
        Rejected: the job is unknown, another vehicle's or closed, or the certificate falls short.
    """
    job = city.jobs.get(event.job_id)
    if job is None:
        raise Rejected("job_id", "is not a disinfection job of this centre")
    if job.unit_id != event.unit_id:
        raise Rejected("unit_id", f"the job is for another vehicle, {job.unit_id}")
    if job.ended_at is not None:
        raise Rejected("job_id", "has an accepted certificate already")
    wrong = _shortcomings(city, job, event)
    if wrong:
        raise Rejected(wrong[0].field, wrong[0].reason, *wrong[1:])
    city.put(replace(job, ended_at=city.now))
    city.cancel_timer("disinfection", job.job_id)
    city.emit(
        DisinfectionAccepted(
            job_id=job.job_id,
            unit_id=job.unit_id,
            at=city.now,
            agent=event.agent,
            concentration=event.concentration,
            contact_minutes=event.contact_minutes,
            started_at=event.started_at,
            ended_at=event.ended_at,
            operator=event.operator,
            waste_bags=event.waste_bags,
            centre_id=job.centre_id,
        ),
        key=job.unit_id,
    )
    unit = city.units[job.unit_id]
    status = unit.status if unit.status in ("out_of_service", "off_duty") else "returning"
    change_unit(city, unit, status=status, job_id=None)


def answer_refused(city: City, event: DisinfectionCertified, reasons: list[Reason]) -> None:
    """Tell the crew and the decontamination centre why a certificate was not accepted."""
    job = city.jobs.get(event.job_id)
    city.emit(
        DisinfectionRejected(
            job_id=event.job_id,
            unit_id=event.unit_id,
            at=city.now,
            reasons=reasons,
            centre_id=None if job is None else job.centre_id,
        ),
        key=event.unit_id,
    )


def overdue(city: City, job_id: str) -> None:
    """The unit is blocked for longer than the pack's limit: somebody must look."""
    job = city.jobs.get(job_id)
    if job is None or job.ended_at is not None:
        return
    minutes = city.pack.disinfection.overdue_minutes
    escalate(
        city,
        "disinfection_overdue",
        job.incident_id,
        job.unit_id,
        f"unit {job.unit_id} has no accepted certificate {minutes:g} minutes after the run",
    )


def _shortcomings(city: City, job: Job, event: DisinfectionCertified) -> list[Reason]:
    minimum = city.pack.disinfection.minimums.get(event.agent)
    if minimum is None:
        return [
            Reason(field="agent", reason=f"{event.agent} is not an agent of the policy in force")
        ]
    wrong: list[Reason] = []

    def must(ok: bool, field: str, reason: str) -> None:  # reads as a sentence
        if not ok:
            wrong.append(Reason(field=field, reason=reason))

    must(
        event.concentration >= minimum.min_concentration,
        "concentration",
        f"{event.concentration:g} is below the minimum of {minimum.min_concentration:g} "
        f"{minimum.unit}",
    )
    must(
        event.contact_minutes >= minimum.min_minutes,
        "contact_minutes",
        f"{event.contact_minutes:g} is below the minimum of {minimum.min_minutes:g} minutes",
    )
    must(event.ended_at > event.started_at, "ended_at", "is not after started_at")
    lasted = (event.ended_at - event.started_at).total_seconds() / _SECONDS_PER_MINUTE
    must(
        event.ended_at <= event.started_at or lasted >= event.contact_minutes,
        "contact_minutes",
        "is longer than the time from started_at to ended_at",
    )
    must(event.started_at >= job.ordered_at, "started_at", "is before the end of the run")
    tolerance = city.pack.events.future_tolerance_seconds
    must(event.ended_at <= city.in_seconds(tolerance), "ended_at", "is in the future")
    return wrong


def _centre(city: City, near: Position, receiving: Hospital | None) -> str | None:
    """Return the receiving hospital's centre, else the nearest that has a bay free.

    A centre that is full is passed over where another has room. None stands for the unit's base,
    also where no centre works.
    """
    if city.pack.disinfection.where == "base":
        return None
    match receiving:
        case Hospital(decontamination=True, decontamination_status="open"):
            return receiving.hospital_id
    ranked = [
        (
            not _has_room(each, city.taken_bays[each.hospital_id]),
            metres_between(near, each.position),
            each.hospital_id,
        )
        for each in city.hospitals.values()
        if each.decontamination and each.decontamination_status != "inactive"
    ]
    return min(ranked)[-1] if ranked else None


def _has_room(centre: Hospital, taken: int) -> bool:
    is_open = centre.decontamination_status == "open"
    return is_open and (centre.bays is None or taken < centre.bays)
