"""What is still owed to a patient who has arrived: the test's result, then the follow-up.

Source: work plans (a result within 4 to 6 hours at fever clinics and emergency departments, within
12 elsewhere); Maoming, Jinzhou (recovered patients are followed for 14 days).
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from dispatch.domain import clocks
from dispatch.domain.city import City, Crossed, Early, Rejected
from dispatch.domain.model import Assignment, Clock, Handover
from dispatch.domain.references import handover_of
from dispatch.topics.codes import ClockKind
from dispatch.topics.hospitals import FollowUpCompleted

_SECONDS_PER_DAY: Final = 86_400.0
_AT_ONCE: Final = frozenset({"fever_clinic", "emergency_buffer"})
_OF_RESULTS: Final[tuple[ClockKind, ...]] = ("result_fever_clinic", "result_other")


def arrived(city: City, handover: Handover, run: Assignment, at: datetime) -> None:
    """The patient has arrived (aware UTC): wait for the result of the test that is made at once."""
    _await_result(city, handover, run, at)


def begin(city: City, handover: Handover, run: Assignment) -> None:
    """The patient was handed over: wait for the follow-up, and for a result not yet waited for.

    A result that came before is not waited for.
    """
    _await_result(city, handover, run, city.now)
    _await_follow_up(city, handover)


def not_awaited(city: City, handover: Handover, reason: str) -> None:
    """The patient goes on to another hospital: the result of this one is not waited for."""
    for kind in _OF_RESULTS:
        clocks.stop(city, kind, handover.incident_id, handover.handover_id, reason)


def result_came(city: City, handover: Handover, test: str, at: datetime) -> None:
    """A test was answered at a time (aware UTC); only the first answer to the timed one counts."""
    if test != city.pack.handover.timed_test or handover.tested_at is not None:
        return
    city.put(replace(handover, tested_at=at))
    for kind in _OF_RESULTS:
        clocks.meet(city, kind, handover.incident_id, handover.handover_id, at=at)


def complete_follow_up(city: City, event: FollowUpCompleted) -> None:
    """The days of follow-up of a patient are over.

    Raises:
        Unknown: the handover is.
        Early: its patient is not followed (yet).
        Crossed: the follow-up is over already.
        Rejected: the hospital neither received the patient nor is one of the community.
    """
    handover = handover_of(city, event.handover_id)
    hospital = city.hospitals.get(event.hospital_id)
    if hospital is None:
        raise Rejected("hospital_id", "is not a hospital of this city")
    if hospital.hospital_id != handover.hospital_id and "community" not in hospital.roles:
        raise Rejected("hospital_id", "neither received the patient nor is one of the community")
    followed = [
        each
        for each in city.owned(handover.incident_id)
        if isinstance(each, Clock)
        and each.kind == "follow_up"
        and each.subject == handover.handover_id
    ]
    if not followed:
        raise Early("handover_id", "its patient is not followed")
    if followed[0].ended_at is not None:
        raise Crossed("handover_id", "the follow-up of its patient is over already")
    clocks.meet(city, "follow_up", handover.incident_id, handover.handover_id, at=event.at)


def _await_result(city: City, handover: Handover, run: Assignment, since: datetime) -> None:
    policy = city.pack.handover
    if policy.timed_test not in policy.tests_on_arrival[run.ppe] or handover.tested_at is not None:
        return
    about = handover.incident_id, handover.handover_id
    if any(clocks.runs(city, kind, *about) for kind in _OF_RESULTS):
        return
    clocks.start(
        city,
        "result_fever_clinic" if run.destination in _AT_ONCE else "result_other",
        owner=handover.incident_id,
        subject=handover.handover_id,
        district=city.hospitals[handover.hospital_id].district,
        started_at=since,
    )


def _await_follow_up(city: City, handover: Handover) -> None:
    kind = city.incidents[handover.incident_id].transfer_kind
    days = city.pack.transfers.kinds[kind].follow_up_days if kind is not None else None
    if days is None:
        return
    clocks.start(
        city,
        "follow_up",
        owner=handover.incident_id,
        subject=handover.handover_id,
        district=city.hospitals[handover.hospital_id].district,
        limit_seconds=days * _SECONDS_PER_DAY,
    )
