"""CloudEvents in structured mode: the envelope says what it is, in whatever way it is labelled."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from dispatch.topics.body import BodyError, read
from dispatch.topics.cloudevents import Malformed
from dispatch.topics.structured import (
    Mode,
    attributes_of,
    data_of,
    events_in_batch,
    mode_of,
    source_of,
)

DATA = {"unit_id": "R1", "status": "rolling"}
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "crew-7",
    "type": "unit.reported",
    "time": "2022-03-01T00:00:00Z",
    "data": DATA,
}
HEADERS = (("content-type", b"application/cloudevents+json"),)


@pytest.mark.parametrize(
    ("name", "said", "mode"),
    [
        ("content-type", b"application/cloudevents+json", "structured"),
        ("content-type", b"application/cloudevents+json; charset=UTF-8", "structured"),
        ("Content-Type", b" Application/CloudEvents+JSON;charset=utf-8", "structured"),
        ("content-type", b"application/cloudevents-batch+json", "batch"),
        ("content-type", b"application/CLOUDEVENTS-BATCH+json; charset=utf-8", "batch"),
        ("content-type", b"application/json", None),
        ("content-type", b"", None),
        ("content-type", None, None),
        ("ce_type", b"application/cloudevents+json", None),
    ],
)
def test_the_content_type_says_the_mode(name: str, said: bytes | None, mode: Mode | None) -> None:
    assert mode_of((("ce_id", b"1"), (name, said)), orjson.dumps(EVENT)) == mode


@pytest.mark.parametrize("said", [b"application/json", b"", None])
def test_an_event_without_attributes_in_headers_is_whole_whatever_the_type(
    said: bytes | None,
) -> None:
    """The CloudEvents SDK for Python 1 writes the type of the data."""
    whole = orjson.dumps(EVENT)
    for headers in ((), (("content-type", said),), (("content-type", said), ("trace", b"1"))):
        assert mode_of(headers, whole) == "structured"
        assert source_of(headers, whole) == b"crew-7"
        for other in (None, b"", orjson.dumps(DATA), orjson.dumps([EVENT])):
            assert mode_of(headers, other) is None


def test_attributes_and_data_are_in_the_envelope() -> None:
    whole = read(orjson.dumps(EVENT))
    assert attributes_of(whole).identity == "crew-7#e1"
    assert attributes_of(whole).type == "unit.reported"
    assert data_of(whole) == read(orjson.dumps(DATA))


def test_data_may_be_in_base64_and_written_otherwise() -> None:
    spaced = b'{ "status": "rolling", "reason": null, "unit_id": "R1" }'
    encoded = {**EVENT, "data": None, "data_base64": b64encode(spaced).decode()}
    body = data_of(read(orjson.dumps(encoded)))
    assert body.canonical == read(orjson.dumps(DATA)).canonical


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"id": None}, "ce_id", "is missing"),
        ({"id": 7}, "ce_id", "must be text"),
        ({"id": ""}, "ce_id", "is missing"),
        ({"source": "x" * 257}, "ce_source", "1 to 256"),
        ({"source": "a\nb"}, "ce_source", "printable"),
        ({"specversion": "0.3"}, "ce_specversion", "must be 1.0"),
        ({"type": ["unit.reported"]}, "ce_type", "must be text"),
    ],
)
def test_an_attribute_that_is_none_is_named(
    changes: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(Malformed) as caught:
        attributes_of(read(orjson.dumps({**EVENT, **changes})))
    assert caught.value.field == field
    assert reason in caught.value.reason


def test_half_a_character_is_no_attribute() -> None:
    raw = orjson.dumps(EVENT).replace(b'"e1"', b'"\\ud800"')
    with pytest.raises(Malformed, match="UTF-8"):
        attributes_of(read(raw))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": None}, "no `data`"),
        ({"data": "text"}, "no `data`"),
        ({"data": [DATA]}, "no `data`"),
        ({"data_base64": "e30="}, "`data` and `data_base64`"),
        ({"data": None, "data_base64": "?"}, "be decoded"),
        ({"data": None, "data_base64": 1}, "be decoded"),
        ({"data": None, "data_base64": "e30"}, "be decoded"),
        ({"data": None, "data_base64": b64encode(b"[]").decode()}, "must be a JSON object"),
    ],
)
def test_data_that_are_none_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BodyError, match=reason):
        data_of(read(orjson.dumps({**EVENT, **changes})))


def test_a_key_given_twice_is_named_as_in_the_event() -> None:
    raw = orjson.dumps(EVENT).replace(b'"status"', b'"status":"available","status"')
    assert data_of(read(raw)).doubled == ("status",)


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (orjson.dumps(EVENT), b"crew-7"),
        (b'{ "source" : "a b" , ', b"a b"),
        (b'[{"source":"first"},{"source":"second"}]', b"first"),
        (b'{"source": 7}', b""),
        (b'{"id":"1"}', b""),
        (b'{"source":"' + b"x" * 2_000 + b'"}', b""),
        (b"", b""),
        (None, b""),
    ],
)
def test_the_source_is_found_without_reading(value: bytes | None, source: bytes) -> None:
    assert source_of(HEADERS, value) == source
    binary = (("content-type", b"application/json"), ("ce_id", b"1"))
    assert source_of(binary, value) == b""


def test_a_batch_that_nests_too_deep_is_told_of_as_a_whole() -> None:
    batch = (("content-type", b"application/cloudevents-batch+json"),)
    deep = b"[" * 400 + b"]" * 400
    assert len(events_in_batch(batch, orjson.dumps([EVENT, EVENT]))) == 2
    assert events_in_batch(batch, b"[{}, " + deep + b"]") == []
