from collections.abc import Callable
from copy import deepcopy
from typing import Any, Literal

import pytest

from dispatch.compatibility import incompatibilities

Direction = Literal["input", "output"]
Change = Callable[[dict[str, Any]], object]

BEFORE: dict[str, Any] = {
    "$defs": {
        "Place": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"latitude": {"type": "number", "minimum": -90, "maximum": 90}},
            "required": ["latitude"],
        }
    },
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 9},
        "status": {"type": "string", "enum": ["open", "closed"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "place": {"$ref": "#/$defs/Place", "description": "where"},
        "rooms": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
        "codes": {"type": "array", "items": {"type": "string"}},
        "count": {"type": "integer"},
    },
    "required": ["id", "status"],
}


def after(change: Change) -> dict[str, Any]:
    new = deepcopy(BEFORE)
    change(new)
    return new


def fields(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]
    return found


@pytest.mark.parametrize("direction", ["input", "output"])
def test_the_same_schema_breaks_nobody(direction: Direction) -> None:
    assert incompatibilities(BEFORE, deepcopy(BEFORE), direction) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda s: s["required"].append("count"), "count: is required now"),
        (lambda s: fields(s).pop("count"), "count: was removed"),
        (lambda s: fields(s)["status"]["enum"].remove("open"), "status: open is no longer taken"),
        (lambda s: fields(s)["id"].update(enum=["a"]), "id: any text is no longer taken"),
        (lambda s: fields(s)["id"].update(pattern="^a$"), "id: pattern is ^a$ now"),
        (lambda s: fields(s)["id"].update(maxLength=8), "id: maxLength is 8 now"),
        (lambda s: fields(s)["id"].update(minLength=1), "id: minLength is 1 now"),
        (
            lambda s: fields(s)["count"].update(type="string"),
            "count: integer is no longer taken",
        ),
        (
            lambda s: fields(s)["note"]["anyOf"].pop(),
            "note: null is no longer taken",
        ),
        (
            lambda s: s["$defs"]["Place"]["properties"]["latitude"].update(maximum=80),
            "place.latitude: maximum is 80 now",
        ),
        (
            lambda s: fields(s)["rooms"]["additionalProperties"].update(minimum=1),
            "rooms.*: minimum is 1 now",
        ),
        (
            lambda s: fields(s)["codes"]["items"].update(maxLength=3),
            "codes[]: maxLength is 3 now",
        ),
    ],
)
def test_what_breaks_those_who_publish(change: Change, found: str) -> None:
    assert incompatibilities(BEFORE, after(change), "input") == [found]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: fields(s).update(name={"type": "string"}),
        lambda s: s["required"].remove("status"),
        lambda s: fields(s)["status"]["enum"].append("advisory"),
        lambda s: fields(s)["count"].update(type="number"),
        lambda s: fields(s)["id"].pop("pattern"),
        lambda s: fields(s)["id"].update(maxLength=10),
        lambda s: fields(s)["note"]["anyOf"].append({"type": "integer"}),
        lambda s: s.update(additionalProperties=True),
    ],
)
def test_what_those_who_publish_need_not_know(change: Change) -> None:
    assert incompatibilities(BEFORE, after(change), "input") == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda s: fields(s).pop("count"), "count: was removed"),
        (lambda s: s["required"].remove("status"), "status: may be absent now"),
        (lambda s: fields(s)["status"]["enum"].append("x"), "status: x is possible now"),
        (lambda s: fields(s)["status"].pop("enum"), "status: any text is possible now"),
        (lambda s: fields(s)["count"].update(type="number"), "count: number is possible now"),
        (lambda s: fields(s)["id"].pop("pattern"), "id: pattern is gone now"),
        (lambda s: fields(s)["id"].update(maxLength=10), "id: maxLength is 10 now"),
        (
            lambda s: fields(s)["note"]["anyOf"].append({"type": "integer"}),
            "note: integer is possible now",
        ),
        (
            lambda s: fields(s).update(count={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            "count: null is possible now",
        ),
    ],
)
def test_what_breaks_those_who_read(change: Change, found: str) -> None:
    assert incompatibilities(BEFORE, after(change), "output") == [found]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: (fields(s).update(name={"type": "string"}), s["required"].append("name")),
        lambda s: s["required"].append("count"),
        lambda s: fields(s)["status"]["enum"].remove("open"),
        lambda s: fields(s)["id"].update(maxLength=8),
        lambda s: fields(s)["note"]["anyOf"].pop(),
        lambda s: fields(s)["id"].update(enum=["a"]),
    ],
)
def test_what_those_who_read_need_not_know(change: Change) -> None:
    assert incompatibilities(BEFORE, after(change), "output") == []
