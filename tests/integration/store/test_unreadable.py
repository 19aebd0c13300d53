"""What nobody can read is a dead letter with its place and bytes, and takes nothing else along."""

import base64
from dataclasses import replace

from dispatch.store.desk import Desk
from tests.integration.store.conftest import Post, body, kinds, of_kind


async def test_a_record_that_can_not_be_read_is_a_dead_letter_beside_others(
    desk: Desk, post: Post
) -> None:
    bad = replace(post.call("c1"), unreadable="has a header whose name is not UTF-8")
    bad = replace(bad, headers=(*bad.headers, ("\\xff", b"x")), first_offset=bad.offset)
    events = await desk.take([bad, post.call("c2")])
    assert len(of_kind(events, "call.decided")) == 1
    [letter] = of_kind(events, "input.rejected")
    assert (letter["topic"], letter["partition"], letter["offset"]) == (
        bad.topic, bad.partition, bad.offset,
    )  # fmt: skip
    assert letter["refused"] == "call.received"
    assert letter["reasons"] == [
        {"field": "record", "reason": "can't be read: has a header whose name is not UTF-8"}
    ]
    assert base64.b64decode(letter["value_base64"]) == bad.value
    assert ["\\xff", "eA=="] in letter["headers_base64"]
    # Its sender is told, and may send it again under the same id.
    assert of_kind(events, "call.rejected")[0]["call_id"] == "c1"
    again = replace(bad, unreadable=None, offset=100, headers=bad.headers[:-1])
    assert "call.decided" in kinds(await desk.take([again]))


async def test_a_batch_that_can_not_be_read_is_one_letter_for_its_offsets(
    desk: Desk, post: Post
) -> None:
    whole = replace(
        post.call("c1"),
        offset=9,
        first_offset=4,
        key=None,
        value=b"\x00\xff" * 9,
        headers=(),
        unreadable="offsets 4 to 9: its batch unpacks to more than 33554432 bytes",
    )
    events = await desk.take([whole])
    # On the topic of the calls, a person is to look for them.
    assert kinds(events) == ["input.rejected", "escalation.raised"]
    letter = body(events[0])
    assert (letter["first_offset"], letter["offset"]) == (4, 9)
    assert letter["reasons"][0]["reason"].startswith("can't be read: offsets 4 to 9: ")
    # Read again, it is known: what has not been published yet is all that comes.
    assert await desk.take([whole]) == events
    assert (await desk.noted("broker-1"))[whole.topic, whole.partition] == 10
