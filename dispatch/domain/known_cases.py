"""Cases found lately: which is the first of the city, and which stand together as a cluster.

Source: work plans (the first case of a city and clusters are reported as such); the pack says how
near in place and time a cluster is.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.domain.case_index import age
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import CITY, Incident, KnownCase
from dispatch.domain.travel import metres_between

TIMER: Final = "known_case"


def remember(city: City, incident: Incident, found_at: datetime) -> None:
    """Note a case found at a time (aware UTC), and tell of the cluster that it makes.

    The centre of a district stands for an unknown place: two cases there are not near each other.
    """
    case = KnownCase(
        case_id=_case_id(incident.incident_id),
        incident_id=incident.incident_id,
        found_at=found_at,
        position=None if incident.place.source == "district_centre" else incident.place.position,
        district=incident.place.district,
        institution_id=incident.institution_id,
    )
    city.put(case)
    city.set_timer(TIMER, case.case_id, found_at + _window(city))
    cluster = cluster_of(city, incident.incident_id)
    if cluster:
        escalate(
            city,
            "cluster_found",
            incident.incident_id,
            incident.incident_id,
            f"{len(cluster)} cases near each other or of one institution within "
            f"{city.pack.reports.cluster_days:g} days: {', '.join(cluster)}",
        )


def is_known(city: City, incident_id: str) -> bool:
    """Return whether the case of an incident is among those found lately."""
    return _case_id(incident_id) in city.known_cases


def is_first(city: City, incident_id: str) -> bool:
    """Return whether the case of an incident is the first that the city has had."""
    return city.cases.first == _case_id(incident_id)


def cluster_of(city: City, incident_id: str) -> list[str]:
    """Return the incidents of the cluster that a case belongs to, itself too, oldest first."""
    policy = city.pack.reports
    case = city.known_cases.get(_case_id(incident_id))
    if case is None:
        return []
    candidates = {case.case_id, *city.cases.candidates(case, policy.cluster_metres)}
    known = (city.known_cases[key] for key in candidates)
    together = [other for other in known if _together(city, case, other)]
    if len(together) < policy.cluster_cases:
        return []
    return [other.incident_id for other in sorted(together, key=age)]


def forget(city: City, case_id: str) -> None:
    """The days for a cluster are over: the case is forgotten; of the first, that there was one."""
    case = city.known_cases.get(case_id)
    if case is None or case.ended_at is not None:
        return
    if case_id == city.cases.first:
        city.put(replace(case, position=None, institution_id=None))
    else:
        city.put(replace(case, ended_at=city.now))


def _together(city: City, case: KnownCase, other: KnownCase) -> bool:
    if other.ended_at is not None or abs(other.found_at - case.found_at) > _window(city):
        return False
    if other.case_id == case.case_id:
        return True
    if case.institution_id is not None and other.institution_id == case.institution_id:
        return True
    if case.position is None or other.position is None:
        return False
    return metres_between(case.position, other.position) <= city.pack.reports.cluster_metres


def _window(city: City) -> timedelta:
    return timedelta(days=city.pack.reports.cluster_days)


def _case_id(incident_id: str) -> str:
    return f"{CITY}/{incident_id}"
