"""Where a partition's log really ends.

The embedded broker answers the question for the end with the first offset of the last batch plus
one, which is too low after a batch of several records. What a fetch says of it is right.
"""

from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

_FETCH_MS: Final = 200
_FETCHES: Final = 25


async def end_of_log(consumer: AIOKafkaConsumer, tp: TopicPartition, told: int) -> int:
    """Return the end of an assigned partition's log; `told` is what the broker says it is.

    The consumer stands somewhere else afterwards: seek before reading on.
    """
    consumer.seek(tp, told)
    for _ in range(_FETCHES):
        await consumer.getmany(tp, timeout_ms=_FETCH_MS)
        found: int | None = consumer.highwater(tp)
        if found is not None:
            return max(told, found)
    return told
