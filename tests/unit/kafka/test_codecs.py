"""Every codec is unpacked, within its limit."""

import tracemalloc

import pytest

from dispatch.kafka.codecs import NotUnpacked, unpack
from tests.unit.kafka.batch_bytes import CODECS, compressed

PACKED = [*((name, number) for number, name in enumerate(CODECS) if number), ("xerial", 2)]
LIMIT = 300_000


@pytest.mark.parametrize(("name", "codec"), PACKED)
@pytest.mark.parametrize("size", [0, 1, 1_000, 65_536, LIMIT])
def test_what_was_compressed_comes_out_behind_what_stands_before_it(
    name: str, codec: int, size: int
) -> None:
    content = (b"call " * size)[:size]
    assert unpack(codec, compressed(name, content), LIMIT, b"head") == b"head" + content


@pytest.mark.parametrize(("name", "codec"), PACKED)
def test_no_more_than_the_limit_is_unpacked(name: str, codec: int) -> None:
    packed = compressed(name, bytes(40 * LIMIT))
    tracemalloc.start()
    try:
        with pytest.raises(NotUnpacked, match=f"more than {LIMIT} bytes"):
            unpack(codec, packed, LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Snappy packs to a twentieth at best, so that its block lengths are a list of their own.
    assert peak < 2.5 * LIMIT + len(packed)


@pytest.mark.parametrize(("name", "codec"), PACKED)
@pytest.mark.parametrize("cut", [1, 2, 9])
def test_what_is_cut_off_is_told(name: str, codec: int, cut: int) -> None:
    packed = compressed(name, bytes(range(256)) * 40)
    with pytest.raises(NotUnpacked, match="is no "):
        unpack(codec, packed[: len(packed) // cut - 1], LIMIT)


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_what_is_no_such_thing_is_told(codec: int) -> None:
    with pytest.raises(NotUnpacked, match="is no "):
        unpack(codec, b"\xff not compressed at all \xff" * 3, LIMIT)


@pytest.mark.parametrize("codec", [0, 5, 6, 7])
def test_an_unknown_codec_is_told(codec: int) -> None:
    with pytest.raises(NotUnpacked, match=f"unknown codec, {codec}"):
        unpack(codec, b"", LIMIT)


def test_a_stream_of_several_members_is_one() -> None:
    packed = compressed("gzip", b"one ") + compressed("gzip", b"two")
    assert unpack(1, packed, LIMIT) == b"one two"
    assert unpack(1, compressed("gzip", b"one") + b"\0" * 40_000, LIMIT) == b"one"


def test_many_empty_members_are_nothing() -> None:
    assert unpack(1, compressed("gzip", b"") * 20_000, LIMIT) == b""
