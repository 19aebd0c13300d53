"""What came in time counts, however late it is read."""

from aiokafka import AIOKafkaProducer

from tests.apache_kafka import ApacheKafka
from tests.integration.agents.bench import PARTITIONS, Bench, until

CALLS = [f"call{number}/0" for number in range(8)]


async def test_an_input_from_before_the_end_of_a_limit_takes_effect_before_it(
    bench: Bench,
) -> None:
    bench.gate.shut("taken")
    await bench.send(CALLS)
    bench.start()

    async def reading() -> bool:
        return bench.gate.waiting("taken")

    await until(reading)
    looks = await bench.database.fetchval("SELECT last_value FROM looks_at_positions")
    await bench.database.execute("INSERT INTO timers VALUES ('call0', clock_timestamp())")

    async def looked_for_inputs() -> bool:
        return bool(
            await bench.database.fetchval(
                "SELECT last_value > $1 FROM looks_at_positions", looks + 20
            )
        )

    await until(looked_for_inputs)
    assert await logged(bench) == []
    bench.gate.open("taken")

    async def fired() -> bool:
        return "timer.fired" in await logged(bench)

    await until(fired)
    assert await logged(bench) == ["call.decided"] * len(CALLS) + ["timer.fired"]


async def test_what_producers_leave_beside_records_is_no_unread_input(
    bench: Bench, apache_kafka: ApacheKafka
) -> None:
    bench.start()
    async with AIOKafkaProducer(
        bootstrap_servers=apache_kafka.bootstrap, transactional_id=bench.prefix
    ) as producer:
        for partition in range(PARTITIONS):
            async with producer.transaction():
                await producer.send_and_wait(
                    bench.topic("calls"),
                    b"{}",
                    key=f"call{partition}".encode(),
                    partition=partition,
                    headers=[("ce_id", f"call{partition}/0".encode())],
                )

    async def noted() -> bool:
        rows = await bench.database.fetch("SELECT next FROM positions ORDER BY partition")
        # Each time the record and the mark of its transaction.
        return [row["next"] for row in rows] == [2] * PARTITIONS

    await until(noted)
    await bench.check_effects([f"call{partition}/0" for partition in range(PARTITIONS)])


async def logged(bench: Bench) -> list[str]:
    rows = await bench.database.fetch("SELECT type FROM log ORDER BY position")
    return [row["type"] for row in rows]
