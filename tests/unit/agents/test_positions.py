"""Where reading starts, for every way in which Kafka and the database may differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.agents.positions import Start, where_to_start

offsets = st.integers(0, 50)


@pytest.mark.parametrize(
    ("committed", "noted", "start"),
    [
        (None, None, Start(10)),
        (50, 50, Start(50)),
        # Committed after the transaction: a crash between them.
        (40, 50, Start(40)),
        (None, 50, Start(10)),
        # The database lost what Kafka believes settled.
        (50, 40, Start(40, reread=10)),
        (50, None, Start(10, reread=40)),
        # Kafka deleted what was never read.
        (None, 7, Start(10, unreadable=3)),
        (20, 7, Start(10, reread=10, unreadable=3)),
        # The log was truncated.
        (50, 120, Start(50, beyond_end=20)),
        (None, 120, Start(10, beyond_end=20)),
        (120, 120, Start(10, beyond_end=20)),
    ],
)
def test_start(committed: int | None, noted: int | None, start: Start) -> None:
    assert where_to_start(committed, noted, first=10, end=100) == start


@given(st.none() | offsets, st.none() | offsets, offsets, offsets)
def test_nothing_readable_is_left_out(
    committed: int | None, noted: int | None, first: int, length: int
) -> None:
    end = first + length
    start = where_to_start(committed, noted, first, end)
    assert first <= start.offset <= end
    settled = first if noted is None else noted
    assert start.offset <= max(first, settled)
