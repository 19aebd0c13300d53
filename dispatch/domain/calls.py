"""What consoles say: calls and answers, and calls held, called off or told apart."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from dispatch.domain import (
    batch_progress,
    clocks,
    dispatching,
    holds,
    incidents,
    link_proposals,
    orders,
    places,
    repeats,
    scenes,
    symptoms,
)
from dispatch.domain.city import City, Crossed, Duplicate, Early, Rejected
from dispatch.domain.linking import Link, find_link
from dispatch.domain.model import CallRecord, Incident, Place
from dispatch.domain.references import call_of
from dispatch.domain.reports import report_case
from dispatch.domain.reserved_ids import is_reserved
from dispatch.topics.calls import (
    Call,
    CallAnswered,
    CallCancelled,
    CallHeld,
    CallResumed,
    CallUnlinked,
)
from dispatch.topics.incidents import (
    CallLinked,
    IncidentCancelled,
    IncidentHeld,
    LinkUndone,
)

# What an incident that is opened again has from before.
_KEPT: Final = (
    *("condition", "symptoms", "taken_back", "case_status", "epidemiology", "patient_count"),
    *("mass_casualty_told", "wanted_crew", "wanted_hospital", "assignments"),
)


def receive(city: City, call: Call, digest: str) -> None:
    """Accept a call: link it to an open incident that it repeats, or open one and decide.

    Raises:
        Duplicate: this very call has been accepted already.
        Rejected: its id is taken by another call, its district is unknown, nobody is where it says
            that the patient is.
    """
    places.check(city, call.location)
    known = city.calls.get(call.call_id)
    if known is not None:
        if known.digest == digest:
            raise Duplicate
        raise Rejected("call_id", "is taken by a call with another content")
    if call.call_id in city.batches or batch_progress.batch_of(call.call_id) in city.batches:
        raise Rejected("call_id", "is taken by a batch or one of its trips")
    if is_reserved(call.call_id):
        raise Rejected("call_id", "is one that the service gives itself")
    if call.district not in city.districts:
        raise Rejected("district", f"{call.district} is not a district of this city")
    place = places.place_of(city, call.location, call.district)
    akin = _akin(city, call)
    link = find_link(
        call,
        place,
        candidates=_candidates(city, place, akin),
        akin=akin,
        calls=city.calls,
        pack=city.pack,
        has_left=partial(incidents.has_left, city),
        has_met=partial(incidents.has_met, city),
        now=city.now,
    )
    if link is not None and link.certain:
        _link(city, call, digest, link, place)
        return
    open_incident(city, call, digest)
    if link is not None:
        link_proposals.propose(city, call.call_id, link)
    _time_answer(city, call, call.call_id)
    # A console's clock that is fast puts off no limit.
    received_at = min(call.received_at, city.now)
    _time_order(city, call, received_at)
    dispatching.decide_incident(city, call.call_id, "the call came in")
    _report_if_case(city, call, received_at)


def _candidates(city: City, place: Place, akin: Iterable[str]) -> Iterator[Incident]:
    """Yield the incidents that a call may be about; one may come twice."""
    for incident_id in (*city.recent.near(place, city.pack.linking.far_metres), *akin):
        yield city.incidents[incident_id]


def _akin(city: City, call: Call) -> dict[str, set[str]]:
    """Return the calls of the same people, by their incidents."""
    found: dict[str, set[str]] = {}
    for call_id in city.recent.of_the_same(call):
        found.setdefault(city.calls[call_id].incident_id, set()).add(call_id)
    return found


def answer(city: City, event: CallAnswered) -> None:
    """Take over later answers about the patient and decide again.

    Symptoms are added to those known; one that is not so is taken back by name. A crew on its way
    hears at once of a better place.

    Raises:
        Unknown: the call has not come yet.
        Rejected: the incident is closed, or nobody can be where it says that the patient is.
    """
    incident_id = incidents.of_call(city, event.call_id, event.answered_at).incident_id
    moved = scenes.hear_answer(city, incident_id, event)
    incident = city.incidents[incident_id]
    answers = event.epidemiology.answers() if event.epidemiology is not None else {}
    learnt = replace(
        incident,
        condition=event.condition or incident.condition,
        case_status=event.case_status or incident.case_status,
        epidemiology={**incident.epidemiology, **answers},
    )
    learnt = symptoms.without(learnt, event.symptoms_taken_back or (), city.pack)
    learnt = symptoms.with_more(learnt, event.symptoms or (), city.pack)
    if learnt != incident:
        city.put(learnt)
        because = "; ".join(("an answer came in", *_corrected(incident, learnt)))
        dispatching.decide_incident(city, incident_id, because)
        _report_if_risen(city, incident, event.answered_at)
    if moved is not None:
        scenes.tell(city, incident_id, moved)


def _corrected(before: Incident, after: Incident) -> Iterator[str]:
    """Say what an answer takes back: for what it does to a crew on its way, nobody need guess."""
    taken_back = [code for code in after.taken_back if code not in before.taken_back]
    if taken_back:
        yield f"taken back: {', '.join(taken_back)}"
    if before.case_status not in ("none", after.case_status):
        yield f"case status: {before.case_status} -> {after.case_status}"
    for item, answer in before.epidemiology.items():
        if answer == "yes" and after.epidemiology[item] != "yes":
            yield f"{item}: yes -> {after.epidemiology[item]}"


def hold(city: City, event: CallHeld) -> None:
    """Put an incident that has no unit yet aside (挂起) until a time, or until it is resumed.

    Raises:
        Unknown: the call has not come yet.
        Early: it is held or has a unit (still).
        Crossed: it has waited, and a unit has been ordered since, or a run has ended.
        Crossed, Rejected: the incident is closed.
        Rejected: `until` has passed or is farther away than the pack allows.
    """
    incident = incidents.of_call(city, event.call_id, event.at)
    incidents.refuse_overtaken(city, incident, event.at)
    if incident.status not in ("screening", "waiting"):
        raise Early("call_id", f"cannot be held: its incident is {incident.status}")
    if incidents.active_assignments(city, incident):
        raise Early("call_id", "cannot be held: a unit is on its way")
    policy = city.pack.allocation
    until = event.until or city.in_seconds(policy.hold_seconds)
    if until <= city.now:
        raise Rejected("until", "has passed")
    if until > city.in_seconds(policy.hold_at_most_seconds):
        raise Rejected("until", f"is more than {policy.hold_at_most_seconds} s from now")
    for kind in ("screening", "queue", "transfer_wait"):
        city.cancel_timer(kind, incident.incident_id)
    holds.begin(city, incident, until)
    city.emit(
        IncidentHeld(
            incident_id=incident.incident_id,
            at=city.now,
            by=event.by,
            reason=event.reason,
            until=until,
        ),
        key=incident.incident_id,
    )


def resume(city: City, event: CallResumed) -> None:
    """Take an incident up again.

    Raises:
        Unknown: the call has not come yet.
        Early: the incident is not held (yet).
    """
    incident = incidents.of_call(city, event.call_id, event.at)
    if incident.status != "held":
        raise Early("call_id", f"is not held: its incident is {incident.status}")
    _resume(city, incident, by=event.by, reason=event.reason)


def hold_over(city: City, incident_id: str) -> None:
    """A held incident comes back by itself: nothing waits silently."""
    incident = city.incidents.get(incident_id)
    if incident is not None and incident.status == "held":
        _resume(city, incident, by="timer", reason="the hold is over")


def cancel(city: City, event: CallCancelled) -> None:
    """Cancel a call (撤消); with the last of its calls the incident and its orders.

    Raises:
        Unknown: the call has not come yet.
        Rejected: the incident is closed, or a crew has met the patient.
    """
    incident = incidents.of_call(city, event.call_id, event.at)
    active = incidents.active_assignments(city, incident)
    others_stand = incidents.is_called_for(city, incident, but=event.call_id)
    if not others_stand and any(assignment.met_patient for assignment in active):
        raise Rejected("call_id", "cannot be cancelled: the crew has met the patient")
    city.put(replace(city.calls[event.call_id], outcome="cancelled"))
    city.emit(
        IncidentCancelled(
            incident_id=incident.incident_id,
            call_id=event.call_id,
            at=city.now,
            by=event.by,
            reason=event.reason,
        ),
        key=event.call_id,
    )
    if not others_stand:
        _call_off(city, incident.incident_id, event.reason)


def unlink(city: City, event: CallUnlinked) -> None:
    """Undo a link: the call becomes an incident of its own and is dispatched.

    Raises:
        Unknown: the call has not come yet.
        Early: the call is not linked (yet).
        Crossed: it is cancelled.
    """
    record = call_of(city, event.call_id)
    if record.outcome != "linked":
        over = record.outcome == "cancelled"
        raise (Crossed if over else Early)("call_id", f"is not linked: it is {record.outcome}")
    former = city.incidents[record.incident_id]
    nobody_else_calls = not incidents.is_called_for(city, former, but=event.call_id)
    remaining = tuple(call_id for call_id in former.calls if call_id != event.call_id)
    others = [city.calls[call_id] for call_id in remaining]
    linked = [each.content for each in others if each.outcome == "linked"]
    corrected = repeats.without(replace(former, calls=remaining), record, linked)
    city.put(corrected)
    call = record.content
    # It has been an incident of its own before, if its link was confirmed.
    before = city.incidents.get(event.call_id)
    place = places.place_of(city, call.location, call.district) if before is None else before.place
    moved = None
    if record.place_before is not None and former.status != "closed":
        moved = scenes.take_back(city, former.incident_id, place, record.place_before)
    city.emit(
        LinkUndone(
            call_id=event.call_id,
            incident_id=former.incident_id,
            at=city.now,
            by=event.by,
            reason=event.reason,
        ),
        key=event.call_id,
    )
    _open(city, call, record.digest, place, outcome="unlinked", before=before)
    # Until now the other incident's unit was to serve it.
    _time_order(city, call, city.now)
    if nobody_else_calls and former.status != "closed":
        active = incidents.active_assignments(city, former)
        if not any(assignment.met_patient for assignment in active):
            _call_off(city, former.incident_id, event.reason)
    elif former.status != "closed" and (
        repeats.known(corrected) != repeats.known(former)
        or symptoms.names_a_trigger(call, city.pack)
    ):
        _release_surplus(city, former.incident_id, event.reason)
        dispatching.decide_incident(city, former.incident_id, f"{event.call_id} was unlinked")
        if city.incidents[former.incident_id].status == "assigned":
            # Those who are left may have been seen to already.
            incidents.close_if_done(city, former.incident_id)
    if moved is not None:
        scenes.tell(city, former.incident_id, moved)
    dispatching.decide_incident(city, event.call_id, "the link was undone")
    _report_if_case(city, call, city.now)


def open_incident(city: City, call: Call, digest: str) -> None:
    """Open an incident for a call; what follows is decided next."""
    _open(city, call, digest, places.place_of(city, call.location, call.district), outcome="opened")


def _open(
    city: City,
    call: Call,
    digest: str,
    place: Place,
    *,
    outcome: Any,
    before: Incident | None = None,
) -> None:
    """Open an incident for a call at a place; `before` is what it was when it was one already."""
    city.put(
        CallRecord(
            call_id=call.call_id,
            incident_id=call.call_id,
            outcome=outcome,
            digest=digest,
            content=call,
        )
    )
    opened = Incident(
        incident_id=call.call_id,
        calls=(call.call_id,),
        received_at=min(call.received_at, city.now),
        opened_at=city.now,
        last_call_at=city.now,
        place=place,
        phone=call.caller.phone,
        caller_kind=call.caller.kind,
        institution_id=call.caller.institution_id,
        can_admit_suspected=call.caller.can_admit_suspected,
        condition=call.patient.condition,
        symptoms=call.patient.symptoms,
        case_status=call.patient.case_status,
        epidemiology=dict(call.answers()),
        complaint=call.chief_complaint,
        patient_count=call.patient_count or 1,
    )
    if before is not None:
        # What answers, crews and the dispatcher have said of it meanwhile.
        opened = replace(opened, **{name: getattr(before, name) for name in _KEPT})
    city.put(opened)


def _time_order(city: City, call: Call, accepted_at: datetime) -> None:
    """From the acceptance of a call to the first order of its incident (NFPA 1225)."""
    clocks.start(
        city,
        "accepted_to_order",
        owner=call.call_id,
        district=call.district,
        started_at=accepted_at,
    )


def _time_answer(city: City, call: Call, incident_id: str) -> None:
    """From ringing to talking, where both were recorded: it is over when the call comes in.

    A call whose talking was not recorded was answered all the same, nobody knows when.
    """
    if call.ring_at is None or call.talk_started_at is None:
        return
    clocks.start(
        city,
        "call_answered",
        owner=incident_id,
        subject=call.call_id,
        district=call.district,
        started_at=call.ring_at,
    )
    clocks.meet(city, "call_answered", incident_id, call.call_id, at=call.talk_started_at)


def _report_if_case(city: City, call: Call, found_at: datetime) -> None:
    if call.patient.case_status != "none":
        known = city.incidents[call.call_id]
        report_case(city, known, found_by="call", found_at=found_at, before="none")


def _report_if_risen(city: City, before: Incident, found_at: datetime) -> None:
    """Report a case that a call or answer has told of since the incident was as in `before`."""
    learnt = city.incidents[before.incident_id]
    if learnt.case_status not in ("none", before.case_status):
        report_case(city, learnt, found_by="call", found_at=found_at, before=before.case_status)


def _link(city: City, call: Call, digest: str, link: Link, place: Place) -> None:
    """Attach a repeat call to its incident; what it says beyond the first call counts."""
    incident = city.incidents[link.incident_id]
    record = CallRecord(
        call_id=call.call_id,
        incident_id=incident.incident_id,
        outcome="linked",
        digest=digest,
        content=call,
        known_before=repeats.known(incident),
    )
    city.put(record)
    learnt = symptoms.with_call(repeats.merged(incident, call), call, city.pack)
    city.emit(
        CallLinked(
            call_id=call.call_id,
            incident_id=incident.incident_id,
            at=city.now,
            metres=None if link.metres is None else round(link.metres, 1),
            same_phone=link.same_phone,
            alike=list(link.alike),
            patient_count=learnt.patient_count,
        ),
        key=call.call_id,
    )
    _time_answer(city, call, incident.incident_id)
    changed = learnt != incident or symptoms.names_a_trigger(call, city.pack)
    learnt = replace(learnt, calls=(*incident.calls, call.call_id), last_call_at=city.now)
    city.put(learnt)
    moved = scenes.hear_repeat(city, incident.incident_id, place, link)
    if moved is not None:
        city.put(replace(record, place_before=incident.place))
    if changed:
        dispatching.decide_incident(
            city, incident.incident_id, f"repeat call {call.call_id} says more"
        )
        _report_if_risen(city, incident, min(call.received_at, city.now))
    if moved is not None:
        scenes.tell(city, incident.incident_id, moved)


def _resume(city: City, incident: Incident, *, by: str, reason: str) -> None:
    holds.end(city, incident, by=by, reason=reason)
    dispatching.decide_incident(city, incident.incident_id, "the hold is over")


def _call_off(city: City, incident_id: str, reason: str) -> None:
    """End an incident that nobody calls for any more; its units are free."""
    active = incidents.active_assignments(city, city.incidents[incident_id])
    for assignment in active:
        orders.withdraw(city, assignment, outcome="cancelled", reason=reason)
    incidents.close(city, city.incidents[incident_id], "cancelled")
    for assignment in active:
        dispatching.serve_queue(city, assignment.unit_id)


def _release_surplus(city: City, incident_id: str, reason: str) -> None:
    """Release units that an incident no longer asks for and that have met nobody, newest first."""
    active = incidents.active_assignments(city, city.incidents[incident_id])
    for assignment in reversed(active):
        if incidents.surplus(city, city.incidents[incident_id]) and not assignment.met_patient:
            orders.withdraw(city, assignment, outcome="cancelled", reason=reason)
            dispatching.serve_queue(city, assignment.unit_id)
