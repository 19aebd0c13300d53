"""An aiokafka consumer that nothing stops which a record, a batch or a codec holds.

aiokafka's own gives up a partition's fetch at the first record that it can't decode, with an
exception that also loses what it had drained of other partitions; it unpacks without limit; and it
passes over a record whose offset is not above the one before it. This one yields everything that
can be read, and in the place of what can't an `UnreadableRecord`. A batch whose checksum is wrong
is fetched again before it is given up. Transactions are read when they are committed.

It replaces two names in `aiokafka.consumer.fetcher`, which know no other way in; consumers that are
not of this class read as before. What it relies on is private to aiokafka 0.14, which
`pyproject.toml` pins; `tests/unit/kafka/test_consumer.py` holds it.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import RecordTooLargeError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from dispatch.kafka.batches import (
    CODEC,
    HEADER,
    PLACE,
    VERSION_AT,
    Taken,
    header_of,
    take_apart,
)
from dispatch.kafka.codecs import NotUnpacked, unpack
from dispatch.topics.envelope import Record

log = structlog.get_logger(__name__)

_Read = ConsumerRecord[bytes, bytes]

UNPACKED_LIMIT: Final = 32 * 1024 * 1024
"""Bytes that a batch may unpack to, and about as many that one look returns of compressed ones.

Inputs and outputs have at most 4 MiB a batch on the wire, and what says something packs to an
eighth or so.
"""
_OLDEST_WITH_TRANSACTIONS: Final = 2
# Where the key's length stands in a message, by its version.
_LEGACY_KEY_AT: Final = {0: 18, 1: 26}


@dataclass
class UnreadableRecord(_Read):
    """What stands in the place of records that can't be read, with the bytes that could be had.

    It stands for the offsets from `first_offset` to `offset`; of a whole batch `value` holds the
    bytes as they came.
    """

    first_offset: int
    unreadable: str


@dataclass(slots=True, eq=False)
class _Care:
    """What a consumer remembers between fetches; its fetcher hands it on as `check_crcs`."""

    limit: int
    unpacked: int = 0
    """Bytes, in this look."""
    suspects: dict[TopicPartition, int] = field(default_factory=dict)
    """Where a batch was wrong when it was fetched the last time."""


def record_of(read: _Read, incarnation: str) -> Record:
    """Return what was read as a record of the cluster `incarnation`, also what can't be read."""
    record = Record.of(read, incarnation)
    if isinstance(read, UnreadableRecord):
        return replace(record, unreadable=read.unreadable, first_offset=read.first_offset)
    return record


class Consumer(AIOKafkaConsumer):
    """Reads on beside and behind what can't be read."""

    def __init__(
        self,
        *topics: str,
        unpacked_limit: int = UNPACKED_LIMIT,
        whole_ends: bool = False,
        **options: Any,
    ) -> None:
        """Take aiokafka's options; `unpacked_limit` is in bytes, for every batch.

        With `whole_ends` it tells where logs end with what open transactions hold back; it is to
        read nothing.
        """
        self._care = _Care(unpacked_limit)
        level = "read_uncommitted" if whole_ends else "read_committed"
        super().__init__(*topics, **options, isolation_level=level, check_crcs=self._care)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[_Read]]:
        """Return what has come, as aiokafka does; some of it may be an UnreadableRecord."""
        self._care.unpacked = 0
        found: dict[TopicPartition, list[_Read]] = await super().getmany(
            *partitions, timeout_ms=timeout_ms, max_records=max_records
        )
        return found


