import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dispatch import cli
from dispatch.cli.schemas import breaks, drifts, read
from dispatch.kafka.placement import PARTITIONER
from dispatch.schemas import ASYNCAPI_FILE, examples, file_of, files, schemas
from dispatch.topics import EVENTS, TOPIC_OF, TOPICS
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.fields import Content, parse_time

COMMITTED = Path(__file__).parents[2] / "schemas"
TYPES = sorted(EVENTS)
# Made once: it takes a while.
FILES = files()
SCHEMAS = schemas()
EXAMPLES = examples()
OWN = {
    "hospital": "{}-of-a-hospital",
    "unit": "{}-of-a-unit",
    "institution": "{}-of-an-institution",
}
DOCUMENT: dict[str, Any] = yaml.safe_load(FILES[ASYNCAPI_FILE])


def test_the_committed_files_are_as_the_models_have_it() -> None:
    assert drifts(read(COMMITTED), FILES) == []


def test_no_change_of_a_model_breaks_who_publishes_or_reads() -> None:
    assert breaks(read(COMMITTED), FILES) == []


def test_the_files_are_the_same_every_time() -> None:
    assert files() == FILES


def test_every_event_has_an_example() -> None:
    assert EXAMPLES.keys() == EVENTS.keys()


@pytest.mark.parametrize("event_type", TYPES)
def test_an_example_is_what_the_model_and_the_schema_say(event_type: str) -> None:
    schema = SCHEMAS[file_of(event_type)]
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    example = EXAMPLES[event_type]
    validator.validate(example)
    model = EVENTS[event_type]
    event = model.model_validate(example)
    if issubclass(model, Content):
        assert set(json.loads(event.model_dump_json())) == set(example)
    else:
        # What the service publishes has every field, the empty ones too.
        assert set(example) == set(model.model_fields)
        validator.validate(json.loads(event.model_dump_json()))
    assert all(parse_time(example[name]) for name in ("at", "received_at") if name in example)


@pytest.mark.parametrize("event_type", TYPES)
def test_a_schema_bears_the_name_that_events_refer_to(event_type: str) -> None:
    headers = dict(
        write_headers(
            event_id="e", event_type=event_type, at=parse_time("2022-12-23T00:00:00Z"), subject=None
        )
    )
    assert SCHEMAS[file_of(event_type)]["$id"] == headers["ce_dataschema"].decode()


def test_a_schema_refuses_what_the_model_refuses() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMAS[file_of("call.received")])
    call = EXAMPLES["call.received"]
    assert not validator.is_valid(call | {"district": "x"})
    assert not validator.is_valid(call | {"colour": "red"})
    assert not validator.is_valid(call | {"contact": None})
    assert not validator.is_valid({name: call[name] for name in call if name != "caller"})


def test_no_two_types_share_a_title_or_a_name() -> None:
    """Generators of code name a type by its title, and merge two of one name."""
    found: dict[str, Any] = {}
    for schema in SCHEMAS.values():
        for name, part in schema.get("$defs", {}).items():
            assert part["title"] == name
        for part in titled(schema):
            assert found.setdefault(part["title"], part) == part, part["title"]
    assert all(part["type"] == "object" for part in found.values())


def test_the_document_has_every_topic_and_event() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    own = {OWN[topic.own.party].format(topic.name): topic for topic in TOPICS if topic.own}
    assert DOCUMENT["channels"].keys() == {topic.name for topic in TOPICS} | own.keys()
    for name, topic in own.items():
        channel = DOCUMENT["channels"][name]
        assert topic.own is not None
        party = f"{topic.own.party}_id"
        assert channel["address"] == f"dispatch.{topic.name}.{{{party}}}"
        assert channel["parameters"].keys() == {party}
        assert channel["messages"] == DOCUMENT["channels"][topic.name]["messages"]
    assert DOCUMENT["components"]["messages"].keys() == EVENTS.keys()
    for topic in TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        assert channel["address"] == f"dispatch.{topic.name}"
        assert channel["messages"].keys() == {event.event_type for event in topic.events}


