"""Kafka's codecs, unpacked up to a limit.

Numbers of codecs are Kafka's own (KIP-98, KIP-110): 1 gzip, 2 snappy, 3 lz4, 4 zstd.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final

import cramjam

NAMES: Final = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
# How Java's snappy streams begin, before a version and the lowest one compatible; then blocks
# follow, each after its length.
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
_GZIP: Final = 16 + zlib.MAX_WBITS
# bytes
_LEAST: Final = 4 * 1024
_CHUNK: Final = 16 * 1024
# Text packs to an eighth or so; what packs better is tried again with more room.
_GUESS: Final = 8
_MORE: Final = 4
_NO_ROOM: Final = "failed to write whole buffer"


class NotUnpacked(Exception):
    """Compressed data that can't be unpacked, or not within the limit; says why."""


def unpack(codec: int, packed: bytes, limit: int, before: bytes = b"") -> bytearray:
    """Return what was compressed, at most `limit` bytes of it, after the bytes `before`.

    Never holds more than about twice the limit. Raises NotUnpacked.
    """
    try:
        if codec == 1:
            return _gzip(packed, limit, before)
        if codec == 2:  # noqa: PLR2004 - the codec's number, as above
            return _snappy(packed, limit, before)
        if codec in NAMES:
            return _framed(
                cramjam.lz4 if NAMES[codec] == "lz4" else cramjam.zstd, packed, limit, before
            )
    except (cramjam.DecompressionError, zlib.error, struct.error, ValueError) as error:
        raise NotUnpacked(f"is no {NAMES[codec]}: {error}") from error
    raise NotUnpacked(f"is compressed with an unknown codec, {codec}")


def _too_large(limit: int) -> NotUnpacked:
    return NotUnpacked(f"unpacks to more than {limit} bytes")


def _gzip(packed: bytes, limit: int, before: bytes) -> bytearray:
    unpacked = bytearray(before)
    most = len(before) + limit
    at, member = 0, zlib.decompressobj(_GZIP)
    # What is behind the end of a member is copied each time, so that it is given little by little.
    while chunk := packed[at : at + _CHUNK]:
        # One byte more than there is room for tells that there would be more.
        unpacked += member.decompress(chunk, most - len(unpacked) + 1)
        if len(unpacked) > most:
            raise _too_large(limit)
        at += len(chunk) - len(member.unused_data)
        if member.eof:
            while packed[at : at + 1] == b"\0":
                at += 1
            if at < len(packed):
                member = zlib.decompressobj(_GZIP)
    if not member.eof:
        raise NotUnpacked("is no gzip: it ends too early")
    return unpacked


def _snappy(packed: bytes, limit: int, before: bytes) -> bytearray:
    blocks = list(_blocks(packed)) if packed.startswith(_XERIAL) else [memoryview(packed)]
    # Each block begins with its length unpacked.
    lengths = [cramjam.snappy.decompress_raw_len(block) for block in blocks]
    if sum(lengths) > limit:
        raise _too_large(limit)
    unpacked = bytearray(len(before) + sum(lengths))
    unpacked[: len(before)] = before
    at = len(before)
    with memoryview(unpacked) as room:
        for block, length in zip(blocks, lengths, strict=True):
            cramjam.snappy.decompress_raw_into(block, room[at : at + length])
            at += length
    return unpacked


def _blocks(packed: bytes) -> Iterator[memoryview]:
    view, at = memoryview(packed), _XERIAL_HEADER
    while at < len(packed):
        (length,) = struct.unpack_from(">I", packed, at)
        at += 4
        if at + length > len(packed):
            raise ValueError("a block ends too late")
        yield view[at : at + length]
        at += length


def _framed(codec: Any, packed: bytes, limit: int, before: bytes) -> bytearray:
    """Unpack lz4 or zstd, whose frames need not say how much they hold."""
    start = len(before)
    size = min(limit, max(_LEAST, _GUESS * len(packed)))
    while True:
        unpacked = bytearray(start + size)
        try:
            with memoryview(unpacked) as room:
                end = start + codec.decompress_into(packed, room[start:])
        except cramjam.DecompressionError as error:
            if _NO_ROOM not in str(error):
                raise
            if size == limit:
                raise _too_large(limit) from error
            size = min(limit, _MORE * size)
        else:
            del unpacked[end:]
            unpacked[:start] = before
            return unpacked