class _Fetched:
    """The bytes of a fetch, which aiokafka's own class keeps to itself."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._read: Any = None

    def has_next(self) -> bool:
        """Whether there is more; bytes that hold no whole batch are for somebody to see, too."""
        return bool(self.raw) if self._read is None else bool(self._read.has_next())

    def size_in_bytes(self) -> int:
        return len(self.raw)

    def next_batch(self) -> Any:
        """Return the next batch, for a consumer that is not of ours."""
        if self._read is None:
            self._read = MemoryRecords(self.raw)
            if not self._read.has_next():
                raise RecordTooLargeError("a batch is larger than what a fetch returns")
        return self._read.next_batch()


class _Careful(PartitionRecords):
    """The records of a partition in a fetch, and what stands in the place of unreadable ones."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[_Read]:
        care: _Care = self._check_crcs
        raw: bytes = self._records.raw
        behind = 0
        while (batch := _batch_at(raw, behind)) is not None:
            behind += len(batch)
            decoder = _decoder(batch)
            if decoder is None:
                if self._is_seen_first(care):
                    return
                yield from self._given_up(
                    self._last_of(batch, raw, behind), batch, "has a wrong checksum"
                )
            elif batch[VERSION_AT] < _OLDEST_WITH_TRANSACTIONS:
                yield from self._legacy(care, decoder, batch)
            elif decoder.next_offset > self.next_fetch_offset:
                if (
                    decoder.is_transactional or decoder.is_control_batch
                ) and not self._is_of_records(decoder):
                    self.next_fetch_offset = decoder.next_offset
                elif not decoder.compression_type:
                    yield from self._batch(decoder, batch)
                elif care.unpacked <= care.limit:
                    yield from self._compressed(care, batch)
                else:
                    # Enough for one look: the rest is fetched again.
                    return
        if behind == 0 and not self._is_seen_first(care):
            # Only a broken broker sends what begins with no whole batch.
            yield from self._given_up(self.next_fetch_offset, raw, "has a wrong length")

    def _is_seen_first(self, care: _Care) -> bool:
        """Whether what is wrong at this place has not been so when it was fetched before."""
        if care.suspects.pop(self._tp, None) == self.next_fetch_offset:
            return False
        care.suspects[self._tp] = self.next_fetch_offset
        return True

    def _last_of(self, batch: bytes, raw: bytes, behind: int) -> int:
        """Return the last offset of a batch whose header can't be trusted.

        The batch behind it tells best. Without one it may say so itself where its numbers agree;
        else it is stepped over offset by offset: each time the broker finds it anew.
        """
        after = _batch_at(raw, behind)
        if after is not None and after[VERSION_AT] >= _OLDEST_WITH_TRANSACTIONS:
            decoder = _decoder(after)
            if decoder is not None:
                return int(decoder.base_offset) - 1
        if batch[VERSION_AT] >= _OLDEST_WITH_TRANSACTIONS and len(batch) >= HEADER.size:
            header = header_of(batch)
            if header.is_dense and 0 <= header.last_offset_delta < len(batch):
                return header.last_offset
        return self.next_fetch_offset

    def _is_of_records(self, decoder: Any) -> bool:
        """Whether a batch holds records that count: no broker's mark, no aborted transaction."""
        self._consume_aborted_up_to(decoder.base_offset)
        if decoder.is_control_batch and self._contains_abort_marker(decoder):
            self._aborted_producers.discard(decoder.producer_id)
        if decoder.is_transactional and decoder.producer_id in self._aborted_producers:
            return False
        return not decoder.is_control_batch

    def _contains_abort_marker(self, next_batch: Any) -> bool:
        try:
            return bool(super()._contains_abort_marker(next_batch))
        except Exception as error:  # noqa: BLE001 - any bytes can stand in a mark
            found = type(error).__name__
            log.warning("a control batch can't be read", partition=self._tp.partition, found=found)
            return False

    def _compressed(self, care: _Care, batch: bytes) -> Iterator[_Read]:
        header = header_of(batch)
        try:
            plain = unpack(header.codec, batch[HEADER.size :], care.limit, header.plain())
        except NotUnpacked as error:
            yield from self._given_up(header.last_offset, batch, str(error))
        else:
            care.unpacked += len(plain)
            yield from self._batch(DefaultRecordBatch(plain), plain)

    def _batch(self, decoder: Any, batch: bytes | bytearray) -> Iterator[_Read]:
        """Yield the records of a batch that is not compressed, or no longer is."""
        begin, behind = self.next_fetch_offset, decoder.next_offset
        due = max(begin, decoder.base_offset)
        try:
            for record in decoder:
                if record.offset != due:
                    if record.offset < begin:
                        # The fetch began within the batch.
                        continue
                    if not due < record.offset < behind or header_of(batch).is_dense:
                        break
                due = record.offset + 1
                self.next_fetch_offset = due
                yield self._consumer_record(self._tp, record)
            else:
                if due == behind or not header_of(batch).is_dense:
                    self.next_fetch_offset = behind
                    return
        except Exception as error:  # noqa: BLE001 - whatever the decoder makes of the bytes
            # What it says may quote them.
            found = type(error).__name__
            log.debug("a batch is read with care", partition=self._tp.partition, found=found)
        header = header_of(batch)
        for taken in take_apart(header, bytes(batch), self.next_fetch_offset, HEADER.size):
            self.next_fetch_offset = taken.offset + 1
            yield self._read(taken, header.timestamp_type)
        self.next_fetch_offset = behind

    def _legacy(self, care: _Care, decoder: Any, batch: bytes) -> Iterator[_Read]:
        """Yield the message of a version before 2, or the messages compressed into it.

        Its offset is the last of them.
        """
        last, _ = PLACE.unpack_from(batch)
        try:
            if codec := batch[VERSION_AT + 1] & CODEC:
                unpack(codec, _legacy_value(batch), care.limit)
            for record in decoder:
                if self.next_fetch_offset <= record.offset <= last:
                    self.next_fetch_offset = record.offset + 1
                    yield self._consumer_record(self._tp, record)
        except NotUnpacked as error:
            yield from self._given_up(last, batch, str(error))
        except Exception as error:  # noqa: BLE001 - whatever the decoder makes of the bytes
            yield from self._given_up(last, batch, f"is garbled: {type(error).__name__}")
        self.next_fetch_offset = max(self.next_fetch_offset, last + 1)

    def _given_up(self, last: int, batch: bytes, why: str) -> Iterator[_Read]:
        """Yield what stands for all of a batch from the present place on."""
        first = self.next_fetch_offset
        if last < first:
            return
        self.next_fetch_offset = last + 1
        digest = hashlib.sha256(batch).hexdigest()
        wrong = f"its batch {why}; {len(batch)} bytes on the wire, SHA-256 {digest}"
        yield self._read(Taken(first, last, value=batch, wrong=wrong), 0)

    def _read(self, taken: Taken, timestamp_type: int) -> _Read:
        fields: dict[str, Any] = {
            "topic": self._tp.topic,
            "partition": self._tp.partition,
            "offset": taken.offset,
            "timestamp": taken.timestamp,
            "timestamp_type": timestamp_type,
            "key": taken.key,
            "value": taken.value,
            "checksum": None,
            "serialized_key_size": -1 if taken.key is None else len(taken.key),
            "serialized_value_size": -1 if taken.value is None else len(taken.value),
            "headers": tuple(taken.headers),
        }
        if taken.wrong is None:
            return ConsumerRecord(**fields)
        if taken.first_offset < taken.offset:
            where = f"offsets {taken.first_offset} to {taken.offset}: "
        else:
            where = ""
        return UnreadableRecord(
            **fields, first_offset=taken.first_offset, unreadable=where + taken.wrong
        )


