"""Batches are decided in their order, in groups, while what was decided before is published."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from dispatch.agents.batch import Batch
from dispatch.agents.desk_work import DeskWork
from dispatch.errors import Unavailable
from dispatch.topics.envelope import Outgoing, Record

BATCH_SIZE = 4


def records(*names: str) -> list[Record]:
    return [Record("calls", 0, 0, 0, name.encode(), b"{}", ()) for name in names]


class Desk:
    """Each record is one event; what is not marked yet comes again, as the real desk has it."""

    def __init__(self) -> None:
        self.taken: list[list[str]] = []
        self.refused: list[str] = []
        self.unpublished: dict[int, Outgoing] = {}
        self.away = False
        self.poison: set[str] = set()
        self.free = asyncio.Event()
        self.free.set()
        # Whether each key is a stream of its own, as keys are; else all are one stream.
        self.of_stream = False
        self._seen: set[str] = set()

    def lose_everything(self) -> None:
        self.unpublished.clear()
        self._seen.clear()

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        await self.free.wait()
        if self.away:
            raise Unavailable("the database is away")
        names = [(record.key or b"").decode() for record in records]
        if self.poison & set(names):
            raise ValueError("poison")
        self.taken.append(names)
        for name in names:
            if name not in self._seen:
                self._seen.add(name)
                position = len(self._seen)
                self.unpublished[position] = Outgoing(position, "out", name, (), b"{}")
        waiting = self.unpublished.values()
        return [event for event in waiting if not self.of_stream or event.key in names]

    async def refuse(self, record: Record, _error: Exception) -> Sequence[Outgoing]:
        self.refused.append((record.key or b"").decode())
        return ()

    async def still_unpublished(self, positions: Sequence[int]) -> set[int]:
        return self.unpublished.keys() & set(positions)

    async def published(self, events: Sequence[Outgoing]) -> None:
        for event in events:
            self.unpublished.pop(event.position, None)


class Publisher:
    """Takes what it is given when it is open, unless the brokers are away."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.given = 0
        self.away = False
        self.refuses: set[str] = set()
        self.open = asyncio.Event()
        self.open.set()

    async def publish(self, events: Sequence[Outgoing]) -> None:
        self.given += 1
        await self.open.wait()
        if self.away or self.refuses & {event.key or "" for event in events}:
            raise Unavailable("the brokers are away")
        self.sent.append([event.key or "" for event in events])


