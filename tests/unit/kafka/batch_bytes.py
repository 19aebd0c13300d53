"""Record batches as bytes, also such as no producer makes."""

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import cramjam
from aiokafka.codec import lz4_encode, snappy_encode
from aiokafka.record._crc32c import crc as _crc32c

from dispatch.kafka.batches import HEADER, Header

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
Headers = Sequence[tuple[bytes, bytes | None]]


def number(value: int) -> bytes:
    """Return a zigzag number."""
    left = value * 2 if value >= 0 else -value * 2 - 1
    found = bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*found, left])


def sized(content: bytes | None) -> bytes:
    return number(-1) if content is None else number(len(content)) + content


@dataclass(frozen=True)
class Plain:
    """A record; `body` in place of all of it."""

    key: bytes | None = None
    value: bytes | None = b""
    headers: Headers = ()
    later: int = 0
    delta: int | None = None
    body: bytes | None = None
    length: int | None = None

    def packed(self, index: int) -> bytes:
        body = self.body
        if body is None:
            delta = index if self.delta is None else self.delta
            body = b"\0" + number(self.later) + number(delta) + sized(self.key) + sized(self.value)
            body += number(len(self.headers))
            body += b"".join(sized(name) + sized(value) for name, value in self.headers)
        return number(len(body) if self.length is None else self.length) + body


def compressed(codec: str, content: bytes) -> bytes:
    if codec == "gzip":
        return gzip.compress(content)
    if codec == "snappy":
        return bytes(cramjam.snappy.compress_raw(content))
    if codec == "xerial":
        return snappy_encode(content)
    if codec == "none":
        return content
    # Brokers take lz4 of independent blocks only, which is not cramjam's own way.
    return lz4_encode(content) if codec == "lz4" else bytes(cramjam.zstd.compress(content))


def batch(
    records: Sequence[Plain],
    *,
    base: int = 0,
    codec: str = "none",
    attributes: int = 0,
    first_timestamp: int = 0,
    max_timestamp: int = 0,
    producer_id: int = -1,
    last_delta: int | None = None,
    count: int | None = None,
    payload: bytes | None = None,
    checked: bool = True,
) -> bytes:
    """Return a batch whose checksum is right, unless `checked` is off."""
    if payload is None:
        plain = b"".join(record.packed(index) for index, record in enumerate(records))
        payload = compressed(codec, plain)
    number_ = CODECS.index("snappy" if codec == "xerial" else codec)
    said = len(records) if count is None else count
    header = Header(
        base_offset=base,
        length=HEADER.size - 12 + len(payload),
        leader_epoch=0,
        version=2,
        crc=0,
        attributes=attributes | number_,
        last_offset_delta=len(records) - 1 if last_delta is None else last_delta,
        first_timestamp=first_timestamp,
        max_timestamp=max_timestamp,
        producer_id=producer_id,
        producer_epoch=0,
        base_sequence=0,
        records=said,
    )
    raw = HEADER.pack(*header) + payload
    return with_checksum(raw) if checked else raw


def with_checksum(raw: bytes) -> bytes:
    return raw[:17] + struct.pack(">I", _crc32c(raw[21:])) + raw[21:]