def _batch_at(raw: bytes, at: int) -> bytes | None:
    """Return the batch that begins at an index; None where none that is whole does."""
    if at + PLACE.size > len(raw):
        return None
    _, length = PLACE.unpack_from(raw, at)
    behind = at + PLACE.size + length
    if length <= VERSION_AT - PLACE.size + 1 or behind > len(raw):
        return None
    return raw[at:behind]


def _decoder(batch: bytes) -> Any:
    """Return what decodes a batch; None where its checksum or its header can't be right."""
    version = batch[VERSION_AT]
    try:
        if version < _OLDEST_WITH_TRANSACTIONS:
            legacy = LegacyRecordBatch(batch, version)
            return legacy if legacy.validate_crc() else None
        if len(batch) < HEADER.size:
            return None
        decoder = DefaultRecordBatch(batch)
        good = decoder.validate_crc() and decoder.next_offset > decoder.base_offset
    except Exception:  # noqa: BLE001 - whatever the decoder makes of the bytes
        return None
    return decoder if good else None


def _legacy_value(batch: bytes) -> bytes:
    """Return the value of a message of version 0 or 1; raises struct.error where none is whole."""
    at = _LEGACY_KEY_AT[batch[VERSION_AT]]
    (length,) = struct.unpack_from(">i", batch, at)
    at += 4 + max(0, length)
    (length,) = struct.unpack_from(">i", batch, at)
    return batch[at + 4 : at + 4 + max(0, length)]


def _partition_records(*arguments: Any) -> Any:
    """Make the records of a partition for aiokafka's fetcher, in the way of the consumer."""
    careful = any(isinstance(argument, _Care) for argument in arguments)
    return (_Careful if careful else PartitionRecords)(*arguments)


vars(fetcher).update(MemoryRecords=_Fetched, PartitionRecords=_partition_records)
