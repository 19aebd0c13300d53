"""An incident's symptoms: what its calls say in words, what answers add, and what is taken back."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from dispatch.domain.city import City
from dispatch.domain.model import Incident
from dispatch.policy.pack import Pack
from dispatch.policy.symptoms import codes_of, entries_of, read_complaints
from dispatch.topics.calls import Call

# As many as a call may bring; of so many complaints of one incident the rest is not read.
_MOST_SYMPTOMS: Final = 500
_MOST_COMPLAINTS: Final = 20


def complaints(city: City, incident: Incident) -> tuple[str, ...]:
    """Return what the callers of an incident complain of; institutions have patients coded."""
    if incident.transfer_kind is not None:
        return ()
    calls = (city.calls[call_id].content for call_id in incident.calls)
    said = dict.fromkeys(call.chief_complaint for call in calls if call.chief_complaint)
    return tuple(said)[:_MOST_COMPLAINTS]


def told(city: City, incident: Incident) -> list[str]:
    """Return the codes of an incident's symptoms for those who are told of its patient.

    What can't be placed comes as it was given.
    """
    decision = incident.decision or {}
    read = [each["code"] for each in decision.get("inputs", {}).get("read", ())]
    meant = dict.fromkeys((*codes_of(incident.symptoms, city.pack), *read))
    return list(_within_bounds(tuple(meant), city.pack))


def with_more(incident: Incident, more: Iterable[str], pack: Pack) -> Incident:
    """Return an incident with symptoms that were said too: none is lost, none is taken back."""
    added = tuple(more)
    known = tuple(dict.fromkeys((*incident.symptoms, *added)))
    return replace(
        incident,
        symptoms=_within_bounds(known, pack),
        taken_back=_but(incident.taken_back, codes_of(added, pack)),
    )


def with_call(incident: Incident, call: Call, pack: Pack) -> Incident:
    """Return an incident in which what a repeat call says is not taken back any more."""
    said = {*codes_of(call.patient.symptoms, pack), *(_read(call, pack))}
    return replace(
        incident,
        symptoms=_within_bounds(incident.symptoms, pack),
        taken_back=_but(incident.taken_back, said),
    )


def without(incident: Incident, codes: Collection[str], pack: Pack) -> Incident:
    """Return an incident without symptoms that are not so, whoever said them and in what words."""
    symptoms, taken_back = incident.symptoms, dict.fromkeys(incident.taken_back)
    meant = (each for code in codes for each in (code, *codes_of([code], pack)))
    for code in dict.fromkeys(meant):
        gone = set(entries_of(code, symptoms, pack))
        symptoms = tuple(each for each in symptoms if each not in gone)
        if code in pack.known_symptoms:
            taken_back[code] = None
    return replace(incident, symptoms=symptoms, taken_back=tuple(taken_back)[:_MOST_SYMPTOMS])


def names_a_trigger(call: Call, pack: Pack) -> bool:
    """Say whether a call's complaint names a symptom that asks for screening."""
    return not pack.triggers.isdisjoint(_read(call, pack))


def _read(call: Call, pack: Pack) -> list[str]:
    if call.chief_complaint is None:
        return []
    return [each.code for each in read_complaints([call.chief_complaint], pack)]


def _within_bounds(symptoms: tuple[str, ...], pack: Pack) -> tuple[str, ...]:
    """Return as many symptoms as a call may bring, what means something before what does not."""
    if len(symptoms) > _MOST_SYMPTOMS:
        symptoms = tuple(sorted(symptoms, key=lambda each: each not in pack.known_symptoms))
    return symptoms[:_MOST_SYMPTOMS]


def _but(codes: tuple[str, ...], gone: Iterable[str]) -> tuple[str, ...]:
    left_out = set(gone)
    return tuple(code for code in codes if code not in left_out)
