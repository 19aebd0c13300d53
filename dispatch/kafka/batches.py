"""Kafka's record batches taken apart record by record, however broken they are.

It is the slow way, for batches in which a decoder that is fast has met something that it can't
read. The layout is Kafka's message format v2 (KIP-98).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

HEADER: Final = struct.Struct(">qiibIhiqqqhii")
# Offset and length come first in every version; the length is of what follows them.
PLACE: Final = struct.Struct(">qi")
VERSION_AT: Final = 16
CODEC: Final = 0x07
_APPEND_TIME: Final = 0x08
_NO_TIME: Final = -1
_TIMES: Final = range(-(2**63), 2**63)


class Header(NamedTuple):
    """A batch's header, by Kafka's names; `length` is that of what comes after itself."""

    base_offset: int
    length: int
    leader_epoch: int
    version: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int

    @property
    def last_offset(self) -> int:
        """The offset of its last record, also where that has been compacted away."""
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self) -> int:
        """The number of its codec; 0 for none."""
        return self.attributes & CODEC

    @property
    def timestamp_type(self) -> int:
        """1 where the broker gave the records their time, else 0."""
        return int(bool(self.attributes & _APPEND_TIME))

    @property
    def is_dense(self) -> bool:
        """Whether each of its offsets has its record."""
        return self.records == self.last_offset_delta + 1

    def plain(self) -> bytes:
        """Return the bytes of the header of the same batch without its compression."""
        return HEADER.pack(*self._replace(attributes=self.attributes & ~CODEC))


def header_of(batch: bytes | bytearray) -> Header:
    """Return the header of a batch of version 2; raises struct.error when it is too short."""
    return Header(*HEADER.unpack_from(batch))


@dataclass(slots=True)
class Taken:
    """A record of a batch, or what can be had of it: `wrong` says why it can't be read.

    `first_offset` is lower than `offset` where everything from there on can't be told apart.
    """

    first_offset: int
    offset: int
    timestamp: int = _NO_TIME
    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    wrong: str | None = None


class _Garbled(Exception):
    """Bytes that are no record; says which."""


def take_apart(header: Header, records: bytes, begin: int, start: int) -> Iterator[Taken]:
    """Yield each record from the offset `begin` on, and what can't be read in its place.

    `records` holds the unpacked records from the index `start` on. Offsets come in order, and
    where the batch has one for each record, each comes once.
    """
    last, due = header.last_offset, header.base_offset
    at = start
    for _ in range(header.records):
        if due > last:
            return
        try:
            body, behind = _framed(records, at)
        except _Garbled as garbled:
            rest = f"its batch can't be told apart from here on: a record {garbled}"
            yield from _from(begin, Taken(due, last, value=records[at:], wrong=rest))
            return
        taken, delta = _record(header, records[body:behind])
        at = behind
        taken.first_offset = taken.offset = due
        if delta is not None and header.base_offset + delta != due:
            said = header.base_offset + delta
            if not header.is_dense and due < said <= last and taken.wrong is None:
                taken.first_offset = taken.offset = said
            elif taken.wrong is None:
                taken.wrong = f"says a wrong offset of itself, {said}"
        due = taken.offset + 1
        yield from _from(begin, taken)
    if at != len(records) and due <= last:
        rest = "its batch holds more than it says"
        yield from _from(begin, Taken(due, last, value=records[at:], wrong=rest))


def _from(begin: int, taken: Taken) -> Iterator[Taken]:
    if taken.offset >= begin:
        taken.first_offset = max(begin, taken.first_offset)
        yield taken


def _framed(records: bytes, at: int) -> tuple[int, int]:
    """Return where a record's body begins and ends."""
    length, body = _number(records, at, len(records))
    if length < 0 or body + length > len(records):
        raise _Garbled("says a wrong length of itself")
    return body, body + length


def _record(header: Header, body: bytes) -> tuple[Taken, int | None]:
    """Return what a record's body holds, and the offset that it says, from its batch's first."""
    taken, delta, at = Taken(0, 0), None, 0
    try:
        # Its first byte says nothing yet.
        later, at = _number(body, 1, len(body))
        when = header.max_timestamp if header.timestamp_type else header.first_timestamp + later
        taken.timestamp = when if when in _TIMES else _NO_TIME
        delta, at = _number(body, at, len(body))
        taken.key, at = _bytes(body, at, "key")
        taken.value, at = _bytes(body, at, "value")
        _read_headers(body, at, taken)
    except _Garbled as garbled:
        taken.wrong = str(garbled)
        if taken.value is None:
            taken.value = body
    return taken, delta


def _read_headers(body: bytes, at: int, taken: Taken) -> None:
    count, at = _number(body, at, len(body))
    if count < 0:
        raise _Garbled(f"says that it has {count} headers")
    for _ in range(count):
        name, at = _bytes(body, at, "header's name")
        if name is None:
            raise _Garbled("has a header without a name")
        content, at = _bytes(body, at, "header's value")
        try:
            told = name.decode()
        except UnicodeDecodeError:
            told = name.decode("utf-8", "backslashreplace")
            taken.wrong = "has a header whose name is not UTF-8"
        taken.headers.append((told, content))
    if at != len(body):
        raise _Garbled("goes on after its end")


def _bytes(body: bytes, at: int, what: str) -> tuple[bytes | None, int]:
    length, at = _number(body, at, len(body))
    if length < 0:
        return None, at
    if at + length > len(body):
        raise _Garbled(f"ends before its {what} does")
    return bytes(body[at : at + length]), at + length


def _number(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the zigzag number of at most 64 bits at an index, and the index behind it."""
    found = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise _Garbled("ends within a number")
        byte = body[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return (found >> 1) ^ -(found & 1), at
    raise _Garbled("has a number without an end")
