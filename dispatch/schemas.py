"""The contract in files: a JSON Schema for each event, and an AsyncAPI document of the topics.

They are made from the models of `dispatch.topics`, the same bytes every time.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml
from pydantic.json_schema import GenerateJsonSchema

from dispatch.asyncapi import document
from dispatch.topics import TOPICS, Topic
from dispatch.topics.announcement import Announcement
from dispatch.topics.cloudevents import SCHEMA_VERSION
from dispatch.topics.fields import Content

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI_FILE: Final = "asyncapi.yaml"


class _Dumper(yaml.SafeDumper):
    """Writes each list's items indented and nothing as an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        """Write out what appears twice."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indent the items of lists too."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


class _Generator(GenerateJsonSchema):
    """Gives titles to objects alone: generators of code take a title for a type's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base class's
        """Give a field no title: others of its name are of other types."""
        return False


def schema_of(model: type[Content] | type[Announcement], topic: Topic) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event, with its example."""
    published = topic.direction == "output"
    made = model.model_json_schema(
        mode="serialization" if published else "validation", schema_generator=_Generator
    )
    if published:
        # The next version may add fields; who reads must not stumble over them.
        _open(made)
    return {
        "$schema": DIALECT,
        "$id": f"urn:ambulance-dispatch:{model.event_type}:{SCHEMA_VERSION}",
        **made,
        "examples": [examples()[model.event_type]],
    }


@cache
def examples() -> dict[str, dict[str, Any]]:
    """Return an example of each event by its type."""
    source = resources.files("dispatch.topics") / "examples.yaml"
    found: dict[str, dict[str, Any]] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return found


def file_of(event_type: str) -> str:
    """Return the name of an event's schema file."""
    return f"{event_type}.{SCHEMA_VERSION}.json"


def schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of every event by the name of its file."""
    return {
        file_of(model.event_type): schema_of(model, topic)
        for topic in TOPICS
        for model in topic.events
    }


def files() -> dict[str, str]:
    """Return the content of every file of the contract by its name."""
    made = {name: as_json(schema) for name, schema in schemas().items()}
    return made | {ASYNCAPI_FILE: as_yaml(document(TOPICS, examples(), file_of))}


def direction_of(name: str) -> str:
    """Return whether the event of a schema file is an input or an output."""
    return next(
        topic.direction
        for topic in TOPICS
        for model in topic.events
        if file_of(model.event_type) == name
    )


def as_json(content: Mapping[str, Any]) -> str:
    """Return JSON as it stands in a file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_yaml(content: Mapping[str, Any]) -> str:
    """Return YAML as it stands in a file."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _open(schema: Any) -> None:
    match schema:
        case dict():
            if schema.get("additionalProperties") is False:
                del schema["additionalProperties"]
            for part in schema.values():
                _open(part)
        case list():
            for part in schema:
                _open(part)
        case _:
            pass