class Bench:
    """A desk, a publisher, and what is between them."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.publisher = Publisher()
        desk: Any = self.desk
        publisher: Any = self.publisher
        self.work = DeskWork(desk, publisher, batch_size=BATCH_SIZE)

    def batch(self, *names: str, before: Batch | None = None, alone: bool = False) -> Batch:
        done = asyncio.get_running_loop().create_future()
        return Batch(records(*names), done, before=before, alone=alone)

    async def put(self, *batches: Batch) -> None:
        async def each() -> AsyncIterator[Batch]:
            for batch in batches:
                yield batch

        await self.work.serve(each())

    async def two_on_their_way(self) -> tuple[Batch, Batch]:
        """Return a batch that is being published, and one decided meanwhile that follows it."""
        self.publisher.open.clear()
        first = self.batch("a")
        await self.put(first)
        await until(lambda: self.publisher.given)
        second = self.batch("b", before=first)
        await self.put(second)
        await until(lambda: second.in_effect)
        return first, second


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr("dispatch.agents.journal.note", lambda _events: None)
    bench = Bench()
    async with bench.work:
        yield bench


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - of no event
            await asyncio.sleep(0)


async def test_what_came_meanwhile_is_decided_as_one_in_its_order(bench: Bench) -> None:
    bench.desk.free.clear()
    batches = [bench.batch(name) for name in "abcdef"]
    await bench.put(*batches[:1])
    await asyncio.sleep(0)
    await bench.put(*batches[1:])
    bench.desk.free.set()
    await asyncio.gather(*(batch.done for batch in batches))
    others = bench.desk.taken[1:]
    assert list(chain.from_iterable(bench.desk.taken)) == list("abcdef")
    assert len(others) == 2
    assert max(map(len, others)) == BATCH_SIZE


async def test_the_next_is_decided_while_the_last_is_published(bench: Bench) -> None:
    first, second = await bench.two_on_their_way()
    assert not first.done.done()
    assert bench.publisher.given == 1
    bench.publisher.open.set()
    await asyncio.gather(first.done, second.done)
    # What was on its way to the brokers when the second was decided is not sent again.
    assert bench.publisher.sent == [["a"], ["b"]]
    assert not bench.desk.unpublished


async def test_a_batch_waits_for_the_one_before_it(bench: Bench) -> None:
    bench.desk.away = True
    first = bench.batch("a")
    second = bench.batch("b", before=first)
    await bench.put(first)
    with pytest.raises(Unavailable):
        await first.done
    bench.desk.away = False
    await bench.put(second)
    with pytest.raises(Unavailable, match="before these"):
        await second.done
    assert not bench.desk.taken
    again = bench.batch("a", alone=True)
    following = bench.batch("b", before=again)
    await bench.put(again, following)
    await asyncio.gather(again.done, following.done)
    assert bench.desk.taken == [["a"], ["b"]]


async def test_one_whose_predecessor_was_lost_on_the_way_is_not_decided(bench: Bench) -> None:
    lost = bench.batch("a")
    second = bench.batch("b", before=lost)
    await bench.put(second)
    with pytest.raises(Unavailable):
        await second.done
    assert not bench.desk.taken


async def test_what_the_brokers_did_not_take_goes_out_before_what_follows(bench: Bench) -> None:
    first, second = await bench.two_on_their_way()
    bench.publisher.away = True
    bench.publisher.open.set()
    with pytest.raises(Unavailable):
        await first.done
    with pytest.raises(Unavailable):
        await second.done
    bench.publisher.away = False
    third = bench.batch("c")
    await bench.put(third)
    await third.done
    assert bench.publisher.sent == [["a", "b", "c"]]


async def test_a_record_that_cannot_be_processed_costs_no_other(bench: Bench) -> None:
    bench.desk.free.clear()
    bench.desk.poison = {"c"}
    batches = [bench.batch("x"), bench.batch("a", "b"), bench.batch("c", "d")]
    await bench.put(*batches)
    bench.desk.free.set()
    await asyncio.gather(*(batch.done for batch in batches))
    assert bench.desk.refused == ["c"]
    assert list(chain.from_iterable(bench.desk.taken)) == ["x", "a", "b", "d"]
    assert list(chain.from_iterable(bench.publisher.sent)) == ["x", "a", "b", "d"]


async def test_one_that_was_put_before_is_decided_by_itself(bench: Bench) -> None:
    bench.desk.free.clear()
    batches = [bench.batch("x"), bench.batch("a"), bench.batch("b", alone=True), bench.batch("c")]
    await bench.put(batches[0])
    await asyncio.sleep(0)
    await bench.put(*batches[1:])
    bench.desk.free.set()
    await asyncio.gather(*(batch.done for batch in batches))
    assert bench.desk.taken[-3:] in ([["a"], ["b"], ["c"]], [["x", "a"], ["b"], ["c"]])


async def test_a_partition_that_takes_nothing_does_not_keep_back_others(bench: Bench) -> None:
    """What is put again is published by itself, beside what else has to be."""
    bench.desk.of_stream = True
    bench.publisher.refuses = {"sick"}
    bench.publisher.open.clear()
    sick, well = bench.batch("sick", alone=True), bench.batch("well", alone=True)
    fresh = bench.batch("fresh")
    await bench.put(sick, well, fresh)
    await until(lambda: bench.publisher.given == 3)
    bench.publisher.open.set()
    await asyncio.gather(well.done, fresh.done)
    with pytest.raises(Unavailable):
        await sick.done


async def test_a_position_that_was_given_again_is_another_event(bench: Bench) -> None:
    """A database that has lost commits gives the positions that they had to other events."""
    bench.publisher.open.clear()
    lost = bench.batch("lost")
    await bench.put(lost)
    await until(lambda: bench.publisher.given)
    bench.desk.lose_everything()
    other = bench.batch("other")
    await bench.put(other)
    await until(lambda: other.in_effect)
    bench.publisher.open.set()
    await asyncio.gather(lost.done, other.done)
    assert bench.publisher.sent == [["lost"], ["other"]]


async def test_a_task_that_is_cancelled_by_nobody_is_a_crash(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled(_records: Any) -> Any:
        raise asyncio.CancelledError

    monkeypatch.setattr(bench.desk, "take", cancelled)
    await bench.put(bench.batch("a"))
    await until(lambda: bench.work.crashed)
    assert isinstance(bench.work.crash_reason, RuntimeError)


async def test_what_was_given_up_meanwhile_is_left_out(bench: Bench) -> None:
    bench.desk.free.clear()
    running, given_up, other = bench.batch("x"), bench.batch("a"), bench.batch("b")
    await bench.put(running)
    await asyncio.sleep(0)
    await bench.put(given_up, other)
    given_up.done.cancel()
    bench.desk.free.set()
    await asyncio.gather(running.done, other.done)
    assert list(chain.from_iterable(bench.desk.taken)) == ["x", "b"]


class Shared:
    """What two workers' desks have in common: the events that are not marked, in one stream."""

    def __init__(self) -> None:
        self.unmarked: dict[int, Outgoing] = {}
        self.last = 0


