"""Whatever comes in, what goes out fits into a record of Kafka: 1 MiB, unless somebody said so."""

import hashlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from dispatch.domain import handling
from dispatch.planning.solve import solve
from dispatch.store import writing
from dispatch.store.dead_letters import MOST_HEADERS, MOST_OF_KEY, MOST_OF_VALUE
from dispatch.store.desk import Desk
from dispatch.topics.announcement import MOST_REASONS
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Outgoing, Record
from dispatch.topics.fields import MAX_BODY_BYTES
from dispatch.topics.incidents import CallRejected
from tests.integration.store.conftest import HandClock, Post, body, call_body, kinds, of_kind

KAFKAS_OWN = 1_048_588  # bytes: `max.message.bytes` where nobody has set it


def size(event: Outgoing) -> int:
    headers = sum(len(name) + len(value) + 10 for name, value in event.headers)
    return len(event.value) + len((event.key or "").encode()) + headers + 100


def batch(post: Post, **changes: Any) -> Record:
    request = orjson.loads(post.transfer("b1").value or b"")
    del request["transfer_id"]
    return post.record(
        "transfers", "transfer.batch.requested", "b1", {**request, "batch_id": "b1", **changes}
    )


def symptoms(post: Post, found: list[Any]) -> Record:
    said = {"call_id": "c1", "answered_at": timestamp(post.clock.now()), "symptoms": found}
    return post.record("calls", "call.answered", "c1", said)


def called_with(post: Post, found: list[Any]) -> Record:
    return post.record(
        "calls", "call.received", "c1", call_body("c1", post.clock.now(), symptoms=found)
    )


PATIENT = {"severity": "mild", "mobility": "walking", "needs": ["x" * 64] * 8}
HOSTILE: dict[str, Callable[[Post], Record]] = {
    "80,000 empty patients": lambda post: batch(post, patients=[{}] * 80_000),
    "500 patients that are none": lambda post: batch(post, patients=[{"?" * 400: 1}] * 500),
    "needs that nobody knows": lambda post: batch(
        post, patients=[PATIENT | {"patient_id": f"p{n}"} for n in range(300)]
    ),
    "symptoms that are none": lambda post: symptoms(post, [0] * 80_000),
    "500 wrong symptoms": lambda post: symptoms(post, ["x" * 500] * 500),
    "unknown keys": lambda post: with_value(post, dict.fromkeys(map(str, range(25_000)), 0)),
    "a long key of the body": lambda post: with_value(post, {"\x01" * 40_000: 0}),
    "a huge value": lambda post: replace(post.call("c1"), value=b"\xff" * 1_040_000),
    "a huge key": lambda post: replace(post.unit("U1"), key=b"\x01" * 1_000_000),
    "a huge header": lambda post: headed(post, ("x", b"x" * 900_000)),
    "a huge name": lambda post: headed(post, ("\x01" * 900_000, b"")),
    "many headers": lambda post: headed(post, *[("\x01", b"")] * 100_000),
    "everything": lambda post: replace(
        headed(post, *[("\x01" * 16, b"")] * 20_000), key=b"\x01" * 350_000, value=b"\xff" * 350_000
    ),
}


def with_value(post: Post, value: dict[str, int]) -> Record:
    return post.record("calls", "call.received", "c1", value)


def headed(post: Post, *headers: tuple[str, bytes | None]) -> Record:
    """Return a record with further headers, and without a body: they alone are no fault."""
    call = post.call("c1")
    return replace(call, value=b"", headers=(*call.headers, *headers))


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_refusal_of_anything_fits(desk: Desk, post: Post, name: str) -> None:
    record = HOSTILE[name](post)
    events = await desk.take([record, post.call("c2")])
    (letter,) = of_kind(events, "input.rejected")
    assert 1 <= len(letter["reasons"]) <= MOST_REASONS + 1
    assert max(map(size, events)) <= KAFKAS_OWN
    assert "call.decided" in kinds(events)
    assert await desk.leftovers(0, 100) == events
    for part, raw, most in (
        ("key", record.key, MOST_OF_KEY),
        ("value", record.value, MOST_OF_VALUE),
    ):
        assert raw is not None
        assert b64decode(letter[f"{part}_base64"]) == raw[:most]
        cut = [each for each in letter["cut"] if each["part"] == part]
        assert cut == (
            [{"part": part, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}]
            if len(raw) > most
            else []
        )


@pytest.mark.parametrize(
    "call",
    [
        lambda post: called_with(post, [0] * 80_000),
        lambda post: called_with(post, ["x" * 500] * 500),
        lambda post: replace(post.call("c1"), key=b"\x01" * 1_000_000),
    ],
)
async def test_a_call_is_taken_whatever_of_it_is_wrong_and_what_is_said_of_it_fits(
    desk: Desk, post: Post, call: Callable[[Post], Record]
) -> None:
    events = await desk.take([call(post)])
    assert "order.issued" in kinds(events)
    (warned,) = of_kind(events, "call.warned")
    assert 1 <= len(warned["warnings"]) <= MOST_REASONS + 1
    assert max(map(size, events)) <= KAFKAS_OWN


