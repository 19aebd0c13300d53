"""A Chinese line has no English word in it, whatever values it is filled with."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from dispatch.cli.phrases import phrase
from dispatch.client import Event
from dispatch.demo.readable import readable
from dispatch.domain import allocation, model
from dispatch.domain.lifecycle import RUN_END
from dispatch.language import LANGUAGES, catalogue, speak
from dispatch.planning import plan as planning
from dispatch.policy.pack import load_pack, pack_names
from dispatch.schemas import examples
from dispatch.store.plan import Role, read_plan
from dispatch.topics import EVENTS, city, fields, fleet, hospitals, incidents, placements, units
from dispatch.topics import codes as sets
from dispatch.topics.codes import ClockKind, Item
from dispatch.topics.transfers import Mobility, Severity
from dispatch.wording import in_words, word
from tests.unit.chinese import english

PACKS = [load_pack(name) for name in pack_names()]
CITIES = [
    read_plan(path) for path in sorted(Path(str(resources.files("dispatch") / "cities")).iterdir())
]
# Fields of events whose values are no codes of this service: names and versions of others.
FOREIGN = frozenset({"part", "datum", "specversion"})


def literals(annotation: Any) -> Iterator[str]:
    """Yield every value of every enumeration in a type."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    for part in get_args(annotation) if get_origin(annotation) is not Literal else ():
        yield from literals(part)


