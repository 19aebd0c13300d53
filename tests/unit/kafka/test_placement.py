"""Where clients put a key, by the definitions of what they use."""

import zlib

import pytest

from dispatch.kafka.placement import _fnv1a, number_of, places_of


@pytest.mark.parametrize(
    ("key", "value"),
    [
        # The basis, 0x811C9DC5, is above 2 ** 31: it is taken as negative.
        (b"", 2**32 - 0x811C9DC5),
        # One step: the last octet of the basis changes, then 32 bits of the product stay.
        (b"a", 2**32 - 0x811C9DA4 * 16_777_619 % 2**32),
        (b"a", 2**32 - 0xE40C292C),
        (b"fo", 0x6222E842),
        (b"foobar", 2**32 - 0xBF9CF968),
    ],
)
def test_fnv_1a_is_as_sarama_has_it(key: bytes, value: int) -> None:
    assert _fnv1a(key) == value


def test_a_key_may_be_where_any_of_three_puts_it() -> None:
    key = b"call-7"
    # FNV-1a is 0xB73E8C21, negative: 1,220,637,663 without its sign.
    assert 2**32 - 0xB73E8C21 == 1_220_637_663
    third = 1_220_637_663 % 12
    assert places_of(key, 12) == {number_of(key) % 12, zlib.crc32(key) % 12, third}
    assert third not in {number_of(key) % 12, zlib.crc32(key) % 12}
    assert places_of(key, 1) == {0}
