"""Nobody's call is refused for its wrapping: it is taken once, and what was wrong is told."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Record
from dispatch.topics.fields import MAX_BODY_BYTES
from tests.integration.store.conftest import (
    START,
    HandClock,
    Post,
    body,
    call_body,
    header,
    kinds,
    of_kind,
)


def header_of(record: Record, name: str) -> str:
    return (dict(record.headers)[name] or b"").decode()


Wrap = Callable[[Record], Record]


def with_headers(change: Callable[[dict[str, bytes]], list[tuple[str, bytes | None]]]) -> Wrap:
    def wrap(record: Record) -> Record:
        known = {name: value for name, value in record.headers if value is not None}
        return replace(record, headers=tuple(change(known)))

    return wrap


def without(name: str) -> Wrap:
    return with_headers(lambda known: [each for each in known.items() if each[0] != name])


def value(change: Callable[[bytes], bytes]) -> Wrap:
    return lambda record: replace(record, value=change(record.value or b""))


def content(**changes: Any) -> Wrap:
    return value(lambda raw: orjson.dumps({**orjson.loads(raw), **changes}))


def lacking(*names: str) -> Wrap:
    return value(
        lambda raw: orjson.dumps(
            {name: each for name, each in orjson.loads(raw).items() if name not in names}
        )
    )


WRAPPED: dict[str, tuple[Wrap, str]] = {
    "no key": (lambda record: replace(record, key=None), "key"),
    "an empty key": (lambda record: replace(record, key=b""), "key"),
    "another key": (lambda record: replace(record, key=b"console-1"), "key"),
    "a key that is no text": (lambda record: replace(record, key=b"\xff\x00"), "key"),
    "a key given twice": (
        value(lambda raw: raw.replace(b'{"call_id"', b'{"district":"150702","call_id"', 1)),
        "district",
    ),
    "a UTF-8 byte-order mark": (value(lambda raw: b"\xef\xbb\xbf" + raw), "body"),
    "UTF-16": (value(lambda raw: raw.decode().encode("utf-16")), "body"),
    "UTF-16 without a mark": (value(lambda raw: raw.decode().encode("utf-16-be")), "body"),
    "UTF-32": (value(lambda raw: raw.decode().encode("utf-32")), "body"),
    "GB18030": (
        value(lambda raw: raw.replace(b"}}", '},"chief_complaint":"胸痛"}'.encode("gb18030"))),
        "body",
    ),
    "a registry's prefix": (value(lambda raw: b"\x00\x00\x00\x00\x07" + raw), "body"),
    "text around it": (value(lambda raw: b"data: " + raw + b"\x00\n"), "body"),
    "JSON in a JSON text": (value(lambda raw: orjson.dumps(raw.decode())), "body"),
    "a list of one": (value(lambda raw: b"[" + raw + b"]"), "body"),
    "a structured event": (
        value(
            lambda raw: b'{"specversion":"1.0","id":"1","type":"call.received","data":' + raw + b"}"
        ),
        "body",
    ),
    "an unknown key": (content(colour="red"), "colour"),
    "a time ahead": (content(received_at="2031-01-01T00:00:00Z"), "received_at"),
    "another time ahead": (content(ring_at="2031-01-01T00:00:00Z"), "ring_at"),
    "a time that is none": (content(received_at="today"), "received_at"),
    "no time": (lacking("received_at"), "received_at"),
    "no patient": (lacking("patient"), "patient.condition"),
    "no caller": (lacking("caller"), "caller.kind"),
    "no district": (lacking("district"), "district"),
    "an unknown district": (content(district="999999"), "district"),
    "a district as a number": (content(district=150702), "district"),
    "a district alone": (lacking("location"), "location"),
    "an address alone": (content(location={"address": "胜利街 1 号"}, district="?"), "district"),
    "a place out of range": (
        content(location={"latitude": 149, "longitude": 1, "address": "x street"}),
        "location.latitude",
    ),
    "a place that stands for none": (
        content(location={"latitude": 0, "longitude": 0, "address": "x street"}),
        "location",
    ),
    "a place in another country": (
        content(location={"latitude": 37.5, "longitude": -122.4}),
        "location",
    ),
    "an institution without a name": (content(caller={"kind": "institution"}), "caller.kind"),
    "an age in words": (
        content(patient={"condition": "stable", "symptoms": [], "case_status": "none", "age": "x"}),
        "patient.age",
    ),
    "an unknown condition": (
        content(patient={"condition": "bad", "symptoms": [], "case_status": "?"}),
        "patient.condition",
    ),
    "a symptom that is none": (
        content(patient={"condition": "stable", "symptoms": [1], "case_status": "none"}),
        "patient.symptoms",
    ),
    "no ce_id": (without("ce_id"), "ce_id"),
    "no ce_source": (without("ce_source"), "ce_source"),
    "no ce_type": (without("ce_type"), "ce_type"),
    "no ce_specversion": (without("ce_specversion"), "ce_specversion"),
    "no header": (with_headers(lambda _: []), "ce_specversion"),
    "another specversion": (
        with_headers(lambda known: [*(known | {"ce_specversion": b"0.3"}).items()]),
        "ce_specversion",
    ),
    "headers in capitals": (
        with_headers(lambda known: [(name.upper(), each) for name, each in known.items()]),
        "ce_specversion",
    ),
    "headers twice": (
        with_headers(lambda known: [*known.items(), *known.items()]),
        "ce_specversion",
    ),
    "a header without a value": (
        with_headers(lambda known: [*(known | {"ce_specversion": None}).items()]),
        "ce_specversion",
    ),
}


@pytest.mark.parametrize("kind", WRAPPED)
async def test_a_call_is_taken_once_however_it_is_wrapped(
    desk: Desk, post: Post, kind: str
) -> None:
    wrap, field = WRAPPED[kind]
    wrapped = wrap(post.call("c1"))
    events = await desk.take([wrapped])
    assert "input.rejected" not in kinds(events)
    assert len(of_kind(events, "incident.assigned")) == 1
    (warned,) = of_kind(events, "call.warned")
    assert warned["call_id"] == "c1"
    assert field in {each["field"] for each in warned["warnings"]}
    await desk.published(events)
    # The same record read again, and the same event published again.
    assert await desk.take([wrapped]) == []
    assert await desk.take([replace(wrapped, offset=wrapped.offset + 1_000)]) == []


@pytest.mark.parametrize("sent", [lacking("call_id"), content(call_id="呼叫 1")])
async def test_a_call_without_an_id_has_that_of_its_key_or_one_that_follows_from_it(
    desk: Desk, post: Post, sent: Wrap
) -> None:
    record = sent(post.call("c1"))
    assert of_kind(await desk.take([record]), "call.decided")[0]["call_id"] == "c1"
    keyless = replace(sent(post.call("c2")), key=None)
    events = await desk.take([keyless])
    (decided,) = of_kind(events, "call.decided")
    assert decided["call_id"].startswith("call:")
    await desk.published(events)
    assert await desk.take([replace(keyless, offset=900)]) == []
    # The same call under another ce_id.
    again = post.record("calls", "call.received", "", keyless.value or b"")
    assert "call.decided" not in kinds(await desk.take([replace(again, key=None)]))


async def test_a_console_that_counts_from_1_again_is_heard(desk: Desk, post: Post) -> None:
    await desk.published(await desk.take([post.call("c1", event_id="1")]))
    other = post.call("c2", event_id="1")
    events = await desk.take([other])
    assert [each["incident_id"] for each in of_kind(events, "incident.assigned")] == ["c2"]
    (warned,) = of_kind(events, "call.warned")
    assert [each["field"] for each in warned["warnings"]] == ["ce_id"]
    assert {header(event, "ce_cause") for event in events} == {"test#1"}
    await desk.published(events)
    assert await desk.take([other]) == []
    assert await desk.take([replace(other, offset=901)]) == []


async def test_another_call_under_an_id_that_is_used_goes_on_under_one_of_its_own(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    await desk.published(await desk.take([post.call("c1")]))
    clock.forward(86_400)
    far = call_body("c1", clock.time)
    far["location"]["latitude"] += 0.1
    other = post.record("calls", "call.received", "c1", far)
    events = await desk.take([other])
    (warned,) = of_kind(events, "call.warned")
    assert warned["given_id"] == "c1"
    (assigned,) = of_kind(events, "incident.assigned")
    assert assigned["incident_id"] == warned["call_id"] != "c1"
    await desk.published(events)
    again = post.record("calls", "call.received", "c1", far)
    assert await desk.take([again]) == []
    # Also when both are over, and no longer in memory.
    for over in ("c1", warned["call_id"]):
        content = {"call_id": over, "at": timestamp(clock.time), "by": "d", "reason": "x"}
        await desk.published(
            await desk.take([post.record("calls", "call.cancelled", over, content)])
        )
    assert not desk._city.calls
    assert await desk.take([post.record("calls", "call.received", "c1", far)]) == []


# Within the pack's tolerance behind START.
DEAD_CLOCK = "2022-02-25T00:00:00Z"


def of_a_dead_clock(post: Post, latitude: float, phone: str, **changes: Any) -> Record:
    said = call_body("1", START)
    said["received_at"] = DEAD_CLOCK
    said["caller"]["phone"] = phone
    said["location"]["latitude"] += latitude
    return post.record("calls", "call.received", "1", {**said, **changes})


@pytest.mark.parametrize("first_is", ["open", "over", "forgotten"])
async def test_another_patient_under_the_same_id_and_time_is_another_call(
    open_desk: Callable[..., Any], post: Post, first_is: str
) -> None:
    desk = await open_desk()
    await desk.published(await desk.take([of_a_dead_clock(post, 0, PHONE)]))
    if first_is != "open":
        over = {"call_id": "1", "at": timestamp(START), "by": "d", "reason": "x"}
        await desk.published(await desk.take([post.record("calls", "call.cancelled", "1", over)]))
    if first_is == "forgotten":
        desk = await open_desk()
        assert not desk._city.calls
    other = of_a_dead_clock(post, 0.1, "13904700002")
    events = await desk.take([other])
    (warned,) = of_kind(events, "call.warned")
    assert warned["given_id"] == "1"
    assert of_kind(events, "incident.assigned")[0]["incident_id"] == warned["call_id"]
    await desk.published(events)
    # Once, also with other white space under another ce_id.
    spaced = (other.value or b"").replace(b",", b", ")
    assert await desk.take([post.record("calls", "call.received", "1", spaced)]) == []


async def test_the_same_call_said_otherwise_stays_one_and_is_escalated(
    desk: Desk, post: Post
) -> None:
    first = of_a_dead_clock(post, 0, PHONE)
    await desk.published(await desk.take([first]))
    spaced = (first.value or b"").replace(b",", b", ")
    assert await desk.take([post.record("calls", "call.received", "1", spaced)]) == []
    events = await desk.take([of_a_dead_clock(post, 0, PHONE, chief_complaint="x")])
    assert "call.decided" not in kinds(events)
    assert [each["kind"] for each in of_kind(events, "escalation.raised")] == ["call_unreadable"]


@pytest.mark.parametrize("when", ["today", "2031-01-01T00:00:00Z", "1900-01-01T00:00:00Z"])
async def test_a_call_with_a_time_that_is_made_up_is_known_again(
    desk: Desk, post: Post, clock: HandClock, when: str
) -> None:
    said = orjson.dumps({**call_body("c1", START), "received_at": when})
    await desk.published(await desk.take([post.record("calls", "call.received", "c1", said)]))
    clock.forward(90_000)
    spaced = said.replace(b",", b", ")
    for again in (said, spaced):
        assert await desk.take([post.record("calls", "call.received", "c1", again)]) == []


@pytest.mark.parametrize("kind", ["unit.reported", "call.answered", "call.cancelled", "made.up"])
async def test_a_call_is_a_call_under_any_type(desk: Desk, post: Post, kind: str) -> None:
    events = await desk.take([post.record("calls", kind, "c1", call_body("c1", START))])
    assert len(of_kind(events, "incident.assigned")) == 1
    await desk.published(events)
    damaged = orjson.dumps(call_body("c2", START))[:-1]
    events = await desk.take([post.record("calls", kind, "c2", damaged)])
    assert [each["kind"] for each in of_kind(events, "escalation.raised")] == ["call_unreadable"]


async def test_what_a_call_lacks_is_taken_from_its_bytes(desk: Desk, post: Post) -> None:
    said = orjson.dumps(call_body("c1", START))
    twice = said.replace(b'"caller"', f'"caller":{{"phone":"{PHONE}"}},"caller"'.encode(), 1)
    await desk.published(await desk.take([post.record("calls", "call.received", "c1", twice)]))
    assert desk._city.calls["c1"].content.caller.phone == PHONE
    lost = {**call_body("c2", START), "location": {"where": {"address": ADDRESS}}, "district": "?"}
    await desk.published(await desk.take([post.record("calls", "call.received", "c2", lost)]))
    assert desk._city.calls["c2"].content.location.address == ADDRESS


async def test_a_valid_call_has_no_warning(desk: Desk, post: Post) -> None:
    assert "call.warned" not in kinds(await desk.take([post.call("c1", name='a ": b')]))
    nulls = content(chief_complaint=None, contact=None, patient_count=1.0)(post.call("c2"))
    assert "call.warned" not in kinds(await desk.take([nulls]))


PHONE, ADDRESS = "13904700001", "胜利大街 5 号"
SAID = f'"call_id":"c1","caller":{{"kind":"public","phone":"{PHONE}"}},"address":"{ADDRESS}"'

UNREADABLE: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "cut off": (("{" + SAID).encode(), (PHONE, ADDRESS, "test")),
    "cut off, in GB18030": (("{" + SAID).encode("gb18030"), (PHONE, ADDRESS)),
    "cut off, in UTF-16": (("{" + SAID).encode("utf-16"), (PHONE, ADDRESS)),
    "plain text": (f"电话: 0470-8221234 地址：{ADDRESS}".encode(), ("0470-8221234", ADDRESS)),
    "a position": (
        b'{"latitude": 49.21, "longitude": 119.73, "district": "150702"',
        ("49.21, 119",),
    ),
    "no place": (f'{{"caller": {{"kind": "public", "phone": "{PHONE}"}}}}'.encode(), (PHONE,)),
    "too long": (
        f'{{"phone": "{PHONE}", "x": "{"x" * MAX_BODY_BYTES}"}}'.encode(),
        (PHONE,),
    ),
    "nothing": (b"", ("test",)),
    "noise": (bytes(range(256)), ("test",)),
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_a_call_that_cannot_be_read_is_escalated_with_what_is_found_in_it(
    desk: Desk, post: Post, kind: str
) -> None:
    raw, found = UNREADABLE[kind]
    record = post.record("calls", "call.received", "c1", raw)
    events = await desk.take([record])
    (letter,) = of_kind(events, "input.rejected")
    assert base64.b64decode(letter["value_base64"]) == raw
    (raised,) = of_kind(events, "escalation.raised")
    assert raised["kind"] == "call_unreadable"
    where = f"{record.topic}/{record.partition}/{record.offset}"
    for each in (where, *found):
        assert each in raised["explanation"]
    await desk.published(events)
    assert await desk.take([record]) == []


async def test_other_events_are_held_to_the_contract(desk: Desk, post: Post) -> None:
    await desk.published(await desk.take([post.call("c1")]))
    told = {"call_id": "c1", "answered_at": timestamp(START), "condition": None}
    events = await desk.take([post.record("calls", "call.answered", "c1", told)])
    assert kinds(events) == ["input.rejected", "call.rejected"]


async def test_what_came_before_the_topics_were_noted_is_still_known(
    desk: Desk, post: Post, migrated: str
) -> None:
    record = post.call("c1")
    await desk.published(await desk.take([record]))
    connection = await asyncpg.connect(migrated)
    await connection.execute("UPDATE inbox SET topic = NULL")
    await connection.close()
    assert await desk.take([replace(record, offset=77)]) == []


async def test_an_identity_belongs_to_its_topic(desk: Desk, post: Post) -> None:
    report = {"status": "open"}
    stolen = post.hospital("H1", "hospital.reported", **report)
    call = post.call("c1")
    stolen = replace(
        stolen,
        headers=tuple(
            (name, dict(call.headers)[name] if name == "ce_id" else each)
            for name, each in stolen.headers
        ),
    )
    first = await desk.take([stolen])
    assert "input.rejected" not in kinds(first)
    await desk.published(first)
    events = await desk.take([call])
    assert len(of_kind(events, "incident.assigned")) == 1
    assert "call.warned" not in kinds(events)
    # Readers know it by its source and id; no event has the id of another.
    assert {header(each, "ce_cause") for each in events} == {f"test#{header_of(call, 'ce_id')}"}
    ids = [header(each, "ce_id") for each in (*first, *events)]
    assert len(ids) == len(set(ids))
    await desk.published(events)
    assert await desk.take([call, stolen]) == []


async def test_a_stranger_that_says_the_very_call_takes_nothing_away(
    desk: Desk, post: Post
) -> None:
    call = post.call("c1")
    events = await desk.take([replace(call, topic="dispatch.hospitals"), call])
    assert len(of_kind(events, "input.rejected")) == 1
    assert len(of_kind(events, "incident.assigned")) == 1
    ids = [header(each, "ce_id") for each in events]
    assert len(ids) == len(set(ids))


async def test_a_flood_of_faults_in_one_call_is_told_shortly(desk: Desk, post: Post) -> None:
    faulty = content(
        patient={"condition": "stable", "symptoms": [1] * 20_000, "case_status": "none"},
        **{f"key{number}": 1 for number in range(5_000)},
    )
    events = await desk.take([faulty(post.call("c1"))])
    (warned,) = [event for event in events if header(event, "ce_type") == "call.warned"]
    assert len(warned.value) < 20_000
    assert body(warned)["warnings"][-1]["reason"].endswith("more were left out")


@pytest.mark.parametrize("behind", [True, False])
async def test_a_time_of_long_ago_is_taken_as_now_and_warned_of(
    desk: Desk, post: Post, clock: HandClock, *, behind: bool
) -> None:
    tolerance = load_pack("covid-19").events.past_tolerance_seconds
    at = timestamp(clock.time - timedelta(seconds=tolerance + behind))
    events = await desk.take([content(received_at=at, ring_at=at)(post.call("c1"))])
    (assigned,) = of_kind(events, "incident.assigned")
    assert assigned["received_at"] == (timestamp(clock.time) if behind else at)
    warned = of_kind(events, "call.warned")
    assert [each["field"] for told in warned for each in told["warnings"]] == (
        ["received_at", "ring_at"] if behind else []
    )


async def test_patients_whose_calls_have_the_times_of_a_clock_that_was_never_set_are_two(
    desk: Desk, post: Post
) -> None:
    never_set = "1970-01-01T00:00:00Z"
    one = of_a_dead_clock(post, 0, PHONE, received_at=never_set)
    other = of_a_dead_clock(post, 0.1, "13904700002", received_at=never_set)
    for record in (one, other):
        events = await desk.take([record])
        assert len(of_kind(events, "incident.assigned")) == 1
        await desk.published(events)
    for record in (one, other):
        again = post.record("calls", "call.received", "1", record.value or b"")
        assert await desk.take([again]) == []


async def test_a_call_later_than_the_tolerance_is_taken_as_now(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    ahead = timestamp(clock.time + timedelta(days=400))
    events = await desk.take([content(received_at=ahead)(post.call("c1"))])
    (assigned,) = of_kind(events, "incident.assigned")
    assert assigned["received_at"] == timestamp(clock.time)
