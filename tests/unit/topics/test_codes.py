"""Every text of what is published is of a closed set, of an open one, an id, or in words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import jsonschema
import pytest

import dispatch
from dispatch.policy.pack import load_pack
from dispatch.schemas import examples, file_of, schemas
from dispatch.store.plan import read_plan
from dispatch.topics import OUTPUT_TOPICS
from dispatch.topics.codes import EscalationKind
from dispatch.topics.fields import CallerKind

SCHEMAS: Final = schemas()
OUTPUTS: Final = [event.event_type for topic in OUTPUT_TOPICS for event in topic.events]
# Ids, and what stands for one.
IDS: Final = {
    *("calls", "cluster", "district", "from_district", "given_id", "instead_of", "operator"),
    *("owner", "pack", "signed_by_crew", "signed_by_hospital", "source", "subject"),
    *("to_district", "topic", "version", "by", "sha256", "field"),
    *("headers_base64", "key_base64", "value_base64"),
}
# What somebody said, or says in words; `*` is a text by its language or name.
WORDS: Final = {
    *("address", "because", "call_back", "chief_complaint", "complaint", "district_name"),
    *("ecg_url", "en", "explanation", "name", "phone", "reason", "requirement", "sex"),
    *("special_needs", "text", "value", "warnings", "why", "words", "zh", "*"),
    "id_number",
}


def texts(schema: dict[str, Any], root: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Yield every schema of a text within a schema, by the name of its field."""
    while "$ref" in schema:
        kept = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**root["$defs"][schema["$ref"].rpartition("/")[2]], **kept}
    if "anyOf" in schema:
        kept = {key: value for key, value in schema.items() if key != "anyOf"}
        for each in schema["anyOf"]:
            yield from texts({**kept, **each}, root, name)
        return
    if schema.get("type") == "string":
        yield name, schema
    for field, part in schema.get("properties", {}).items():
        yield from texts(part, root, field)
    for part in [schema.get("items"), *schema.get("prefixItems", ())]:
        if isinstance(part, dict):
            yield from texts(part, root, name)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from texts(schema["additionalProperties"], root, "*")


@pytest.mark.parametrize("event_type", OUTPUTS)
def test_what_is_no_id_and_not_in_words_has_an_enum_or_says_that_it_is_open(
    event_type: str,
) -> None:
    schema = SCHEMAS[file_of(event_type)]
    for name, each in texts(schema, schema, event_type):
        if {"enum", "const", "format"} & each.keys():
            continue
        is_open = "open set" in each.get("description", "")
        assert is_open or name.endswith("_id") or name in IDS | WORDS, name


@pytest.mark.parametrize("event_type", OUTPUTS)
def test_an_example_with_a_made_up_value_would_be_seen(event_type: str) -> None:
    """What has an enum is looked at: another value is refused by the schema."""
    schema = SCHEMAS[file_of(event_type)]
    validator = jsonschema.Draft202012Validator(schema)
    for name, part in schema["properties"].items():
        if "enum" in part:
            assert not validator.is_valid(examples()[event_type] | {name: "chlorine"})


def test_the_examples_codes_and_ids_are_those_of_the_pack_and_the_city_that_come_along() -> None:
    pack = load_pack("covid-19")
    plan = read_plan(Path(dispatch.__path__[0]) / "cities" / "hulunbuir.toml")
    rooms = {kind for hospital in plan.hospital for kind in hospital.rooms}
    known: dict[str, set[str]] = {
        "agent": set(pack.disinfection.minimums),
        "required_agent": set(pack.disinfection.minimums),
        "rule": {rule.id for rule in pack.rules},
        "test": {test for tests in pack.handover.tests_on_arrival.values() for test in tests},
        "room": rooms,
        "reserve": rooms,
        "kind": {
            *pack.transfers.kinds,
            *pack.clocks,
            *get_args(EscalationKind),
            *get_args(CallerKind),
        },
        "escalated_to": {limit.escalate_to for limit in pack.clocks.values()},
        "warned": {limit.escalate_to for limit in pack.clocks.values()},
        "unit_id": {unit.unit_id for unit in plan.unit},
        "hospital_id": {hospital.hospital_id for hospital in plan.hospital},
        "centre_id": {hospital.hospital_id for hospital in plan.hospital},
        "nearest_id": {hospital.hospital_id for hospital in plan.hospital},
        "district": {district.code for district in plan.district},
        "staff_ppe": set(pack.protection.items),
        "tests": {test for tests in pack.handover.tests_on_arrival.values() for test in tests},
        "equipment": set(pack.disinfection.equipment),
        "needs": {*pack.needs.codes, *pack.capability_names},
        "lacking": set(pack.capability_names),
        "capabilities": set(pack.capability_names),
        "pack": {pack.name},
        "version": {pack.version},
        "item": {"travel", "residence", "close_contact", "exposure"},
    }
    wrong = [
        (event_type, name, value)
        for event_type, example in examples().items()
        for name, value in values(example, event_type)
        if name in known and value not in known[name]
    ]
    assert wrong == []


def values(content: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield every text within an example, by the name of its field."""
    match content:
        case dict():
            for field, part in content.items():
                yield from values(part, field)
        case list():
            for part in content:
                yield from values(part, name)
        case str():
            yield name, content
        case _:
            pass
