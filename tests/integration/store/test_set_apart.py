"""Who is refused too often waits by itself: nothing of it is lost, and nobody else waits."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from dispatch.checker.history import Input, Told
from dispatch.checker.inputs import inputs_lost
from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.store.counted import MOST_FOUND
from dispatch.store.database import Transaction
from dispatch.store.desk import Desk
from dispatch.store.guards import Clash
from dispatch.store.refusals import MOST_IN_WINDOW, MOST_KEPT, MOST_OF_OTHERS, OTHERS
from dispatch.store.set_apart import AT_ONCE
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.envelope import Outgoing, Record
from tests.integration.store.conftest import HandClock, Post, body, header, kinds, of_kind


def sent_by(record: Record, source: str) -> Record:
    headers = tuple(
        (name, source.encode() if name == "ce_source" else value) for name, value in record.headers
    )
    return replace(record, headers=headers)


def bad(post: Post, count: int, source: str = "flood") -> list[Record]:
    """Return answers without anything that an answer needs."""
    return [
        sent_by(post.record("calls", "call.answered", f"b{n}", b"{}"), source) for n in range(count)
    ]


def raised(events: Sequence[Outgoing]) -> list[dict[str, Any]]:
    """Return what is raised of senders; a call that can't be read is raised, too."""
    escalations = of_kind(events, "escalation.raised")
    return [each for each in escalations if each["kind"] == "source_set_apart"]


async def take(desk: Desk, records: Sequence[Record]) -> list[Outgoing]:
    """Let records be taken, and their events published."""
    return await published(desk, await desk.take(records))


async def published(desk: Desk, events: Sequence[Outgoing]) -> list[Outgoing]:
    await desk.published(events)
    return list(events)


async def settled(desk: Desk) -> list[Outgoing]:
    """Deal with all that waits apart."""
    told: list[Outgoing] = []
    while (events := await desk.settle_apart()) is not None:
        told += await published(desk, events)
    return told


async def flooded(desk: Desk, post: Post, source: str = "flood") -> list[Outgoing]:
    """Let a source be set apart."""
    return await take(desk, bad(post, MOST_IN_WINDOW + 1, source))


def counted(events: Sequence[Outgoing]) -> int:
    return sum(letter["count"] for letter in of_kind(events, "inputs.refused"))


def letters(events: Sequence[Outgoing]) -> int:
    return len(of_kind(events, "input.rejected"))


async def waiting(desk: Desk) -> int:
    return (await desk.health()).set_apart


async def test_who_is_refused_too_often_is_set_apart_and_told_of_once(
    desk: Desk, post: Post
) -> None:
    events = await flooded(desk, post)
    (told,) = raised(events)
    assert (told["kind"], told["subject"]) == ("source_set_apart", "flood")
    assert await take(desk, bad(post, 500)) == []
    assert await waiting(desk) == 500
    assert raised(await settled(desk)) == []
    assert await waiting(desk) == 0


async def test_nobody_else_is_set_apart(desk: Desk, post: Post) -> None:
    await flooded(desk, post)
    others = sent_by(post.call("c1"), "console")
    elsewhere = sent_by(post.unit("R1", status="available"), "flood")
    events = await take(desk, [*bad(post, 10), others, elsewhere])
    assert [each["call_id"] for each in of_kind(events, "call.decided")] == ["c1"]
    assert await waiting(desk) == 10


