"""Where a partition's log really ends.

The embedded broker answers the question for the end with the first offset of the last batch plus
one, which is too low after a batch of several records. What a fetch says of it is right: the high
watermark, which counts what belongs to open transactions, too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from dispatch.errors import Unavailable

ANSWER_SECONDS: Final = 5.0
# Those without an answer are asked again now and then, for a moment: the others wait meanwhile.
AGAIN_SECONDS: Final = 5.0
MOMENT_SECONDS: Final = 1.0

Ask = Callable[[Collection[TopicPartition]], Awaitable[dict[TopicPartition, int]]]

_FETCH_MS: Final = 200
_FETCHES: Final = 25


def readable_end(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int | None:
    """Return how far an assigned partition can be read, as its last fetch told; None before it.

    To a consumer that reads what is committed, the log ends before the first open transaction.
    """
    end: int | None = consumer.highwater(tp)
    stable: int | None = consumer.last_stable_offset(tp)
    return end if end is None or stable is None or stable < 0 else min(end, stable)


async def end_of_log(consumer: AIOKafkaConsumer, tp: TopicPartition, told: int) -> int:
    """Return the end of an assigned partition's log; `told` is what the broker says it is.

    The consumer stands somewhere else afterwards: seek before reading on.
    """
    return (await ends_of_logs(consumer, {tp: told}))[tp]


async def ends_of_logs(
    consumer: AIOKafkaConsumer, told: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Return the ends of the logs of some assigned partitions, as `end_of_log` does of one."""
    ends = dict(told)
    for tp, end in told.items():
        consumer.seek(tp, end)
    asked = set(told)
    for _ in range(_FETCHES):
        if not asked:
            break
        await consumer.getmany(*asked, timeout_ms=_FETCH_MS)
        for tp in list(asked):
            found: int | None = consumer.highwater(tp)
            if found is not None:
                ends[tp] = max(ends[tp], found)
                asked.discard(tp)
    return ends


async def ask_leaders(
    ask: Ask, partitions: Collection[TopicPartition], seconds: float = ANSWER_SECONDS
) -> dict[TopicPartition, int]:
    """Ask for offsets of partitions, of all at once, or of each where one has nobody to answer.

    `ask` is a consumer's `end_offsets` or `beginning_offsets`, which answer for all or for none:
    while one partition has no leader, nobody would learn of the others. Those whose leader has not
    answered after so many seconds are missing. Raises Unavailable when none has.
    """
    if not partitions:
        return {}

    async def some(asked: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        try:
            async with asyncio.timeout(seconds):
                return await ask(asked)
        except (TimeoutError, KafkaError, OSError):
            return {}

    if found := await some(partitions):
        return found
    for answer in await asyncio.gather(*(some([tp]) for tp in partitions)):
        found |= answer
    if not found:
        raise Unavailable("no leader tells where its partitions begin and end")
    return found


async def begin_and_end(
    consumer: AIOKafkaConsumer,
    partitions: Collection[TopicPartition],
    seconds: float = ANSWER_SECONDS,
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Return the first offsets and the next ones of those partitions whose leaders tell.

    The same limits and errors as those of `ask_leaders`, for each of the two.
    """
    firsts = await ask_leaders(consumer.beginning_offsets, partitions, seconds)
    return firsts, await ask_leaders(consumer.end_offsets, firsts.keys(), seconds)