def test_the_document_says_what_the_service_does_with_each_topic() -> None:
    done = {
        operation["channel"]["$ref"].removeprefix("#/channels/"): operation["action"]
        for operation in DOCUMENT["operations"].values()
    }
    assert done == {
        topic.name: "receive" if topic.direction == "input" else "send" for topic in TOPICS
    } | {OWN[topic.own.party].format(topic.name): "send" for topic in TOPICS if topic.own}


def test_the_document_says_how_keys_are_placed_and_what_keys_every_message() -> None:
    assert PARTITIONER in DOCUMENT["info"]["description"]
    for message in DOCUMENT["components"]["messages"].values():
        key = message["bindings"]["kafka"]["key"]
        assert key["type"] == "string"
        assert key["description"]
    switched = DOCUMENT["components"]["messages"]["city.mode_switched"]
    assert switched["bindings"]["kafka"]["key"]["const"] == "city"


def test_every_reference_of_the_document_leads_somewhere() -> None:
    references = list(find(DOCUMENT, "$ref"))
    assert references
    for reference in references:
        if reference.startswith("./"):
            assert reference.removeprefix("./") in FILES
            continue
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


@pytest.mark.parametrize("event_type", TYPES)
def test_the_headers_of_an_example_are_what_the_document_says(event_type: str) -> None:
    message = DOCUMENT["components"]["messages"][event_type]
    [example] = message["examples"]
    schema = message["headers"] | {"components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(example["headers"])
    assert example["payload"] == EXAMPLES[event_type]
    sent = {
        name: value.decode()
        for name, value in write_headers(
            event_id="e-1",
            event_type=event_type,
            at=parse_time("2022-12-23T00:00:00Z"),
            subject="c-1",
            sequence=1,
            cause="calls-1#e-1",
        )
    }
    jsonschema.Draft202012Validator(schema).validate(sent)
    assert TOPIC_OF[event_type].key


def test_files_that_differ_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["schemas", "--out", str(tmp_path)]) == 0
    assert cli.run(["schemas", "--check", "--out", str(tmp_path)]) == 0
    (tmp_path / "unit.reported.v1.json").unlink()
    (tmp_path / ASYNCAPI_FILE).write_text("asyncapi: 2.6.0\n")
    (tmp_path / "dog.barked.v1.json").write_text("{}")
    capsys.readouterr()
    assert cli.run(["schemas", "--check", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "unit.reported.v1.json: is missing" in said
    assert "asyncapi.yaml: differs" in said
    assert "dog.barked.v1.json: belongs to no event" in said
    assert len(said.splitlines()) == 3


def test_a_schema_is_not_written_over_one_that_it_breaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["schemas", "--out", str(tmp_path)]) == 0
    file = tmp_path / "call.cancelled.v1.json"
    released = json.loads(file.read_text())
    released["properties"]["colour"] = {"type": "string"}
    file.write_text(json.dumps(released))
    capsys.readouterr()
    assert cli.run(["schemas", "--out", str(tmp_path)]) == 1
    assert "call.cancelled.v1.json: colour: was removed" in capsys.readouterr().err
    assert json.loads(file.read_text()) == released


def titled(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a schema that has a title, as what it says of the type."""
    match schema:
        case dict():
            if isinstance(schema.get("title"), str):
                besides = ("$defs", "$id", "$schema", "examples")
                yield {key: part for key, part in schema.items() if key not in besides}
            for key, part in schema.items():
                if key != "examples":
                    yield from titled(part)
        case list():
            for part in schema:
                yield from titled(part)
        case _:
            pass


def find(content: Any, key: str) -> list[str]:
    match content:
        case dict():
            own = [content[key]] if isinstance(content.get(key), str) else []
            return own + [each for part in content.values() for each in find(part, key)]
        case list():
            return [each for part in content for each in find(part, key)]
        case _:
            return []
