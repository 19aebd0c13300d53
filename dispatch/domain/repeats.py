"""What a repeat caller says beyond the first, and what is left of it when the link is undone."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dispatch.domain.model import CallRecord, Incident, Known
from dispatch.topics.calls import Call
from dispatch.topics.fields import Answer

# The graver of two reports of the same patient counts.
GRAVITY: Final = {"stable": 0, "unknown": 1, "critical": 2}
_CERTAINTY: Final = {"none": 0, "asymptomatic": 1, "suspected": 1, "confirmed": 2}
_FIELDS: Final = ("condition", "case_status", "symptoms", "epidemiology", "patient_count")


def known(incident: Incident) -> Known:
    """Return what is known of an incident's patients."""
    return Known(**{name: getattr(incident, name) for name in _FIELDS})


def merged(incident: Incident, call: Call) -> Incident:
    """Return an incident with what a repeat call says; the graver of two reports counts."""
    patient = call.patient
    return replace(
        incident,
        condition=max(incident.condition, patient.condition, key=GRAVITY.__getitem__),
        case_status=max(incident.case_status, patient.case_status, key=_CERTAINTY.__getitem__),
        symptoms=tuple(dict.fromkeys((*incident.symptoms, *patient.symptoms))),
        epidemiology=_graver_history(incident.epidemiology, call.answers()),
        patient_count=max(incident.patient_count, call.patient_count or 1),
    )


def joined(incident: Incident, other: Incident) -> Incident:
    """Return an incident with what is known of another that is the same; the graver counts."""
    return replace(
        incident,
        condition=max(incident.condition, other.condition, key=GRAVITY.__getitem__),
        case_status=max(incident.case_status, other.case_status, key=_CERTAINTY.__getitem__),
        symptoms=tuple(dict.fromkeys((*incident.symptoms, *other.symptoms))),
        epidemiology=_graver_history(incident.epidemiology, other.epidemiology),
        patient_count=max(incident.patient_count, other.patient_count),
    )


def without(incident: Incident, record: CallRecord, others: Iterable[Call]) -> Incident:
    """Return an incident as if a call had not been linked to it; later answers stay.

    `others` are the calls that remain linked to it.
    """
    if record.known_before is None:
        return incident
    before = replace(incident, **{name: getattr(record.known_before, name) for name in _FIELDS})
    with_it, without_it = merged(before, record.content), before
    for call in others:
        with_it, without_it = merged(with_it, call), merged(without_it, call)
    unchanged = [name for name in _FIELDS if getattr(incident, name) == getattr(with_it, name)]
    return replace(incident, **{name: getattr(without_it, name) for name in unchanged})


def _graver_history(heard: dict[str, Answer], more: dict[str, Answer]) -> dict[str, Answer]:
    """Return the answers of two callers: a yes counts, else what was said first."""
    exposed = {item: answer for item, answer in more.items() if answer == "yes"}
    return {**more, **heard, **exposed}
