"""Proposed links: a call that may be about an open incident, until somebody knows.

Each is its own call meanwhile, so that a crew goes. A dispatcher confirms it (`joining`) or refuses
it; it lapses when a crew meets a patient, who knows then.
"""

from dataclasses import replace

from dispatch.domain import linking
from dispatch.domain.city import City
from dispatch.domain.linking import Link
from dispatch.domain.model import Incident
from dispatch.topics.incidents import LinkLapsed, LinkProposed


def propose(city: City, incident_id: str, link: Link) -> None:
    """Tell that an incident may be one with the older one of a link."""
    city.put(replace(city.incidents[incident_id], may_be=link.incident_id))
    older = city.incidents[link.incident_id]
    city.put(replace(older, proposed=(*older.proposed, incident_id)))
    city.emit(
        LinkProposed(
            call_id=incident_id,
            incident_id=link.incident_id,
            at=city.now,
            metres=None if link.metres is None else round(link.metres, 1),
            same_phone=link.same_phone,
            alike=list(link.alike),
        ),
        key=incident_id,
    )


def propose_instead(city: City, incident_id: str, other_id: str) -> None:
    """Propose that an incident may be one with another, where it still may be."""
    newer, older = city.incidents[incident_id], city.incidents[other_id]
    link = None if newer.may_be is not None else compared(city, newer, older)
    if link is not None:
        propose(city, incident_id, link)


def compared(city: City, incident: Incident, older: Incident) -> Link | None:
    """Return why two incidents may be one; None where they can't, or nothing says so."""
    call = city.calls[incident.incident_id].content
    return linking.compare(call, incident.place, older, city.calls, city.pack)


def withdraw(city: City, incident_id: str) -> None:
    """Take back that an incident may be one with an older one; who hears of it is not said here."""
    incident = city.incidents[incident_id]
    older = city.incidents.get(incident.may_be or "")
    if older is not None:
        left = tuple(each for each in older.proposed if each != incident_id)
        city.put(replace(older, proposed=left))
    city.put(replace(incident, may_be=None))


def lapse(city: City, incident_id: str, reason: str) -> list[tuple[str, str]]:
    """Let every proposal lapse that an incident is part of; return them, newer incident first."""
    return [_lapse(city, each, reason) for each in _newer(city, incident_id)]


def lapse_contradicted(city: City, incident_id: str) -> None:
    """Let those proposals lapse that a place contradicts which has become known."""
    for each in _newer(city, incident_id):
        newer = city.incidents[each]
        older = city.incidents.get(newer.may_be or "")
        if older is not None and linking.contradict(newer.place, older.place, city.pack):
            _lapse(city, each, "the places are too far apart")


def _newer(city: City, incident_id: str) -> list[str]:
    """Return the newer incident of each proposal that an incident is part of."""
    incident = city.incidents[incident_id]
    if incident.may_be is None and not incident.proposed:
        return []
    some = [incident_id, *incident.proposed]
    return [
        each
        for each in some
        if (known := city.incidents.get(each)) is not None and known.may_be is not None
    ]


def _lapse(city: City, incident_id: str, reason: str) -> tuple[str, str]:
    older_id = city.incidents[incident_id].may_be
    assert older_id is not None, "only what is proposed lapses"
    withdraw(city, incident_id)
    city.emit(
        LinkLapsed(call_id=incident_id, incident_id=older_id, at=city.now, reason=reason),
        key=incident_id,
    )
    return incident_id, older_id
