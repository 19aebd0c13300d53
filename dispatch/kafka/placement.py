"""Where a key's records belong: the partition that Java, kafkajs and aiokafka choose for it.

librdkafka (confluent-kafka, kcat and much else) chooses another unless told `PARTITIONER`. What of
one key lies on two partitions is read in no order.
"""

from functools import lru_cache
from typing import Final

from aiokafka.partitioner import murmur2

# What librdkafka calls it.
PARTITIONER: Final = "murmur2_random"


# In Python it takes some microseconds; a call's own key is asked for again when its events go out.
@lru_cache(maxsize=16_384)
def number_of(key: bytes) -> int:
    """Return the number that decides a key's partition: modulo how many there are."""
    number: int = murmur2(key) & 0x7FFFFFFF
    return number
