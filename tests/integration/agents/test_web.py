"""The pages, the relay and the timers of a running worker."""

import aiohttp
import orjson

from tests.integration.agents.bench import OUTPUTS, Bench, Worker, until

CALLS = [f"call{number % 7}/{number}" for number in range(30)]


async def get(worker: Worker, page: str) -> tuple[int, bytes]:
    """Return a page's status and body; status 0 while nobody listens."""
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{worker.port}{page}") as response,
        ):
            return response.status, await response.read()
    except aiohttp.ClientConnectionError:
        return 0, b""


async def test_a_worker_is_ready_once_assigned_and_able_to_write(bench: Bench) -> None:
    async def alive() -> bool:
        return (await get(worker, "/livez"))[0] == 200

    async def assigned_nothing() -> bool:
        status, body = await get(worker, "/readyz")
        return status == 503 and b"no partitions assigned" in body

    async def ready() -> bool:
        return (await get(worker, "/readyz"))[0] == 200

    async def without_database() -> bool:
        status, body = await get(worker, "/readyz")
        return status == 503 and orjson.loads(body)["reasons"] == ["database: can't be reached"]

    async with bench.database.transaction():
        # Until a worker may look where to begin, it is assigned nothing.
        await bench.database.execute(
            "SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE positions"
        )
        worker = bench.start()
        await until(alive)
        assert (await get(worker, "/readyz"))[0] == 503
        await until(assigned_nothing)
    await until(ready)
    await bench.stack.postgres.stop()
    try:
        await until(without_database)
    finally:
        await bench.stack.postgres.start()
    await bench.reconnect()
    await until(ready)


async def test_a_worker_that_waits_for_its_database_is_alive_and_not_ready(bench: Bench) -> None:
    await bench.stack.postgres.stop()
    try:
        worker = bench.start()

        async def waits() -> bool:
            return b"waiting for the infrastructure" in worker.log.read_bytes()

        await until(waits)
        assert (await get(worker, "/livez"))[0] == 200
        status, body = await get(worker, "/readyz")
        assert status == 503
        assert orjson.loads(body) == {
            "ready": False,
            "reasons": ["the worker is starting or stopping"],
        }
        _, body = await get(worker, "/metrics")
        assert b'dispatch_retries_total{work="start"}' in body
    finally:
        await bench.stack.postgres.start()
    await bench.reconnect()

    async def ready() -> bool:
        return (await get(worker, "/readyz"))[0] == 200

    await until(ready)


async def test_metrics_tell_what_was_decided_refused_and_is_behind(bench: Bench) -> None:
    worker = bench.start()
    await bench.send(CALLS, poison=["call3/3"])
    await bench.settled(len(CALLS) - 1)

    calls = bench.topic("calls").encode()

    async def counted() -> bool:
        # What a slow worker's relay has published again is counted again.
        decided, letters = [len(await bench.read(name)) for name in OUTPUTS]
        told = (
            b'dispatch_decisions_total{rule="R1"} %d.0' % decided,
            b'dispatch_dead_letters_total{field="other",refused="call.received"} %d.0' % letters,
            # Counted once the offsets are committed.
            b'dispatch_consumer_lag_records{partition="0",topic="%s"} 0.0' % calls,
            b"dispatch_unpublished_events 0.0",
            b"dispatch_batch_seconds_count",
        )
        _, body = await get(worker, "/metrics")
        return decided >= len(CALLS) - 1 and letters >= 1 and all(line in body for line in told)

    await until(counted)


async def test_timers_and_leftovers_are_published(bench: Bench) -> None:
    await bench.database.execute(
        "INSERT INTO sequences VALUES ('call1', 1);"
        f"INSERT INTO log (topic, key, type, sequence, value, logged_at) VALUES"
        f" ('{bench.topic('incidents')}', 'call1', 'left.over', 1, '{{}}', now() - interval '1 h')"
    )
    bench.start()
    await bench.database.execute("INSERT INTO timers VALUES ('call1', clock_timestamp())")
    await bench.settled(0)

    async def fired() -> bool:
        return len(await bench.read("incidents")) >= 2

    await until(fired)
    await bench.check_published()
