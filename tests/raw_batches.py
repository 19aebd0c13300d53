"""Record batches as no client writes them, for tests: what stands on the wire, byte by byte."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

# A name that is put in place of another of the same length, as builders take text alone.
_STAND_IN: Final = "qqq-stand-in-qqq"
_NOT_TEXT: Final = b"\xff\xfe\xfd-not-text-\xff\xfe"[: len(_STAND_IN)].ljust(
    len(_STAND_IN), b"\xff"
)
_CRC_AT: Final = 17
_CRC_FROM: Final = 21


@dataclass(frozen=True, slots=True)
class Raw:
    """A record of a batch; one whose `named` is false has a header whose name is no UTF-8."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    named: bool = True


def batch_of(records: Sequence[Raw], *, timestamp_ms: int) -> bytes:
    """Return one uncompressed batch (magic 2) of these records, with the right checksum."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2**24,
    )
    for number, record in enumerate(records):
        headers: list[tuple[str, bytes | None]] = list(record.headers)
        if not record.named:
            headers.append((_STAND_IN, b"?"))
        appended = builder.append(number, timestamp_ms, record.key, record.value, headers)
        assert appended is not None
    written = bytearray(bytes(builder.build()).replace(_STAND_IN.encode(), _NOT_TEXT))
    struct.pack_into(">I", written, _CRC_AT, calc_crc32c(bytes(written[_CRC_FROM:])))
    return bytes(written)


async def produce(options: Mapping[str, Any], topic: str, partition: int, batch: bytes) -> int:
    """Give the leader of a partition a batch; return the offset of its first record."""
    client = AIOKafkaClient(**options)
    try:
        await client.bootstrap()
        await client.add_topic(topic)
        leader = next(
            each
            for each in client.cluster.brokers()
            if partition
            in {
                tp.partition
                for tp in client.cluster.partitions_for_broker(each.nodeId) or ()
                if tp.topic == topic
            }
        )
        request = ProduceRequest(
            transactional_id=None,
            required_acks=-1,
            timeout=30_000,
            topics=[(topic, [(partition, batch)])],
        )
        answer: Any = await client.send(leader.nodeId, request)
    finally:
        await client.close()
    ((_, ((_, code, offset, *_rest),)),) = answer.topics
    if code:
        raise for_code(code)(f"the batch for {topic}-{partition} was refused")
    return int(offset)
