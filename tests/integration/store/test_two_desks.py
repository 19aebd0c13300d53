"""Two processes at one database: neither undoes, repeats or forgets what the other did."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from dispatch.agents.batch import Batch
from dispatch.agents.desk_work import DeskWork
from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.domain.model import Timer
from tests.integration.store.conftest import HandClock, Post, fire_due, kinds, of_kind

OpenDesk = Callable[..., Any]


async def test_a_timer_that_fails_in_both_takes_no_other_along(
    open_desk: OpenDesk, post: Post, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await open_desk(), await open_desk()
    await one.take([post.call(f"c{n}", symptoms=["fever"]) for n in range(2)])
    fire = handling.fire

    def defective(city: City, timer: Timer) -> None:
        if timer.subject == "c0":
            raise ZeroDivisionError
        fire(city, timer)

    clock.forward(45)
    assert of_kind(await fire_due(one), "clock.warned")
    monkeypatch.setattr(handling, "fire", defective)
    clock.forward(15)
    transact = one._transact
    attempts = 0

    async def overtaken(work: Any) -> Any:
        nonlocal attempts
        attempts += 1
        if attempts == 4:
            # The other process has met the same timer, and is faster.
            failed = await fire_due(two)
            assert "timer_failed" in [e["kind"] for e in of_kind(failed, "escalation.raised")]
        return await transact(work)

    monkeypatch.setattr(one, "_transact", overtaken)
    events = await fire_due(one)
    assert "timer_failed" not in [e["kind"] for e in of_kind(events, "escalation.raised")]
    rest = [*events, *await fire_due(one)]
    assert [e["call_id"] for e in of_kind(rest, "screening.expired")] == ["c1"]


async def test_what_another_closed_leaves_memory_too(open_desk: OpenDesk, post: Post) -> None:
    one, two = await open_desk(), await open_desk()
    await one.take([post.call("c1")])
    await two.take([post.call("c2")])
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        await one.take([post.unit("R1", status=status)])
    await two.take([post.unit("T1")])
    closed = await one.take(
        [
            post.hospital("H1", "handover.signed_by_hospital", handover_id="c1/A1/H1", by="n"),
            post.unit("R1", "handover.signed_by_crew", handover_id="c1/A1/H1", by="m"),
        ]
    )
    assert "incident.closed" in kinds(closed)
    await two.take([post.unit("T1")])
    for desk in (one, two):
        assert list(desk._city.incidents) == ["c2"]
        assert desk._city.handovers == {}


async def test_the_last_bed_is_kept_for_one_transfer_by_desks_and_database_alike(
    open_desk: OpenDesk, post: Post, migrated: str
) -> None:
    one, two = await open_desk(), await open_desk()
    await one.take([post.hospital("D1", "hospital.reported", rooms={"isolation": 1})])
    events = [
        event
        for outgoing in await asyncio.gather(
            one.take([post.transfer("T-1")]), two.take([post.transfer("T-2")])
        )
        for event in outgoing
    ]
    (reserved,) = of_kind(events, "bed.reserved")
    assert (reserved["hospital_id"], reserved["room"], reserved["place"]) == ("D1", "isolation", 1)
    assert "unplaced" in [told["status"] for told in of_kind(events, "transfer.progressed")]
    connection = await asyncpg.connect(migrated)
    try:
        with pytest.raises(asyncpg.UniqueViolationError, match="no_room_is_promised_twice"):
            await connection.execute(
                """INSERT INTO promises
                   SELECT 'T-9/B1', hospital_id, room, place, open FROM promises"""
            )
    finally:
        await connection.close()


async def test_what_was_decided_before_is_told_from_what_is_decided_now(
    open_desk: OpenDesk, post: Post
) -> None:
    one, two = await open_desk(), await open_desk()
    decided = await one.take([post.call("c1")])
    assert not any(event.earlier for event in decided)
    changed = await two.take([post.unit("R1", status="rolling")])
    before = {event.position for event in changed if event.earlier}
    assert before
    assert before <= {event.position for event in decided}
    assert before == await two.still_unpublished([event.position for event in changed]) & before
    await one.published(decided)
    assert not await two.still_unpublished(sorted(before))
    # What is read again was decided before, too.
    again = await two.take([replace(post.unit("R1", status="rolling"), offset=0)])
    assert all(event.earlier for event in again if event.position in before)


async def test_nothing_is_published_twice_while_two_workers_take_turns(
    open_desk: OpenDesk, post: Post
) -> None:
    """Calls come to one worker and their crews' reports to the other, while both publish."""
    desks = [await open_desk(units=12), await open_desk(units=12)]
    sent: list[int] = []

    class Broker:
        async def publish(self, events: Any) -> None:
            await asyncio.sleep(0.02)
            sent.extend(event.position for event in events)

    works = [DeskWork(desk, Broker(), batch_size=100) for desk in desks]  # type: ignore[arg-type]
    waiting: list[Batch] = []

    async def put(worker: int, record: Any) -> None:
        batch = Batch([record], asyncio.get_running_loop().create_future())

        async def one() -> Any:
            yield batch

        await works[worker].serve(one())
        waiting.append(batch)

    async with works[0], works[1]:
        for number in range(4):
            await put(0, post.call(f"c{2 * number}"))
            await waiting[-1].done
            for status in ("rolling", "on_scene"):
                for unit in range(1, 5):
                    await put(1, post.unit(f"R{unit}", status=status))
                await put(0, post.call(f"c{2 * number + 1}", condition="critical"))
        await asyncio.gather(*(batch.done for batch in waiting))
    assert len(sent) == len(set(sent))
