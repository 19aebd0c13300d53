"""Reading: whatever a record holds, it is an event that can be shown."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import example, given
from hypothesis import strategies as st

from dispatch.cli import phrases
from dispatch.client import DEEPEST, as_event

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def a_record(
    value: bytes | None = b"{}",
    *,
    key: bytes | None = b"c-1",
    timestamp: Any = 1_671_753_600_000,
    **headers: bytes | None,
) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic="dispatch.calls",
        partition=0,
        offset=7,
        timestamp=timestamp,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple((f"ce_{name}", raw) for name, raw in headers.items() if raw is not None),
    )


def lines_of(record: ConsumerRecord[bytes, bytes]) -> tuple[str, dict[str, Any]]:
    """Return a record's line and its JSON, each one line that harms no terminal."""
    event = as_event(record, "dispatch.")
    line = phrases.line(event)
    written = phrases.json_line(event.as_json())
    # The colour of a refusal and of an escalation is our own.
    for colour in ("\x1b[31m", "\x1b[33m", "\x1b[0m"):
        line = line.replace(colour, "", 1)
    for each in (line, written):
        assert each.isprintable()
        each.encode()
    content: dict[str, Any] = json.loads(written, parse_constant=pytest.fail)
    return line, content


@pytest.mark.parametrize(
    "time",
    [
        *(b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59Z"),
        *(b"0001-01-01T00:00:00Z", b"yesterday", b"", b"\xff", b"2022-12-23T08:00:00"),
    ],
)
def test_a_time_that_no_zone_can_show_is_the_records(time: bytes) -> None:
    event = as_event(a_record(time=time), "dispatch.")
    assert event.time == event.timestamp
    lines_of(a_record(time=time))


@pytest.mark.parametrize("timestamp", [-1, -(2**63), 2**62, 2**63 - 1, None, 10**13 * 3])
def test_a_record_without_a_time_that_exists_is_of_1970(timestamp: Any) -> None:
    assert as_event(a_record(timestamp=timestamp), "dispatch.").timestamp == EPOCH
    lines_of(a_record(timestamp=timestamp))


@pytest.mark.parametrize("depth", [DEEPEST + 1, 500, 5_000, 100_000])
def test_a_body_that_is_nested_deeply_ends_no_reader(depth: int) -> None:
    lists = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    for value in (lists, b'{"a":' * depth + b"1" + b"}" * depth):
        _, content = lines_of(a_record(value, type=b"call.received"))
        assert content["data"] == {}


@pytest.mark.parametrize(
    "value",
    [
        b'{"a": NaN, "b": [Infinity, -Infinity, 1e999]}',
        b'{"patient": {"condition": "\\ud800"}}',
        b'{"district": ' + b"9" * 4_000 + b"}",
        b'{"district": ' + b"9" * 10_000 + b"}",
        b'{"reasons": [1, {"field": ["x"]}, null], "questions": {"a": 1}}',
        b'{"decision": [1], "key": 1, "self": 2, "format_string": 3, "": 4}',
        b"\xff\xfe\x00",
        b"\x00" * 10,
        b"[1]",
        None,
    ],
)
@pytest.mark.parametrize("kind", [b"call.received", b"input.rejected", b"call.decided", b"\xff"])
def test_no_body_ends_a_reader(value: bytes | None, kind: bytes) -> None:
    lines_of(a_record(value, type=kind))


def test_escapes_and_line_breaks_are_shown_as_text() -> None:
    body = {
        "district": "1\n12-23 08:00:00  unit.changed",
        "patient": {"condition": "\x1b[2J", "symptoms": ["\u202efever", "\u200b"]},
    }
    line, _ = lines_of(
        a_record(json.dumps(body).encode(), key=b"\x1b]0;x\x07\n12-23", type=b"call.received")
    )
    assert "\\x1b]0;x\\x07\\n12-23" in line
    assert "\\x1b[2J" in line
    assert "1\\n12-23" in line
    assert "\\u202efever" in line


def test_personal_data_in_a_key_a_reason_or_a_type_is_masked() -> None:
    letter = {
        "refused": "unit.reported",
        "topic": "units",
        "reasons": [{"field": "13800138000.张三", "reason": "is not a known key"}],
    }
    for key, kind, body in (
        ("张三1380013800013900139000", "city.mode_switched", {"mode": "epidemic"}),
        ("c-1", "order.withdrawn", {"incident_id": "c-1", "reason": "张三说，打13800138000"}),
        ("c-1", "input.rejected", letter),
        ("c-1", "给张三13800138000", {}),
    ):
        line, _ = lines_of(
            a_record(json.dumps(body).encode(), key=key.encode(), type=kind.encode())
        )
        assert "13800138000" not in line
        assert "张三" not in line
        assert "***" in line


@given(
    value=st.binary(max_size=60),
    key=st.none() | st.binary(max_size=20),
    time=st.none() | st.binary(max_size=30),
    kind=st.sampled_from([b"call.received", b"escalation.raised", b"clock.started"]) | st.binary(),
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
@example(value=b"{", key=None, time=None, kind=b"", timestamp=0)
def test_any_record_is_one_line(
    value: bytes, key: bytes | None, time: bytes | None, kind: bytes, timestamp: int
) -> None:
    lines_of(a_record(value, key=key, timestamp=timestamp, time=time, type=kind))