async def test_a_body_that_is_read_is_held_whole_with_its_headers(desk: Desk, post: Post) -> None:
    record = replace(post.call("c1"), value=b"{" + b" " * (MAX_BODY_BYTES - 1))
    (letter,) = of_kind(await desk.take([record]), "input.rejected")
    assert letter["cut"] == []
    assert b64decode(letter["value_base64"]) == record.value
    assert [(n, b64decode(v)) for n, v in letter["headers_base64"]] == list(record.headers)


async def test_headers_are_held_from_the_first_on_as_far_as_there_is_room(
    desk: Desk, post: Post
) -> None:
    record = post.call("c1")
    record = replace(record, headers=(*record.headers, *((f"n{n}", b"v") for n in range(500))))
    record = replace(record, value=b"")
    (letter,) = of_kind(await desk.take([record]), "input.rejected")
    assert len(letter["headers_base64"]) == MOST_HEADERS
    (cut,) = letter["cut"]
    whole = b"".join(name.encode() + (value or b"") for name, value in record.headers)
    assert cut == {
        "part": "headers", "bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest(),
    }  # fmt: skip


async def test_an_input_whose_effects_do_not_fit_is_refused_alone(
    desk: Desk, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = handling.handle

    def tell_at_length(city: Any, event: Any, digest: str) -> None:
        handle(city, event, digest)
        if event.call_id == "c1":
            city.emit(
                CallRejected(
                    call_id="x" * writing.EVENT_BYTES, at=city.now, refused="", reasons=[]
                ),
                key="c1",
            )

    monkeypatch.setattr(handling, "handle", tell_at_length)
    record = post.call("c1")
    with pytest.raises(writing.TooLarge) as caught:
        await desk.take([record])
    assert await desk.leftovers(0, 100) == []
    events = await desk.refuse(record, caught.value)
    assert kinds(events) == ["input.rejected", "call.rejected", "escalation.raised"]
    assert body(events[0])["reasons"][0]["reason"] == "could not be processed (TooLarge)"


async def test_what_the_largest_inputs_cause_fits(desk: Desk, post: Post, clock: HandClock) -> None:
    long = "\x01" * 2_000  # six characters each, as JSON
    named = dict.fromkeys(("chief_complaint", "requirement", "special_needs"), "丁" * 20000)
    call = call_body("c1", clock.now(), symptoms=["丁" * 60 + f"{n:04}" for n in range(300)])
    patients = [
        {
            "patient_id": f"{n}".rjust(64, "p"),
            "severity": "ordinary",
            "mobility": "walking",
            "name": "丁" * 100,
        }
        for n in range(500)
    ]
    supplies = {f"{n}".rjust(64, "i"): {"stock": 0, "daily_use": 1} for n in range(500)}
    rooms = dict.fromkeys((f"{n}".rjust(64, "r") for n in range(500 - 1)), 100_000)
    said = {"call_id": "c1", "at": timestamp(clock.now()), "by": long, "reason": long}
    inputs = [
        post.record("calls", "call.received", "c1", call | named),
        post.record("calls", "call.cancelled", "c1", said),
        batch(post, patients=patients, by=long),
        post.hospital("H1", "supplies.reported", items=supplies),
        post.hospital("D1", "hospital.reported", rooms=rooms, capacity=rooms),
    ]
    assert max(len(record.value or b"") for record in inputs) > 0.9 * MAX_BODY_BYTES
    told = list(await desk.take(inputs))
    task = await desk.planning_task("b1")
    assert task is not None
    whole = solve(task.problem, seconds=1)
    told += await desk.adopt("b1", task.revision, whole)
    expected = {"call.decided", "batch.planned", "supplies.alerted", "incident.cancelled"}
    assert expected <= set(kinds(told))
    assert "input.rejected" not in kinds(told)
    assert max(map(size, told)) <= KAFKAS_OWN


async def test_a_batch_may_not_grow_without_end(desk: Desk, post: Post) -> None:
    def some(first: int) -> list[dict[str, str]]:
        return [
            {"patient_id": f"p{first + n}", "severity": "mild", "mobility": "walking"}
            for n in range(400)
        ]

    await desk.take([batch(post, patients=some(0))])
    for first in (400, 800):
        amended = {"batch_id": "b1", "at": timestamp(post.clock.now()), "by": "n", "reason": "r"}
        events = await desk.take(
            [
                post.record(
                    "transfers",
                    "transfer.batch.amended",
                    "b1",
                    {**amended, "patients": some(first)},
                )
            ]
        )
        refused = of_kind(events, "transfer.rejected")
    assert [each["field"] for each in refused[0]["reasons"]] == ["patients"]


@pytest.mark.parametrize(
    ("event_type", "field", "level"),
    [
        ("supplies.reported", "items", {"stock": 0, "daily_use": 1}),
        ("hospital.reported", "rooms", 1),
    ],
)
async def test_what_a_hospital_reports_may_not_grow_without_end(
    desk: Desk, post: Post, event_type: str, field: str, level: Any
) -> None:
    for first in (0, 400):
        kinds_of_it = {f"k{first + n}": level for n in range(400)}
        events = await desk.take([post.hospital("H1", event_type, **{field: kinds_of_it})])
        refused = of_kind(events, "hospital.rejected")
        assert len(refused) == (first == 400)
    assert refused[0]["reasons"][0]["field"] == field
