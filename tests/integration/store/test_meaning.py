"""Inputs are taken by what they mean: in either mode of CloudEvents, however they are written."""

import hashlib
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest

from dispatch.store.desk import Desk
from dispatch.topics.envelope import Record
from tests.integration.store.conftest import Post, body, header, kinds, of_kind


def header_of(record: Record, name: str) -> str:
    return (dict(record.headers)[name] or b"").decode()


async def test_what_an_earlier_version_noted_is_known_after_an_upgrade(
    desk: Desk, post: Post, migrated: str
) -> None:
    """It noted the digest of the bytes, of the inbox as well as of what calls brought in."""
    call, transfer = post.call("c1"), post.transfer("T-1")
    await desk.published(await desk.take([call, transfer]))
    connection = await asyncpg.connect(migrated)
    for record, kind in ((call, "call.received"), (transfer, "transfer.requested")):
        noted = hashlib.sha256(kind.encode() + b"\0" + (record.value or b"")).digest()
        identity = f"test#{header_of(record, 'ce_id')}"
        changed = await connection.execute(
            "UPDATE inbox SET digest = $2 WHERE identity = $1", identity, noted
        )
        assert changed == "UPDATE 1"
        known = desk._city.calls[(record.key or b"").decode()]
        desk._city.load([replace(known, digest=noted.hex())])
    await connection.close()
    for number, record in enumerate((call, transfer)):
        assert await desk.take([replace(record, offset=700 + number)]) == []
    # The same bytes under another id.
    again = post.record("transfers", "transfer.requested", "T-1", transfer.value or b"")
    assert await desk.take([again]) == []


@pytest.mark.parametrize("how", ["white space", "1.0", "null", "order"])
async def test_the_same_report_written_otherwise_is_a_repeat(
    desk: Desk, post: Post, how: str
) -> None:
    report = post.hospital("H1", "hospital.reported", rooms={"buffer": 4})
    raw = report.value or b""
    written = {
        "white space": raw.replace(b":", b" : ", 1),
        "1.0": raw.replace(b":4", b":4.0"),
        "null": raw.replace(b"}}", b'},"service":null}'),
        "order": orjson.dumps(dict(reversed(orjson.loads(raw).items()))),
    }[how]
    assert written != raw
    await desk.published(await desk.take([report]))
    assert await desk.take([replace(report, offset=900, value=written)]) == []


async def test_a_key_given_twice_is_refused_of_other_inputs(desk: Desk, post: Post) -> None:
    report = post.unit("R1", status="out_of_service", reason="tyre")
    twice = (report.value or b"").replace(b'"status"', b'"status":"available","status"')
    events = await desk.take([replace(report, value=twice)])
    assert kinds(events) == ["input.rejected", "unit.rejected"]
    assert body(events[0])["reasons"] == [{"field": "status", "reason": "is given twice"}]


def enveloped(record: Record) -> dict[str, Any]:
    names = ("specversion", "id", "source", "type")
    said = {name: header_of(record, f"ce_{name}") for name in names}
    return {**said, "data": orjson.loads(record.value or b"")}


def of_type(record: Record, content_type: str, said: Any) -> Record:
    headers = (("content-type", content_type.encode()),)
    return replace(record, headers=headers, value=orjson.dumps(said))


async def test_structured_mode_is_taken_of_every_topic(desk: Desk, post: Post) -> None:
    structured = "Application/CloudEvents+JSON; charset=UTF-8"
    sent = [
        post.call("c1"),
        post.transfer("T-1"),
        post.unit("R1", status="rolling"),
        post.hospital("H1", "hospital.reported", status="open"),
    ]
    events = await desk.take([of_type(each, structured, enveloped(each)) for each in sent])
    assert not {"input.rejected", "call.warned"} & set(kinds(events))
    assert {f"test#event-{number}" for number in range(3)} <= {
        header(event, "ce_cause") for event in events
    }
    await desk.published(events)
    # The same events in binary mode are repeats.
    again = [replace(each, offset=800 + number) for number, each in enumerate(sent)]
    assert await desk.take(again) == []


async def test_the_batch_format_is_refused_and_no_call_in_it_is_lost(
    desk: Desk, post: Post
) -> None:
    batch = "application/cloudevents-batch+json"
    phones = ["13800000001", "13800000002"]
    calls = [
        post.call(f"c{n}", caller={"kind": "public", "phone": phone})
        for n, phone in enumerate(phones)
    ]
    events = await desk.take([of_type(calls[0], batch, [enveloped(each) for each in calls])])
    (letter,) = of_kind(events, "input.rejected")
    assert letter["reasons"][0]["field"] == "content-type"
    # Each caller is told of alone, with what is known of them.
    raised = of_kind(events, "escalation.raised")
    assert [each["kind"] for each in raised] == ["call_unreadable"] * 2
    for number, (each, phone) in enumerate(zip(raised, phones, strict=True), start=1):
        explanation = each["explanation"]
        assert f", {number} of 2 in one batch): " in explanation
        for known in (f"phone {phone};", "position 49.2", "console test"):
            assert known in explanation
    await desk.published(events)
    many = [enveloped(post.call(f"c{n}")) for n in range(25)]
    events = await desk.take([of_type(post.call("c0"), batch, many)])
    told = [each["explanation"] for each in of_kind(events, "escalation.raised")]
    assert [f", {n} of 25 in one batch): " in each for n, each in enumerate(told, start=1)] == [
        True
    ] * 20
    await desk.published(events)
    # What is none is one that can't be read.
    none = of_type(post.call("c99"), batch, {"calls": 1})
    (alone,) = of_kind(await desk.take([none]), "escalation.raised")
    assert "batch)" not in alone["explanation"]
    report = post.unit("R1", status="rolling")
    events = await desk.take([of_type(report, batch, [enveloped(report)])])
    assert kinds(events) == ["input.rejected", "unit.rejected"]


async def test_a_flood_in_structured_mode_is_set_apart_by_its_source(
    desk: Desk, post: Post
) -> None:
    structured = "application/cloudevents+json"
    bad = []
    for _ in range(120):
        report = post.unit("R1", status="made up")
        bad.append(of_type(report, structured, {**enveloped(report), "source": "flood"}))
    await desk.published(await desk.take(bad))
    good = post.unit("R2", staffed=True)
    good = of_type(good, structured, {**enveloped(good), "source": "crew-2"})
    assert desk.set_apart([bad[0], good]) == 1