def codes_of(models: Mapping[str, type[BaseModel]]) -> Mapping[str, set[str]]:
    """Return every field of every event that is an enumeration, with its values."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for event in models.values():
        for name, field in event.model_fields.items():
            if name not in FOREIGN:
                found[name].update(map(str, literals(field.annotation)))
    return {name: values for name, values in found.items() if values}


def codes() -> dict[str, set[str]]:
    """Return the codes that can stand in a field, also where it is declared as text."""
    found = {name: set(values) for name, values in codes_of(EVENTS).items()}
    rooms = {
        *chain.from_iterable(pack.handover.rooms.values() for pack in PACKS),
        *chain.from_iterable(chain(*pack.transfers.beds.values()) for pack in PACKS),
        *chain.from_iterable(each.rooms for plan in CITIES for each in plan.hospital),
    }
    more: dict[str, set[str]] = {
        "action": {*get_args(sets.Action)},
        "agent": {*chain.from_iterable(pack.disinfection.minimums for pack in PACKS)},
        "capability": {
            *(each for plan in CITIES for one in plan.hospital for each in one.capabilities),
            *(
                need.capability
                for pack in PACKS
                for need in pack.needs.codes.values()
                if need.capability
            ),
        },
        "case_status": {*get_args(fields.CaseStatus)},
        "condition": {*get_args(fields.Condition)},
        "crew": {*get_args(fields.CrewKind)},
        "destination": {*get_args(sets.Destination)},
        "disinfection": {*get_args(sets.Disinfection)},
        "epidemiology": {*get_args(Item), *get_args(fields.Answer)},
        "escalated_to": {clock.escalate_to for pack in PACKS for clock in pack.clocks.values()},
        "fallback": {*get_args(allocation.Fallback)},
        "found_by": {*get_args(sets.FoundBy)},
        "history": {*get_args(sets.History)},
        "items": {
            *("stock", "daily_use"),
            *chain.from_iterable(pack.protection.items for pack in PACKS),
        },
        "kind": {
            *get_args(sets.EscalationKind),
            *get_args(ClockKind),
            *chain.from_iterable(pack.transfers.kinds for pack in PACKS),
        },
        "mobility": {*get_args(Mobility)},
        "mode": {*get_args(city.CityMode)},
        "need": {*chain.from_iterable(pack.needs.codes for pack in PACKS)},
        "outcome": {
            *get_args(sets.RunOutcome),
            *get_args(hospitals.BedOutcome),
            *("released", "expired"),
        },
        "ppe": {*get_args(sets.Protection)},
        "reason": {*chain.from_iterable(RUN_END.values()), "nearer_unit_free"},
        "room": rooms,
        "severity": {*get_args(Severity)},
        "status": {
            *get_args(units.UnitStatus),
            *get_args(hospitals.HospitalStatus),
            *get_args(placements.TransferStatus),
            *get_args(placements.BatchStatus),
            *get_args(incidents.HandoverStep),
            *get_args(model.IncidentStatus),
        },
        "test": {
            test
            for pack in PACKS
            for some in pack.handover.tests_on_arrival.values()
            for test in some
        },
        "tier": {*get_args(Role)},
        "vehicle": {*get_args(fields.VehicleKind)},
        "waiting_for": {"unit", "transfer_crew"},
        "why": {*get_args(fleet.Disbelief), *get_args(planning.Why), "dispatcher_choice"},
    }
    for name, values in more.items():
        found.setdefault(name, set()).update(values)
    same = {
        "required_agent": "agent",
        "level": "ppe",
        "warned": "escalated_to",
        "unasked": "epidemiology",
        "rooms": "room",
        "before": "status",
        "changed": "status",
        "escalate_to": "escalated_to",
    }
    for name, other in same.items():
        found.setdefault(name, set()).update(found[other])
    found["before"] |= found["mode"] | found["case_status"] | found["service"]
    return found


CODES = codes()


@pytest.mark.parametrize("key", sorted(catalogue("zh")))
def test_a_message_has_no_english_word(key: str) -> None:
    assert english(catalogue("zh")[key]) == []


def test_no_sentence_has_an_english_word() -> None:
    source = resources.files("dispatch") / "messages" / "sentences.toml"
    tables = tomllib.loads(source.read_text(encoding="utf-8"))
    found = {
        chinese: words
        for table in tables.values()
        for chinese in table.values()
        if (words := english(chinese))
    }
    assert found == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("field", "code"),
    [(field, code) for field, some in sorted(CODES.items()) for code in sorted(some)],
)
def test_every_value_of_every_enumeration_has_a_word(field: str, code: str, language: str) -> None:
    assert word(code, field, language=language), (field, code)


@pytest.mark.parametrize(
    ("field", "code"),
    [(field, code) for field, some in sorted(CODES.items()) for code in sorted(some)],
)
def test_a_value_is_said_in_chinese(field: str, code: str) -> None:
    speak("zh")
    assert english(in_words(code, field)) == []
    assert english(in_words({code: 2}, field)) == []
    assert english(in_words([code, code], field)) == []


def templates() -> Iterator[tuple[str, str]]:
    for key, template in sorted(catalogue("zh").items()):
        if key.startswith(("event.", "demo.event.")):
            yield key, template


@pytest.mark.parametrize(
    ("key", "template"), list(templates()), ids=[key for key, _ in templates()]
)
def test_a_message_filled_with_any_value_has_no_english_word(key: str, template: str) -> None:
    speak("zh")
    places = [name for _, name, _, _ in Formatter().parse(template) if name]
    for place in places:
        step = place.rpartition(".")[2]
        for code in sorted(CODES.get(step, ())) or ["一"]:
            filled = template
            for each in places:
                said = in_words(code, step) if each == place else "一"
                filled = filled.replace("{" + each + "}", said)
            assert english(filled) == [], (key, filled)


# What a sender says, and how this service names its events, is no Chinese of ours.
GIVEN = {
    *("call_id", "incident_id", "assignment_id", "handover_id", "job_id", "unit_id", "offer_id"),
    *("transfer_id", "batch_id", "report_id", "promise_id", "subject", "refused", "topic", "field"),
    *(
        "reason",
        "because",
        "explanation",
        "by",
        "agent",
        "required_agent",
        "hospital_id",
        "centre_id",
        "proposal",
    ),
    *("rule", "institution_id", "reservation_id", "owner", "clock_id", "trip", "source"),
}


def without_what_is_given(value: Any, name: str = "") -> Any:
    """Return what an event says with ids and the like in digits."""
    match value:
        case dict():
            return {key: without_what_is_given(each, key) for key, each in value.items()}
        case list():
            return [without_what_is_given(each, name) for each in value]
        case str() if name in GIVEN:
            return "007"
        case _:
            return value


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_an_event_is_told_without_an_english_word(event_type: str) -> None:
    speak("zh")
    data = without_what_is_given(examples()[event_type])
    time = fields.parse_time("2022-12-23T00:00:00Z")
    told = phrase(Event("t", 0, 0, time, "c-1", {"type": event_type}, data))
    assert english(told) == [], told


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_the_demo_tells_an_event_without_an_english_word(event_type: str) -> None:
    speak("zh")
    told = readable(event_type, without_what_is_given(examples()[event_type]))
    assert told is None or english(told[1]) == [], told
