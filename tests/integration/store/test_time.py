"""The time is the database's: whatever a worker's machine says, and whichever server tells it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest_asyncio

from dispatch.clock import wall_now
from dispatch.policy.pack import load_pack
from dispatch.store.database_clock import DatabaseClock
from dispatch.store.desk import Desk
from tests.integration.store.conftest import (
    PREFIX,
    HandClock,
    Post,
    fire_due,
    kinds,
    of_kind,
    small_city,
)

OpenDesk = Callable[[float], Awaitable[Desk]]


def ahead_by(seconds: float) -> DatabaseClock:
    """Return the clock of a worker whose machine is ahead."""
    return DatabaseClock(wall=lambda: wall_now() + timedelta(seconds=seconds))


@pytest_asyncio.fixture
async def open_on(migrated: str) -> AsyncIterator[OpenDesk]:
    """Yield a function that opens a desk on a machine that is ahead by some seconds."""
    desks: list[Desk] = []

    async def opened(seconds: float) -> Desk:
        desk = Desk(
            {"dsn": migrated},
            plan=small_city(6),
            pack=load_pack("covid-19"),
            clock=ahead_by(seconds),
            topic_prefix=PREFIX,
        )
        desks.append(desk)
        await desk.open()
        return desk

    yield opened
    for desk in desks:
        await desk.close()


async def let_pass(dsn: str, seconds: float) -> None:
    """Let the city's time be so much later: as if a server had had it whose clock was ahead."""
    await execute(
        dsn,
        "UPDATE centre SET last_now = clock_timestamp() + make_interval(secs => $1),"
        " last_clock = clock_timestamp()",
        seconds,
    )


async def execute(dsn: str, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


def post_of_today() -> Post:
    return Post(HandClock(wall_now()))


async def test_a_worker_that_is_fast_withdraws_no_order(open_on: OpenDesk, migrated: str) -> None:
    right, fast = await open_on(0), await open_on(90)
    post = post_of_today()
    orders = []
    for number in range(3):
        desk = (right, fast)[number % 2]
        orders += of_kind(await desk.take([post.call(f"c{number}")]), "order.issued")
    assert len(orders) == 3
    told = [datetime.fromisoformat(each["at"]) for each in orders]
    assert told == sorted(told)
    assert all(abs((at - wall_now()).total_seconds()) < 30 for at in told)
    for desk in (fast, right):
        assert "order.withdrawn" not in kinds(await fire_due(desk))
    units = [desk._city.units for desk in (fast, right)]
    assert not any(unit.status == "out_of_service" for some in units for unit in some.values())
    # When their minute is over, it is over for both.
    await let_pass(migrated, 61)
    await right.take([post.unit("T1", staffed=True)])
    assert "order.withdrawn" in kinds(await fire_due(right))


async def test_the_time_goes_on_on_a_server_whose_clock_is_behind(
    open_on: OpenDesk, migrated: str
) -> None:
    desk = await open_on(0)
    post = post_of_today()
    # The server before this one was ninety seconds ahead, and decided by its clock.
    await let_pass(migrated, 90)
    times = []
    for number in range(3):
        await desk.take([post.call(f"c{number}")])
        times.append(desk._city.now)
    assert times == sorted(times)
    assert len(set(times)) == 3
    assert all(85 < (at - wall_now()).total_seconds() < 95 for at in times)
    # Between transactions it is known, too.
    assert desk._clock.now() >= times[-1]
    # Another worker begins there.
    other = await open_on(-3_600)
    await other.take([post.unit("T1", staffed=True)])
    assert other._city.now > times[-1]


async def test_a_clock_that_has_caught_up_counts_again(open_on: OpenDesk, migrated: str) -> None:
    desk = await open_on(0)
    await execute(
        migrated,
        "UPDATE centre SET last_now = clock_timestamp() - interval '1 hour' + interval '6 min',"
        " last_clock = clock_timestamp() - interval '1 hour'",
    )
    await desk.take([post_of_today().unit("T1", staffed=True)])
    assert abs((desk._city.now - wall_now()).total_seconds()) < 5


async def test_it_is_measured_how_wrong_the_machines_clock_is(open_on: OpenDesk) -> None:
    for seconds in (0, 90, -3_600):
        desk = await open_on(seconds)
        offset = await desk.clock_offset()
        assert offset is not None
        assert abs(offset - seconds) < 1
        assert abs((desk._clock.now() - wall_now()).total_seconds()) < 1


async def test_a_scenario_has_its_own_time(
    open_desk: Callable[..., Any], post: Post, clock: HandClock
) -> None:
    desk: Desk = await open_desk()
    assert await desk.clock_offset() is None
    clock.forward(-86_400)
    (decided, *_) = of_kind(await desk.take([post.call("c1")]), "call.decided")
    assert datetime.fromisoformat(decided["decision"]["decided_at"]) == clock.time
