"""What a side has made of some calls, in a form in which two sides can be compared."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from benchmarks.bed import PARTITIONS, Bed, open_bed
from benchmarks.sides.side import Side, running
from dispatch.errors import StackError
from dispatch.stack.embedded import Stack
from dispatch.store.plan import read_plan

LIMIT: Final = 60.0  # seconds
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.:+Z-]*")
_MEASURED: Final = re.compile(r'("(?:took|left)_seconds":) *[0-9.e-]+')
# What differs between two runs of one side: where it was said when, and what follows from that.
_OWN: Final = frozenset({"ce_id", "ce_time"})

Outputs = dict[tuple[str, str | None], list[Any]]


async def outputs(stack: Stack, side: Side, calls: int, batch_size: int) -> Outputs:
    """Let a side deal with some calls; return every event, in order, by topic and key.

    The calls stand on one partition, so that every side takes them in the same order. Times and
    what clocks have measured are blotted out; ids are left out.
    """
    async with (
        open_bed(stack, units=calls) as bed,
        running(side, bed, batch_size) as worker,
    ):
        await bed.publish(range(calls), partition=0)
        await bed.settled(calls, LIMIT, worker.processes)
        await bed.committed(calls)
        return await _read(bed)


async def compare(
    stack: Stack, sides: Sequence[Side], *, calls: int, log: Callable[[str], object]
) -> dict[str, Any]:
    """Have every side deal with the same calls; return how many events all have made alike.

    Raises StackError when one differs from the first.
    """
    first, *others = sides
    expected = await outputs(stack, first, calls, first.usual_batch_size)
    for other in others:
        found = await outputs(stack, other, calls, other.usual_batch_size)
        for key in sorted(expected.keys() | found.keys(), key=str):
            if expected.get(key) != found.get(key):
                raise StackError(
                    f"{other.name} differs from {first.name} at {key}: {found.get(key)}, "
                    f"not {expected.get(key)}"
                )
        log(f"{other.name} makes the same of {calls} calls as {first.name}")
    return {
        "calls": calls,
        "sides": [side.name for side in sides],
        "events": sum(len(events) for events in expected.values()),
    }


async def _read(bed: Bed) -> Outputs:
    plan = read_plan(bed.plan)
    main = {topic.name for topic in plan.topics.values()}
    names = [name for name, topic in plan.topics.items() if topic.direction == "output"]
    partitions = [
        TopicPartition(bed.prefix + name, number)
        for name in names
        for number in range(PARTITIONS if name in main else 1)
    ]
    found: Outputs = defaultdict(list)
    latest: dict[tuple[str, str | None], int] = {}
    async with AIOKafkaConsumer(
        bootstrap_servers=bed.stack.bootstrap, enable_auto_commit=False
    ) as consumer:
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        logged: int = await bed.database.fetchval("SELECT count(*) FROM events")
        # Copies in topics of one reader's own are beside those that are logged.
        while sum(len(events) for (name, _), events in found.items() if name in main) < logged:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    topic = record.topic.removeprefix(bed.prefix)
                    key = None if record.key is None else record.key.decode()
                    sequence = int(dict(record.headers)["ce_sequence"])
                    # As every reader does: what was published again is dropped.
                    if sequence > latest.get((topic, key), 0):
                        latest[topic, key] = sequence
                        found[topic, key].append(_plain(record))
    return dict(found)


def _plain(record: ConsumerRecord[bytes, bytes]) -> Any:
    said = {name: value for name, value in record.headers if name.startswith("ce_")}
    data = _TIME.sub("(time)", (record.value or b"").decode())
    data = _MEASURED.sub(r"\1 0", data)
    return (
        {name: value.decode() for name, value in sorted(said.items()) if name not in _OWN},
        orjson.loads(data),
    )
