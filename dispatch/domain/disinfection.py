"""Terminal disinfection: a contaminated unit carries nobody until its certificate is accepted.

It is owed, and its job told, from the crew's signature under the handover record on. After an
ordinary run the vehicle is cleaned as usual, which is noted and keeps it from no order.

Source: 120 plan §3, §6; domain, terminal disinfection.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dispatch.domain import symptoms, timing
from dispatch.domain.city import City, Crossed, Early, Rejected, Unknown
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Assignment, Hospital, Job, Position
from dispatch.domain.references import assignment_of
from dispatch.domain.travel import metres_between
from dispatch.policy.pack import Minimum
from dispatch.topics.announcement import Reason
from dispatch.topics.disinfections import (
    CleaningOrdered,
    CleaningRecorded,
    DisinfectionAccepted,
    DisinfectionOrdered,
    DisinfectionRejected,
)
from dispatch.topics.hospitals import DisinfectionCertifiedByHospital
from dispatch.topics.units import DisinfectionCertified, VehicleCleaned

_SECONDS_PER_MINUTE = 60.0


def owe(
    city: City, assignment: Assignment, receiving: Hospital, since: datetime | None = None
) -> None:
    """Tell where and how the unit of a run is disinfected whose crew has signed, once.

    The run goes on until the hospital has signed, or a dispatcher lets the vehicle go. `since`
    (aware UTC) is when the crew signed, where that was before now.
    """
    if assignment.disinfection == "terminal" and _job_of(city, assignment) is None:
        job = _job(city, assignment, receiving.position, receiving, since)
        city.put(job := replace(job, owed=True))
        _tell(city, job)


def after_run(
    city: City,
    assignment: Assignment,
    *,
    near: Position,
    receiving: Hospital | None,
    since: datetime | None = None,
) -> None:
    """See to the vehicle of a run that is over, whose crew has met the patient.

    `since` (aware UTC) is when the crew ended it, where that was before now.
    """
    if assignment.disinfection == "terminal":
        order_job(city, assignment, near=near, receiving=receiving, since=since)
        return
    policy = city.pack.disinfection
    city.emit(
        CleaningOrdered(
            unit_id=assignment.unit_id,
            assignment_id=assignment.assignment_id,
            incident_id=assignment.incident_id,
            at=city.now,
            equipment=list(policy.equipment),
            waste=policy.waste.model_dump(),
        ),
        key=assignment.unit_id,
    )


def record_cleaning(city: City, event: VehicleCleaned) -> None:
    """The crew has cleaned its vehicle after an ordinary run.

    Raises:
        Unknown: the assignment is.
        Early: its run goes on.
        Crossed: its cleaning is recorded already.
        Rejected: it is another unit's, or asks for terminal disinfection.
    """
    run = assignment_of(city, event.unit_id, event.assignment_id)
    if run.ended_at is None:
        raise Early("assignment_id", "its run goes on: the vehicle is cleaned after it")
    if run.disinfection == "terminal":
        reason = "asks for terminal disinfection: send the certificate of its job"
        raise Rejected("assignment_id", reason)
    if run.cleaned_at is not None:
        raise Crossed("assignment_id", "the cleaning after it is recorded already")
    city.put(replace(run, cleaned_at=event.at))
    city.emit(
        CleaningRecorded(
            unit_id=run.unit_id,
            assignment_id=run.assignment_id,
            incident_id=run.incident_id,
            at=event.at,
            by=event.by,
            agent=event.agent,
        ),
        key=run.unit_id,
    )


def order_job(
    city: City,
    assignment: Assignment,
    *,
    near: Position,
    receiving: Hospital | None,
    since: datetime | None = None,
) -> None:
    """Block the unit of a contaminated run that is over, and tell where it is disinfected.

    Where its job is told already it begins now, unless its certificate has been accepted.
    """
    known = _job_of(city, assignment)
    if known is not None and known.ended_at is not None:
        return
    job = (
        _job(city, assignment, near, receiving, since)
        if known is None
        else replace(known, owed=False)
    )
    city.put(job)
    change_unit(city, city.units[assignment.unit_id], job_id=job.job_id)
    if known is None:
        _tell(city, job)


def _job_of(city: City, assignment: Assignment) -> Job | None:
    return city.jobs.get(f"{assignment.assignment_id}/D")


def _job(
    city: City,
    assignment: Assignment,
    near: Position,
    receiving: Hospital | None,
    since: datetime | None,
) -> Job:
    return Job(
        job_id=f"{assignment.assignment_id}/D",
        unit_id=assignment.unit_id,
        assignment_id=assignment.assignment_id,
        incident_id=assignment.incident_id,
        centre_id=_centre(city, near, receiving),
        ordered_at=city.now,
        since=since or city.now,
        minimums=dict(city.pack.disinfection.minimums),
    )


def _tell(city: City, job: Job) -> None:
    policy = city.pack.disinfection
    incident = city.incidents[job.incident_id]
    city.emit(
        DisinfectionOrdered(
            job_id=job.job_id,
            unit_id=job.unit_id,
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
                for agent, minimum in _minimums(city, job).items()
            ],
            waste=policy.waste.model_dump(),
        ),
        key=job.unit_id,
    )
    city.set_timer(
        "disinfection", job.job_id, city.in_seconds(policy.overdue_minutes * _SECONDS_PER_MINUTE)
    )


def certify(city: City, event: DisinfectionCertified) -> None:
    """Accept a certificate and unblock the unit, or say what is wrong with it and keep it blocked.

    What counts are the minimums that the job was ordered with. A crew that waits for the hospital's
    signature may have its vehicle disinfected meanwhile.

    Raises:
        Unknown: the job is.
        Crossed: it has an accepted certificate already.
        Rejected: it is another vehicle's, or the certificate falls short.
    """
    job = city.jobs.get(event.job_id)
    if job is None:
        raise Unknown("job_id", "is not a disinfection job of this centre")
    if job.unit_id != event.unit_id:
        raise Rejected("unit_id", f"the job is for another vehicle, {job.unit_id}")
    if job.ended_at is not None:
        raise Crossed("job_id", "has an accepted certificate already")
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
    if job.owed:
        return
    unit = city.units[job.unit_id]
    status = unit.status if unit.status in ("out_of_service", "off_duty") else "returning"
    change_unit(city, unit, status=status, job_id=None)


def certify_by_hospital(city: City, event: DisinfectionCertifiedByHospital) -> None:
    """Accept a certificate of the hospital to whose decontamination centre the job went.

    Raises:
        Rejected: as for a crew's, or the job is none of this hospital's centre.
    """
    known = city.jobs.get(event.job_id)
    if known is None or known.centre_id != event.hospital_id:
        refused = Unknown if known is None else Rejected
        own = [
            job.job_id
            for job in city.jobs.values()
            if job.centre_id == event.hospital_id and job.ended_at is None
        ]
        if not own:
            raise refused("job_id", "is not a job of this hospital's centre, which has none")
        jobs = ", ".join(sorted(own))
        raise refused("job_id", f"is not a job of this hospital's centre (its own: {jobs})")
    certify(city, event)


def concerns_its_job(city: City, event: DisinfectionCertified) -> bool:
    """Return whether a certificate is of a job of the vehicle that it names, and of its sender."""
    job = city.jobs.get(event.job_id)
    if job is None or job.unit_id != event.unit_id:
        return False
    if isinstance(event, DisinfectionCertifiedByHospital):
        return job.centre_id == event.hospital_id
    return True


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
        f"unit {job.unit_id} has no accepted certificate {minutes:g} minutes after it was ordered",
    )


def _minimums(city: City, job: Job) -> Mapping[str, Minimum]:
    return city.pack.disinfection.minimums if job.minimums is None else job.minimums


def _shortcomings(city: City, job: Job, event: DisinfectionCertified) -> list[Reason]:
    minimums = _minimums(city, job)
    minimum = minimums.get(event.agent)
    if minimum is None:
        allowed = "; ".join(f"{agent}: {_least(each)}" for agent, each in minimums.items())
        reason = f"{event.agent} is none of those that the job allows ({allowed})"
        return [Reason(field="agent", reason=reason)]
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
    must(
        event.ended_at > event.started_at,
        "ended_at",
        f"is not after started_at, {event.started_at.isoformat()}",
    )
    lasted = (event.ended_at - event.started_at).total_seconds() / _SECONDS_PER_MINUTE
    must(
        event.ended_at <= event.started_at or lasted >= event.contact_minutes,
        "contact_minutes",
        f"{event.contact_minutes:g} is longer than the {lasted:g} minutes from started_at to "
        "ended_at",
    )
    # The crew may be heard later than it says: the job was ordered when its signature was read.
    since = job.since or job.ordered_at
    must(
        timing.not_before(event.started_at, since, city.pack),
        "started_at",
        f"is before the vehicle was free for it, {since.isoformat()}",
    )
    must(timing.not_after(event.ended_at, city.now, city.pack), "ended_at", "is in the future")
    return wrong


def _least(minimum: Minimum) -> str:
    return f"{minimum.min_concentration:g} {minimum.unit}, {minimum.min_minutes:g} min"


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