class OneOfTwo(Desk):
    """The desk of one of two workers: what the other has not marked yet comes first, as earlier."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared
        self.asked = 0

    async def take(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        shared = self._shared
        earlier = [replace(event, earlier=True) for event in shared.unmarked.values()]
        decided = []
        for record in records:
            shared.last += 1
            name = (record.key or b"").decode()
            key = name if name.startswith("own") else "stream"
            event = Outgoing(shared.last, "out", key, (), name.encode())
            shared.unmarked[event.position] = event
            decided.append(event)
        keys = {event.key for event in decided}
        return [event for event in earlier if event.key in keys] + decided

    async def still_unpublished(self, positions: Sequence[int]) -> set[int]:
        self.asked += 1
        return self._shared.unmarked.keys() & set(positions)

    async def published(self, events: Sequence[Outgoing]) -> None:
        for event in events:
            self._shared.unmarked.pop(event.position, None)


class Log(Publisher):
    """Notes what was published, in its order, on a topic that workers share."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self._log = log

    async def publish(self, events: Sequence[Outgoing]) -> None:
        self.given += 1
        await self.open.wait()
        self._log += [event.value.decode() for event in events]


class Two:
    """Two workers at one database."""

    def __init__(self) -> None:
        self.log: list[str] = []
        shared = Shared()
        self.desks = OneOfTwo(shared), OneOfTwo(shared)
        self.publishers = Log(self.log), Log(self.log)
        self.works = [
            DeskWork(desk, publisher, batch_size=BATCH_SIZE)  # type: ignore[arg-type]
            for desk, publisher in zip(self.desks, self.publishers, strict=True)
        ]

    async def put(self, worker: int, *names: str) -> Batch:
        batch = Batch(records(*names), asyncio.get_running_loop().create_future())

        async def one() -> AsyncIterator[Batch]:
            yield batch

        await self.works[worker].serve(one())
        await until(lambda: batch.in_effect)
        return batch


@pytest.fixture
async def two(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr("dispatch.agents.journal.note", lambda _events: None)
    two = Two()
    async with two.works[0], two.works[1]:
        yield two


async def test_what_another_worker_is_publishing_is_waited_for_and_not_published_twice(
    two: Two,
) -> None:
    two.publishers[0].open.clear()
    first = await two.put(0, "a")
    second = await two.put(1, "b", "own")
    await until(lambda: two.desks[1].asked)
    # What follows nothing of the other's does not wait.
    assert two.log == ["own"]
    two.publishers[0].open.set()
    await asyncio.gather(first.done, second.done)
    assert two.log == ["own", "a", "b"]


async def test_two_workers_that_follow_each_other_wait_for_nobody_in_vain(
    two: Two,
) -> None:
    for publisher in two.publishers:
        publisher.open.clear()
    batches = [await two.put(number % 2, f"{number}") for number in range(8)]
    for publisher in two.publishers:
        publisher.open.set()
    async with asyncio.timeout(60):
        await asyncio.gather(*(batch.done for batch in batches))
    assert two.log == [f"{number}" for number in range(8)]


async def test_what_another_worker_left_behind_goes_out_before_what_follows_it(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.agents.desk_work.ELSEWHERE_SECONDS", 0.01)
    two.publishers[0].open.clear()
    first = await two.put(0, "a")
    second = await two.put(1, "b")
    await second.done
    assert two.log == ["a", "b"]
    two.publishers[0].open.set()
    await first.done


async def test_what_timers_are_publishing_is_not_published_twice(two: Two) -> None:
    two.publishers[0].open.clear()
    of_timers = await two.desks[0].take(records("a"))
    publishing = asyncio.ensure_future(two.works[0].publish(of_timers))
    await until(lambda: two.publishers[0].given)
    batch = await two.put(0, "b")
    two.publishers[0].open.set()
    await asyncio.gather(publishing, batch.done)
    assert two.log == ["a", "b"]
