"""The bytes around calls: nothing raises but for a body that is none."""

from base64 import b64encode
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.store import wrapping
from dispatch.store.inbound import read
from dispatch.store.unreadable_calls import found_in
from dispatch.topics.body import BodyError
from dispatch.topics.envelope import Record

BODY: dict[str, Any] = {
    "call_id": "c1",
    "received_at": "2022-03-01T00:00:00Z",
    "district": "150702",
    "caller": {"kind": "public"},
    "patient": {"condition": "stable", "symptoms": [], "case_status": "none"},
    "location": {"latitude": 49.2, "longitude": 119.7},
}


def record(value: bytes | None, *headers: tuple[str, bytes | None], key: bytes = b"k") -> Record:
    return Record("dispatch.calls", 0, 1, 0, key, value, headers)


@given(st.binary(max_size=200))
def test_any_bytes_hold_an_object_or_none(raw: bytes) -> None:
    with suppress(BodyError):
        assert isinstance(wrapping.loosely(raw, [])[0], dict)
    found_in(read(record(raw, ("\x00é", None), ("ce_source", raw)), topic="calls"))


@pytest.mark.parametrize(
    ("said", "body", "call"),
    [
        ("call.received", {}, True),
        ("Call.Received", {}, True),
        (None, BODY, True),
        ("call.invented", BODY, True),
        ("call.answered", BODY, True),
        ("call.answered", {"call_id": "c1", "location": {}}, False),
        (None, {"call_id": "c1", "at": "x"}, False),
    ],
)
def test_a_call_is_known_by_its_type_or_plainly(
    said: str | None, body: dict[str, Any], *, call: bool
) -> None:
    assert wrapping.is_call(said, body) is call


def test_what_a_call_that_cannot_be_read_says_is_found() -> None:
    raw = (
        '{"caller":{"phone":"+86 139-0470-0001"},"id_number":"150702196001010018",'
        '"address":"胜利大街 \\u0035 号","latitude":49.21,"longitude":119.73,"district":"150702'
    )
    found = found_in(read(record(raw.encode(), ("CE-Source", b"console-7")), topic="calls"))
    assert found == {
        "phone": ["+86 139-0470-0001"],
        "address": ["胜利大街 5 号"],
        "position": ["49.21, 119.73"],
        "district": ["150702"],
        "console": ["console-7"],
    }


ADDRESS = "胜利大街五号"


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (ADDRESS.encode()[:16] + b'"', "UTF-8"),
        (ADDRESS.encode()[:17], "UTF-8"),
        (ADDRESS.encode("gb18030")[:-1], "GB18030"),
        ((b"{" + ADDRESS.encode("gb18030") + b"}"), "GB18030"),
        ((f"{{{ADDRESS}").encode("utf-16")[:-1], "UTF-16"),
        ((f'{{"{ADDRESS}').encode("utf-16-le") + b"x", "UTF-16"),
    ],
)
def test_text_with_a_cut_character_is_read_as_what_it_is(raw: bytes, encoding: str) -> None:
    likeliest, text = next(iter(wrapping.texts(raw).items()))
    assert likeliest == encoding
    assert ADDRESS[:5] in text


def test_the_encoding_is_told_that_a_body_was_read_in() -> None:
    warnings: list[Any] = []
    cut = b'{"address": "' + ADDRESS.encode()[:16] + b'"}'
    assert wrapping.loosely(cut, warnings)[0] == {"address": "胜利大街五\ufffd"}
    assert warnings[0].reason.endswith("it was read as UTF-8")
    warnings.clear()
    written = f'{{"a": "{ADDRESS}"}}'.encode("gb18030")
    assert wrapping.loosely(written, warnings)[0] == {"a": ADDRESS}
    assert warnings[0].reason.endswith("it was read as GB18030")


@pytest.mark.parametrize("data", ["data", "data_base64"])
def test_a_whole_event_whose_data_is_a_text_is_unwrapped(data: str) -> None:
    inner = orjson.dumps(BODY)
    written = inner.decode() if data == "data" else b64encode(inner).decode()
    whole = orjson.dumps({"specversion": "1.0", "type": "call.received", data: written})
    assert wrapping.loosely(whole, [])[0] == BODY
    # Also where it is cut off.
    said = found_in(read(record(whole[:-30]), topic="calls"))
    assert said["district"] == ["150702"]


@pytest.mark.parametrize(
    ("said", "what", "found"),
    [
        ("电话 １３９０４７００００１", "phone", "13904700001"),
        ("139.0470.0001", "phone", "139.0470.0001"),
        ("139\u20110470\u20110001", "phone", "139\u20110470\u20110001"),
        ("ring 0470-822-1234", "phone", "0470-822-1234"),
        ("ring 400-820-8820", "phone", "400-820-8820"),
        ("<call><address>胜利大街 5 号</address></call>", "address", "胜利大街 5 号"),
        ('{"location": "胜利大街 5 号", ', "address", "胜利大街 5 号"),
        ('{"type": "Point", "coordinates": [119.73, 49.21]', "position", "49.21, 119.73"),
        ('{"location": [49.21, 119.73]', "position", "49.21, 119.73"),
        ("x" * 300_000 + ' "phone": "13904700001"', "phone", "13904700001"),
        ('{"data": "{\\"address\\": \\"胜利大街 5 号\\"', "address", "胜利大街 5 号"),
        ('{"address": "胜利大街五\ufffd', "address", "胜利大街五\ufffd"),
    ],
)
def test_what_is_said_in_other_ways_is_found(said: str, what: str, found: str) -> None:
    assert found_in(read(record(said.encode(), key=b"k"), topic="calls"))[what] == [found]