async def test_as_many_refusals_as_anybody_may_have_set_nobody_apart(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    for _ in range(3):
        await take(desk, bad(post, MOST_IN_WINDOW // 3))
        clock.forward(3_600)
    events = await take(desk, bad(post, MOST_IN_WINDOW))
    assert letters(events) == MOST_IN_WINDOW
    assert raised(events) == []
    assert len(raised(await take(desk, bad(post, 1)))) == 1


async def test_what_is_good_in_a_flood_takes_effect_in_its_order(desk: Desk, post: Post) -> None:
    await flooded(desk, post)
    call = sent_by(post.call("c1"), "flood")
    answer = sent_by(
        post.record(
            "calls", "call.cancelled", "c1",
            {"call_id": "c1", "at": "2022-03-01T00:00:00Z", "by": "d", "reason": "r"},
        ),
        "flood",
    )  # fmt: skip
    assert await take(desk, [*bad(post, 300), call]) == []
    assert await take(desk, [answer, *bad(post, 300)]) == []
    events = await settled(desk)
    assert [each["call_id"] for each in of_kind(events, "call.decided")] == ["c1"]
    assert len(of_kind(events, "incident.cancelled")) == 1


async def test_those_who_wait_have_their_turn_one_after_the_other(desk: Desk, post: Post) -> None:
    for source in ("a", "b", "c"):
        await flooded(desk, post, source)
    for source in ("a", "b", "c"):
        await take(desk, bad(post, 2 * AT_ONCE, source))
    turns = []
    while (events := await desk.settle_apart()) is not None:
        await desk.published(events)
        turns += [each["source"] for each in of_kind(events, "inputs.refused")]
    assert turns == ["a", "b", "c", "a", "b", "c"]


async def test_every_input_of_a_flood_is_accounted_for(desk: Desk, post: Post) -> None:
    sent = bad(post, 1_000)
    events: list[Outgoing] = []
    for at in range(0, 1_000, 250):
        events += await take(desk, sent[at : at + 250])
    events += await settled(desk)
    assert letters(events) == MOST_KEPT
    assert counted(events) == 1_000 - MOST_KEPT
    assert len(of_kind(events, "inputs.refused")) < 10
    assert_accounted_for(events, sent, lost=0)
    # One of its letters less, and the checker finds what it was about.
    last = max(n for n, event in enumerate(events) if header(event, "ce_type") == "inputs.refused")
    gone = body(events.pop(last))["count"]
    assert_accounted_for(events, sent, lost=gone)


def assert_accounted_for(events: Sequence[Outgoing], sent: Sequence[Record], *, lost: int) -> None:
    told: dict[str, list[Told]] = {"input.rejected": [], "inputs.refused": []}
    for event in events:
        if (kind := header(event, "ce_type")) in told:
            told[kind].append(Told(_Read(header(event, "ce_cause")), body(event)))
    kept = {letter.event.cause for letter in told["input.rejected"]}
    inputs = []
    for record in sent:
        identity = f"flood#{dict(record.headers)['ce_id'].decode()}"  # type: ignore[union-attr]
        outcome = "rejected" if identity in kept else None
        place = (record.topic, record.partition, record.offset)
        inputs.append(Input(identity, "call.answered", "calls", None, outcome, place))
    assert len(list(inputs_lost(told, inputs))) == lost


class _Read:
    def __init__(self, cause: str) -> None:
        self.cause = cause

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


async def test_what_is_read_again_counts_once(open_desk: Callable[..., Any], post: Post) -> None:
    desk = await open_desk()
    sent = bad(post, 1_000)
    events: list[Outgoing] = []
    for _ in range(2):
        for at in range(0, 1_000, 250):
            events += await take(desk, sent[at : at + 250])
    events += await settled(desk)
    heir = await open_desk()
    events += await take(heir, sent[:250])
    events += await settled(heir)
    assert counted(events) == 1_000 - MOST_KEPT
    # A new process gives letters anew, also to what was counted: better twice than not at all.
    own = {letter["offset"] for letter in of_kind(events, "input.rejected")}
    assert len(own) == 2 * MOST_KEPT
    assert_accounted_for(events, sent, lost=0)


async def test_who_comes_after_a_restart_waits_behind_what_was_left(
    open_desk: Callable[..., Any], post: Post
) -> None:
    before = await open_desk()
    await flooded(before, post)
    await take(before, [sent_by(post.call("c1"), "flood")])
    await before.close()
    heir = await open_desk()
    assert await take(heir, [sent_by(post.call("c2"), "flood")]) == []
    events = await settled(heir)
    assert [each["call_id"] for each in of_kind(events, "call.decided")] == ["c1", "c2"]


async def test_another_worker_hears_who_is_set_apart(
    open_desk: Callable[..., Any], post: Post
) -> None:
    one, other = await open_desk(), await open_desk()
    await flooded(one, post)
    await take(one, bad(post, 10))
    assert await other.hear_of_set_apart()
    assert await take(other, [sent_by(post.call("c1"), "flood")]) == []
    assert await waiting(other) == 11


async def test_who_was_quiet_for_a_while_is_like_everybody_else(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    await flooded(desk, post)
    await take(desk, bad(post, 10))
    clock.forward(9)
    await settled(desk)
    assert await take(desk, [sent_by(post.call("c1"), "flood")]) == []
    clock.forward(11)
    # What still waits comes first, however quiet it has been.
    assert "call.decided" in kinds(await settled(desk))
    await settled(desk)
    events = await take(desk, [sent_by(post.call("c2"), "flood")])
    assert [each["call_id"] for each in of_kind(events, "call.decided")] == ["c2"]


async def test_one_that_cannot_be_processed_takes_nothing_else_along(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flooded(desk, post)
    handle = handling.handle

    def defective(city: City, event: Any, digest: str) -> None:
        handle(city, event, digest)
        if getattr(event, "call_id", "") == "c2":
            raise ZeroDivisionError

    monkeypatch.setattr(handling, "handle", defective)
    await take(desk, [sent_by(post.call(f"c{n}"), "flood") for n in (1, 2, 3)])
    events = await settled(desk)
    assert [each["call_id"] for each in of_kind(events, "call.decided")] == ["c1", "c3"]
    (letter,) = of_kind(events, "input.rejected")
    assert letter["reasons"][0]["reason"] == "could not be processed (ZeroDivisionError)"


async def test_one_client_that_changes_its_name_each_time_is_set_apart_as_well(
    desk: Desk, post: Post
) -> None:
    known = sent_by(post.call("c1"), "console")
    await take(desk, [known])
    changing = [
        sent_by(record, f"flood-{n}") for n, record in enumerate(bad(post, MOST_OF_OTHERS + 100))
    ]
    events = await take(desk, changing[: MOST_OF_OTHERS + 1])
    (told,) = raised(events)
    assert told["subject"] == OTHERS
    events = await take(
        desk, [*changing[MOST_OF_OTHERS + 1 :], sent_by(post.call("c2"), "console")]
    )
    assert [each["call_id"] for each in of_kind(events, "call.decided")] == ["c2"]
    assert await waiting(desk) == 99


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("ce_source", None),),
        (("ce_source", b""),),
        (("ce_source", b"\xff"),),
        (("ce_source", b"a\x00b"),),
        (("ce_source", b"x" * 300),),
        ((("\x00\udcff"), b"\x00"), ("ce_id", b"1")),
    ],
)
async def test_who_says_nothing_of_itself_is_set_apart_by_topic(
    desk: Desk, post: Post, headers: tuple[tuple[str, bytes | None], ...]
) -> None:
    flood = [replace(record, headers=headers) for record in bad(post, MOST_IN_WINDOW + 51)]
    events = await take(desk, flood[: MOST_IN_WINDOW + 1])
    (told,) = raised(events)
    assert told["subject"] == "(none)"
    assert await take(desk, flood[MOST_IN_WINDOW + 1 :]) == []
    assert counted(await settled(desk)) == 50


async def test_what_is_held_apart_comes_out_as_it_came(desk: Desk, post: Post) -> None:
    await flooded(desk, post)
    odd = replace(
        post.call("c1"),
        key=b"\xff\x00",
        value=b"\x00\xfe",
        headers=(*write_headers(event_id="odd", event_type="unit.reported", at=post.clock.now(),
                                subject=None, source="flood"), ("n\x00", b"\x00\xff"), ("m", None)),
    )  # fmt: skip
    nothing = replace(odd, offset=odd.offset + 1_000_000, key=None, value=None)
    await take(desk, [odd, nothing])
    first, second = of_kind(await settled(desk), "input.rejected")
    assert (first["key_base64"], first["value_base64"]) == ("/wA=", "AP4=")
    assert first["headers_base64"][-2:] == [["n\\u0000", "AP8="], ["m", ""]]
    assert (second["key_base64"], second["value_base64"]) == (None, None)


async def test_what_waits_apart_comes_back_as_it_was(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flooded(desk, post)
    plain = bad(post, 1)[0]
    odd = [
        replace(plain, key=None, value=None),
        replace(plain, key=bytes(range(256)), value="呼伦贝尔".encode() + b"\x00\xff"),
        replace(plain, headers=(*plain.headers, ("\udcff", None), ("é", bytes(range(256))))),
        replace(plain, unreadable="its batch has a wrong checksum", first_offset=3, offset=9),
    ]
    read: list[Record] = []
    kept = desk._read

    def note(record: Record) -> Any:
        read.append(record)
        return kept(record)

    assert await take(desk, odd) == []
    monkeypatch.setattr(desk, "_read", note)
    await settled(desk)
    assert read == odd


async def test_what_is_known_of_senders_says_how_much_is_only_written_down(
    desk: Desk, post: Post
) -> None:
    assert desk.set_apart(bad(post, 3)) == 0
    await flooded(desk, post)
    assert desk.set_apart([*bad(post, 3), *bad(post, 2, "console")]) == 3


def failing(monkeypatch: pytest.MonkeyPatch, call_id: str) -> None:
    """Let each input about a call fail for a reason of the service's own."""
    handle = handling.handle

    def defective(city: City, event: Any, digest: str) -> None:
        handle(city, event, digest)
        if getattr(event, "call_id", "") == call_id:
            raise ZeroDivisionError

    monkeypatch.setattr(handling, "handle", defective)


def cancelled(post: Post, call_id: str, source: str) -> Record:
    """Return the cancellation of a call."""
    body = {"call_id": call_id, "at": "2022-03-01T00:00:00Z", "by": "d", "reason": "r"}
    return sent_by(post.record("calls", "call.cancelled", call_id, body), source)


async def test_nobody_is_refused_for_what_another_sender_sent(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("a", "b"):
        await flooded(desk, post, source)
    await take(desk, [sent_by(post.call("c1"), "other"), sent_by(post.call("c2"), "other")])
    failing(monkeypatch, "c1")
    await take(desk, [cancelled(post, "c1", "a"), cancelled(post, "c2", "b")])
    events = await settled(desk)
    assert len(of_kind(events, "incident.cancelled")) == 1
    (letter,) = of_kind(events, "input.rejected")
    assert dict(letter["headers_base64"])["ce_source"] == "YQ=="  # a


async def test_somebody_whose_turn_has_come_meanwhile_is_not_refused(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("b", "a"):
        await flooded(desk, post, source)
    await take(desk, [sent_by(post.call("c1"), "other"), sent_by(post.call("c2"), "other")])
    failing(monkeypatch, "c1")
    await take(desk, [cancelled(post, "c1", "b")])
    transact = desk._transact

    async def after_another(work: Callable[[Transaction], Awaitable[Any]]) -> Any:
        try:
            return await transact(work)
        except ZeroDivisionError:
            monkeypatch.setattr(desk, "_transact", transact)
            await take(desk, [cancelled(post, "c2", "a")])
            raise

    monkeypatch.setattr(desk, "_transact", after_another)
    events = await settled(desk)
    assert len(of_kind(events, "incident.cancelled")) == 1
    (letter,) = of_kind(events, "input.rejected")
    assert dict(letter["headers_base64"])["ce_source"] == "Yg=="  # b


async def test_one_that_trickles_is_dealt_with_many_at_once_and_in_order(
    desk: Desk, post: Post
) -> None:
    await flooded(desk, post)
    await settled(desk)
    await take(desk, [sent_by(post.call(f"c{n}"), "other") for n in range(3)])
    records = [*bad(post, AT_ONCE), *(cancelled(post, f"c{n}", "flood") for n in range(3))]
    for record in records:
        await take(desk, [record])
    assert await waiting(desk) == len(records)
    first = await published(desk, await desk.settle_apart() or ())
    assert (counted(first) + letters(first), len(of_kind(first, "incident.cancelled"))) == (
        AT_ONCE,
        0,
    )
    rest = await published(desk, await desk.settle_apart() or ())
    assert [each["incident_id"] for each in of_kind(rest, "incident.cancelled")] == [
        "c0",
        "c1",
        "c2",
    ]
    assert await desk.settle_apart() is None


async def test_one_of_whom_most_takes_effect_need_not_wait_for_another_one(
    desk: Desk, post: Post
) -> None:
    for source in ("crews", "flood"):
        await flooded(desk, post, source)
    await take(desk, [sent_by(post.call(f"c{n}"), "other") for n in range(3)])
    await take(desk, bad(post, 3 * AT_ONCE))
    await take(desk, [cancelled(post, "c0", "crews")])

    async def turn() -> list[Outgoing] | None:
        assert await desk.hear_of_set_apart()
        events = await desk.settle_apart(worthwhile=True)
        return None if events is None else await published(desk, events)

    # Each has a turn first.
    assert len(of_kind(await turn() or (), "incident.cancelled")) == 1
    assert desk.refused_apart == 0.0
    assert counted(await turn() or ()) == AT_ONCE
    assert desk.refused_apart == 1.0
    assert await turn() is None
    mixed = [sent_by(each, "crews") for each in bad(post, 2)]
    await take(desk, [cancelled(post, "c1", "crews"), *mixed, cancelled(post, "c2", "crews")])
    assert len(of_kind(await turn() or (), "incident.cancelled")) == 2
    assert desk.refused_apart == 0.5
    assert await turn() is None
    # The other's turn comes as ever.
    assert counted(await published(desk, await desk.settle_apart() or ())) == AT_ONCE


async def test_those_who_go_on_meanwhile_take_nobody_out_of_the_round(
    desk: Desk, post: Post
) -> None:
    going_on, floods = ("b-crews", "d-crews"), ("a", "c", "e")
    await take(desk, [sent_by(post.call(f"c{n}"), "other") for n in range(6)])
    for number, source in enumerate((*going_on, *floods), 6):
        await take(desk, [sent_by(post.call(f"c{number}"), source)])
        await flooded(desk, post, source)
    for source in floods:
        await take(desk, bad(post, 3 * AT_ONCE, source))
    sources: list[str] = []

    async def turn(*, worthwhile: bool) -> None:
        assert await desk.hear_of_set_apart()
        events = await published(desk, await desk.settle_apart(worthwhile=worthwhile) or ())
        sources.extend(each["source"] for each in of_kind(events, "inputs.refused"))
        sources.extend("crews" for _ in of_kind(events, "incident.cancelled"))

    for _ in floods:
        await turn(worthwhile=True)
    for number in range(6):
        await take(desk, [cancelled(post, f"c{number}", going_on[number % 2])])
        await turn(worthwhile=True)
        await turn(worthwhile=False)
    assert sources == ["a", "c", "e", *("crews", "a", "crews", "c", "crews", "e") * 2]


async def test_those_who_go_on_meanwhile_have_their_turns_one_after_the_other(
    desk: Desk, post: Post
) -> None:
    for source in ("a", "b"):
        await flooded(desk, post, source)
    await take(desk, [sent_by(post.call(f"c{n}"), "other") for n in range(4 * AT_ONCE)])
    for begin, source in ((0, "a"), (2 * AT_ONCE, "b")):
        those = range(begin, begin + 2 * AT_ONCE)
        await take(desk, [cancelled(post, f"c{n}", source) for n in those])
    order = []
    for _ in range(4):
        assert await desk.hear_of_set_apart()
        events = await published(desk, await desk.settle_apart(worthwhile=True) or ())
        first = of_kind(events, "incident.cancelled")[0]
        order.append("a" if int(first["incident_id"][1:]) < 2 * AT_ONCE else "b")
    assert order == ["a", "b", "a", "b"]


async def test_a_transaction_that_is_decided_again_has_tried_each_once(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flooded(desk, post)
    await take(desk, [sent_by(post.call("c1"), "other")])
    await take(desk, [cancelled(post, "c1", "flood")])
    remedies = 0

    def clashing(*_: Any) -> None:
        nonlocal remedies
        remedies += 1
        # It would go on without end.
        assert remedies < 10
        if remedies % 2:
            raise asyncpg.UniqueViolationError
        raise ZeroDivisionError

    monkeypatch.setattr(handling, "handle", clashing)
    monkeypatch.setattr("dispatch.store.one_writer.clash", lambda _: Clash("id", ("c1",)))
    monkeypatch.setattr(desk, "_remedy", lambda _: True)
    events = await published(desk, await desk.settle_apart() or ())
    (letter,) = of_kind(events, "input.rejected")
    assert letter["reasons"][0]["reason"] == "could not be processed (ZeroDivisionError)"
    # Twice each with many at once and alone, where what waits for it would be spared.
    assert remedies == 4


async def test_what_has_waited_for_its_call_has_a_letter_of_its_own(desk: Desk, post: Post) -> None:
    refused = [sent_by(each, "flood") for each in waits(post)]
    assert await take(desk, refused) == []
    await take(desk, bad(post, MOST_KEPT, "flood"))
    events = await take(desk, [sent_by(post.call(each), "console") for each in ("c1", "c2")])
    assert letters(events) == len(refused)
    assert counted(events) == 0
    assert raised(events) == []


async def test_what_has_waited_is_not_of_the_sender_whose_call_it_waited_for(
    desk: Desk, post: Post
) -> None:
    refused = waits(post)
    await take(desk, refused)
    await flooded(desk, post)
    await take(desk, [sent_by(post.call(each), "flood") for each in ("c1", "c2")])
    events = await settled(desk)
    assert (letters(events), counted(events)) == (len(refused), 0)


def waits(post: Post) -> list[Record]:
    """Return what waits for two calls, and can never be: more than have letters of their own."""
    return [
        post.record(
            "calls",
            "call.overridden",
            call_id,
            {"call_id": call_id, "at": "2022-03-01T00:00:00Z", "by": "d", "reason": "r"}
            | {"unit_id": "R99"},
        )
        for call_id in ("c1", "c2")
        for _ in range(MOST_KEPT // 2 + 20)
    ]


async def test_a_batch_that_cannot_be_read_is_counted_whole(desk: Desk, post: Post) -> None:
    await flooded(desk, post)
    plain = [replace(each, unreadable="why") for each in bad(post, MOST_KEPT + 1)]
    first = plain[-1].offset
    packed = replace(plain[-1], first_offset=first, offset=first + 9)
    behind = replace(plain[-1], first_offset=first + 10, offset=first + 14)
    await take(desk, [*plain[:-1], packed, behind])
    events = await settled(desk)
    (letter,) = [each for each in of_kind(events, "inputs.refused") if each["field"] == "record"]
    assert letter["count"] == 15
    assert letter["places"] == [{"partition": 0, "first": first, "last": first + 14}]
    # Cut otherwise when it is read again, only what is new of it counts.
    await take(desk, [replace(packed, first_offset=first, offset=first + 19)])
    (letter,) = of_kind(await settled(desk), "inputs.refused")
    assert letter["places"] == [{"partition": 0, "first": first + 15, "last": first + 19}]


async def test_a_busy_source_that_is_right_again_is_like_everybody_else(
    open_desk: Callable[..., Any], post: Post, clock: HandClock
) -> None:
    one, other = await open_desk(), await open_desk()
    await flooded(one, post)
    await take(one, bad(post, 1))
    await other.hear_of_set_apart()
    for number in range(12):
        clock.forward(1)
        for desk in (one, other):
            await take(desk, [sent_by(post.call(f"c{number}"), "flood")])
        await settled(one)
        await other.hear_of_set_apart()
    for desk in (one, other):
        assert desk.set_apart(bad(post, 1)) == 0
    events = await take(one, [sent_by(post.call("c99"), "flood")])
    assert [each["call_id"] for each in of_kind(events, "call.decided")] == ["c99"]


async def test_who_goes_on_with_it_stays_set_apart(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    await flooded(desk, post)
    for _ in range(12):
        clock.forward(1)
        await take(desk, bad(post, 50))
        await settled(desk)
        await desk.hear_of_set_apart()
    assert desk.set_apart(bad(post, 1)) == 1


async def test_what_is_right_within_a_batch_counts_against_what_is_wrong(
    desk: Desk, post: Post
) -> None:
    calls = [sent_by(post.call(f"c{n}"), "flood") for n in range(MOST_IN_WINDOW // 2)]
    # Three times as many.
    wrong = bad(post, 3 * len(calls))
    assert raised(await take(desk, [wrong[0], *calls, *wrong[1:]])) == []
    (told,) = raised(await take(desk, bad(post, 1)))
    assert told["subject"] == "flood"


async def test_an_abandoned_transaction_has_refused_nobody(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = bad(post, MOST_IN_WINDOW // 2)
    write = desk._write
    known = sent_by(post.call("c1"), "flood-1")

    async def failing_write(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(desk, "_write", failing_write)
    for _ in range(4):
        with pytest.raises(ZeroDivisionError):
            await desk.take([known, *sent])
    monkeypatch.setattr(desk, "_write", write)
    events = await take(desk, sent)
    assert letters(events) == len(sent)
    assert raised(events) == []
    assert desk._apart._known == {}


async def test_an_abandoned_release_lets_nobody_go(
    desk: Desk, post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flooded(desk, post)
    await take(desk, [sent_by(post.call("c1"), "flood")])
    clock.forward(11)
    release = desk._apart.release

    async def then_fail(*arguments: Any) -> None:
        await release(*arguments)
        raise ZeroDivisionError

    monkeypatch.setattr(desk._apart, "release", then_fail)
    with pytest.raises(ZeroDivisionError):
        await desk.settle_apart()
    assert desk.set_apart(bad(post, 1)) == 1


def unreadable_calls(post: Post, count: int, source: str = "flood") -> list[Record]:
    """Return calls that nobody can read, each with a telephone in it."""
    return [
        sent_by(
            post.record("calls", "call.received", f"u{n}", b'{"phone": "1380000%04d", ' % n), source
        )
        for n in range(count)
    ]


def unreadable(events: Sequence[Outgoing]) -> list[dict[str, Any]]:
    escalations = of_kind(events, "escalation.raised")
    return [each for each in escalations if each["kind"] == "call_unreadable"]


async def test_each_call_that_comes_slowly_and_cannot_be_read_is_told_of(
    desk: Desk, post: Post, clock: HandClock
) -> None:
    events: list[Outgoing] = []
    for record in unreadable_calls(post, MOST_KEPT + 50):
        events += await take(desk, [record])
        clock.forward(1)
    assert len(unreadable(events)) == letters(events) == MOST_KEPT + 50
    assert raised(events) == []


async def test_a_flood_of_calls_that_cannot_be_read_is_told_of_together(
    desk: Desk, post: Post
) -> None:
    first = await take(desk, unreadable_calls(post, 2 * MOST_IN_WINDOW))
    assert len(unreadable(first)) == letters(first) == MOST_IN_WINDOW + 1
    events = await settled(desk)
    (told,), (letter,) = unreadable(events), of_kind(events, "inputs.refused")
    (place,) = letter["places"]
    assert letter["count"] == MOST_IN_WINDOW - 1
    where = f"{letter['topic']}/0/{place['first']}-{place['last']}"
    assert told["subject"] == where
    assert told["explanation"].startswith(f"99 calls of flood can't be taken ({where}): body: ")
    assert told["explanation"].count("1380000") == MOST_FOUND
    # What is read again is told of once.
    await take(desk, unreadable_calls(Post(post.clock), 2 * MOST_IN_WINDOW)[MOST_IN_WINDOW + 1 :])
    assert unreadable(await settled(desk)) == []


async def test_letters_of_two_sources_and_clusters_are_four(desk: Desk, post: Post) -> None:
    ids = []
    for source in ("a", "b"):
        await flooded(desk, post, source)
        for incarnation in ("one", "two"):
            (sent,) = bad(post, 1, source)
            await take(desk, [replace(sent, incarnation=incarnation, offset=1_000_000)])
            events = await settled(desk)
            ids += [header(e, "ce_id") for e in events if header(e, "ce_type") == "inputs.refused"]
    assert len(set(ids)) == len(ids) == 4


async def test_what_is_far_behind_is_counted_no_more(desk: Desk, post: Post, migrated: str) -> None:
    for source, offset in (("a", 0), ("b", 1_000), ("c", 2_000_000)):
        sent = bad(post, MOST_KEPT + 1, source)
        await take(desk, [replace(each, offset=offset + n) for n, each in enumerate(sent)])
    connection = await asyncpg.connect(migrated)
    try:
        rows = await connection.fetch("SELECT source FROM counted")
    finally:
        await connection.close()
    assert [row["source"] for row in rows] == ["c"]
