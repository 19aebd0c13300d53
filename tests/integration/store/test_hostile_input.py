"""What nobody should send: it is refused once, and takes nothing else along."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.store.desk import Desk
from dispatch.topics.calls import CallAnswered
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Record
from tests.integration.store.conftest import Post, body, kinds, of_kind


async def test_an_attribute_without_a_value_is_a_dead_letter(desk: Desk, post: Post) -> None:
    record = post.unit("R1", status="available")
    # Kafka knows headers whose value is null.
    nothing: Any = None
    headers = dict(record.headers) | {"ce_specversion": nothing}
    events = await desk.take([replace(record, headers=tuple(headers.items()))])
    assert kinds(events) == ["input.rejected", "unit.rejected"]
    assert body(events[0])["reasons"][0]["field"] == "ce_specversion"


async def test_a_header_that_nobody_reads_may_hold_anything(desk: Desk, post: Post) -> None:
    record = post.unit("R1", status="off_duty")
    nothing: Any = None
    headers = (*record.headers, ("ce_time2", nothing), ("ce_x", b"\xff"), ("ce_x", b""))
    assert kinds(await desk.take([replace(record, headers=headers)])) == ["unit.changed"]


async def test_a_key_longer_than_an_index_holds_is_a_dead_letter(desk: Desk, post: Post) -> None:
    # It doesn't compress either.
    keys = [Random(seed).randbytes(20_000).hex().encode() for seed in (1, 2)]
    events = await desk.take(
        [replace(post.unit("R1", status="available"), key=key) for key in keys]
    )
    letters = [event for event in events if event.topic == "dispatch.dead-letters"]
    assert [body(event)["reasons"][0]["field"] for event in letters] == ["key", "key"]
    assert len({event.key for event in letters}) == 2


async def test_a_poisoned_answer_does_not_take_its_call_along(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.take([_answer(post, "c1"), _answer(post, "c1", by="poison")])
    handle = handling.handle

    def defective(city: City, event: Any, digest: str) -> None:
        handle(city, event, digest)
        if isinstance(event, CallAnswered) and event.by == "poison":
            raise ZeroDivisionError

    monkeypatch.setattr(handling, "handle", defective)
    events = await desk.take([post.call("c1", symptoms=["fever"])])
    assert [d["decision"]["rule"] for d in of_kind(events, "call.decided")] == ["R5", "R2"]
    (letter,) = of_kind(events, "input.rejected")
    assert letter["refused"] == "call.answered"
    assert letter["reasons"] == [
        {"field": "body", "reason": "could not be processed (ZeroDivisionError)"}
    ]


def _answer(post: Post, call_id: str, **content: Any) -> Record:
    return post.record(
        "calls",
        "call.answered",
        call_id,
        {
            "call_id": call_id,
            "answered_at": timestamp(post.clock.time),
            "epidemiology": {"travel": "yes"},
            **content,
        },
    )
