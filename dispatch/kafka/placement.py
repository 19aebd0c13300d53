"""Where a key's records belong: the partition that Java, kafkajs and aiokafka choose for it.

librdkafka (confluent-kafka, kcat and much else) chooses another unless told `PARTITIONER`, and Go's
Sarama a third. What of one key lies on two partitions is read in no order.
"""

import zlib
from functools import lru_cache
from typing import Final

from aiokafka.partitioner import murmur2

# What librdkafka calls it.
PARTITIONER: Final = "murmur2_random"

_FNV_BASIS: Final = 2_166_136_261
_FNV_PRIME: Final = 16_777_619


# In Python it takes some microseconds; a call's own key is asked for again when its events go out.
@lru_cache(maxsize=16_384)
def number_of(key: bytes) -> int:
    """Return the number that decides a key's partition: modulo how many there are."""
    number: int = murmur2(key) & 0x7FFFFFFF
    return number


def places_of(key: bytes, partitions: int) -> set[int]:
    """Return on which of so many partitions a client may put a key, by what clients use unasked.

    Java's clients and their like use murmur2, librdkafka CRC32, and Sarama FNV-1a.
    """
    return {number % partitions for number in (number_of(key), zlib.crc32(key), _fnv1a(key))}


# The same keys are asked for again as long as their partitions stand.
@lru_cache(maxsize=16_384)
def _fnv1a(key: bytes) -> int:
    """Return the 32-bit FNV-1a of a key, taken as a signed number, without its sign."""
    value = _FNV_BASIS
    for octet in key:
        value = (value ^ octet) * _FNV_PRIME & 0xFFFFFFFF
    return min(value, (1 << 32) - value)
