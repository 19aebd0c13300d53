"""A dispatcher's word on a proposed link: two incidents are one, or are not."""

import math
from dataclasses import replace

from dispatch.domain import (
    dispatching,
    incidents,
    link_proposals,
    orders,
    repeats,
    scenes,
    symptoms,
)
from dispatch.domain.city import City, Early, Rejected
from dispatch.domain.identity import is_exact
from dispatch.domain.linking import Link
from dispatch.domain.model import CallRecord, Incident
from dispatch.domain.roster import where
from dispatch.topics.calls import CallLinkConfirmed, CallLinkRefused
from dispatch.topics.incidents import CallLinked, LinkRefused


def confirm(city: City, event: CallLinkConfirmed) -> None:
    """Make one incident of two: the crew that arrives first stays, the other is called back.

    The incident of the crew that stays goes on; the calls of the other are linked to it.

    Raises:
        Unknown: the call has not come yet.
        Rejected: its incident is closed, or no link is proposed for it, or another one.
    """
    newer, older = _proposed(city, event)
    link = link_proposals.compared(city, newer, older)
    link_proposals.withdraw(city, newer.incident_id)
    pair = [city.incidents[each.incident_id] for each in (older, newer)]
    stays, goes = sorted(pair, key=lambda each: _arrival(city, each))
    _join(city, stays, goes, event, link)


def refuse(city: City, event: CallLinkRefused) -> None:
    """Let two incidents be two.

    Raises:
        Unknown: the call has not come yet.
        Rejected: its incident is closed, or no link is proposed for it, or another one.
    """
    newer, older = _proposed(city, event)
    link_proposals.withdraw(city, newer.incident_id)
    city.emit(
        LinkRefused(
            call_id=newer.incident_id,
            incident_id=older.incident_id,
            at=city.now,
            by=event.by,
            reason=event.reason,
        ),
        key=newer.incident_id,
    )


def _proposed(city: City, event: CallLinkConfirmed | CallLinkRefused) -> tuple[Incident, Incident]:
    """Return the two incidents of a proposed link, the newer first."""
    newer = incidents.of_call(city, event.call_id, event.at)
    older = city.incidents.get(newer.may_be or "")
    if older is None:
        raise Early("call_id", "has no link proposed: none was, or it has lapsed")
    if event.incident_id not in (None, older.incident_id):
        raise Rejected("incident_id", f"is not what is proposed: that is {older.incident_id}")
    return newer, older


def _arrival(city: City, incident: Incident) -> tuple[bool, float]:
    """Return what of two incidents the one that goes on has less of: a hold, seconds to go."""
    fresh_seconds = city.pack.allocation.position_fresh_seconds
    sooner = math.inf
    for run in incidents.active_assignments(city, incident):
        here, _ = where(city.units[run.unit_id], city.now, fresh_seconds)
        sooner = min(sooner, city.travel.seconds(here, run.place.position))
    return incident.status == "held", sooner


def _join(
    city: City, stays: Incident, goes: Incident, event: CallLinkConfirmed, link: Link | None
) -> None:
    because = f"{goes.incident_id} is the same incident"
    lapsed = [
        pair
        for each in (stays, goes)
        for pair in link_proposals.lapse(city, each.incident_id, because)
    ]
    stays, goes = (city.incidents[each.incident_id] for each in (stays, goes))
    known = repeats.joined(stays, goes)
    tells_place = is_exact(goes.place) and not is_exact(stays.place)
    for record in (city.calls[call_id] for call_id in goes.calls):
        known = symptoms.with_call(known, record.content, city.pack)
        moved = replace(
            record,
            incident_id=stays.incident_id,
            outcome=record.outcome if record.outcome == "cancelled" else "linked",
            known_before=repeats.known(stays),
            place_before=stays.place
            if tells_place and goes.incident_id == record.call_id
            else None,
        )
        city.put(moved)
        if moved.outcome == "linked":
            _tell(city, moved, link, event, known.patient_count)
    _end(city, goes, f"the same incident as {stays.incident_id}")
    city.put(
        replace(
            known,
            received_at=min(stays.received_at, goes.received_at),
            last_call_at=max(stays.last_call_at, goes.last_call_at),
            calls=(*stays.calls, *goes.calls),
            mass_casualty_told=max(stays.mass_casualty_told, goes.mass_casualty_told),
            wanted_crew=stays.wanted_crew or goes.wanted_crew,
            wanted_hospital=stays.wanted_hospital or goes.wanted_hospital,
        )
    )
    if tells_place:
        scenes.improve(city, stays.incident_id, goes.place)
    dispatching.decide_incident(city, stays.incident_id, because)
    if tells_place:
        scenes.tell(city, stays.incident_id, because)
    for key in goes.assignments:
        dispatching.serve_queue(city, city.assignments[key].unit_id)
    for pair in lapsed:
        # What may be one of the two may be the one that goes on.
        newer, older = (stays.incident_id if each == goes.incident_id else each for each in pair)
        link_proposals.propose_instead(city, newer, older)


def _tell(
    city: City, call: CallRecord, link: Link | None, event: CallLinkConfirmed, patient_count: int
) -> None:
    """Tell that a call is linked now, and on whose word."""
    city.emit(
        CallLinked(
            call_id=call.call_id,
            incident_id=call.incident_id,
            at=city.now,
            metres=None if link is None or link.metres is None else round(link.metres, 1),
            same_phone=link is not None and link.same_phone,
            alike=[] if link is None else list(link.alike),
            patient_count=patient_count,
            by=event.by,
            reason=event.reason,
        ),
        key=call.call_id,
    )


def _end(city: City, goes: Incident, reason: str) -> None:
    """Call the crews of an incident back, and let it be over; its calls stand elsewhere."""
    for run in incidents.active_assignments(city, goes):
        orders.withdraw(city, run, outcome="cancelled", reason=reason)
    incidents.end(city, city.incidents[goes.incident_id], "linked")
