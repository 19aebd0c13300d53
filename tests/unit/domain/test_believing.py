"""No position is believed at which nobody can be; one that may be is, in the end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.believing import NOWHERE, Bounds, doubt_of, why_not
from dispatch.domain.model import Position, Unit
from dispatch.policy.pack import load_pack
from tests.unit.domain.city_builder import START, at, unit

POLICY = load_pack("covid-19").positions
HERE = NOWHERE.around([at(111.6), at(111.8)], 50_000)
# At 180 km/h a minute is 3,000 m, and 500 m are forgiven; 0.01 degrees are 842 m.
SEEN = unit("U1", position=at(111.60), position_at=START)


def doubt(known: Unit, position: Position, seconds: float) -> str | None:
    """Return why a position is not believed so many seconds after the last."""
    found = doubt_of(
        known, position, START + timedelta(seconds=seconds), bounds=HERE, policy=POLICY
    )
    return None if found is None else found.why


@pytest.mark.parametrize(
    ("position", "why"),
    [
        (Position(0.0, 0.0), "no_fix"),
        (Position(-0.0, 0.0004), "no_fix"),
        (Position(0.0, 111.6), "out_of_bounds"),
        (Position(39.9, 116.4), "out_of_bounds"),
        (Position(40.8, -111.6), "out_of_bounds"),
        (at(111.01), None),
        (at(110.9), "out_of_bounds"),
    ],
)
def test_nobody_is_at_nowhere_or_outside_the_city(position: Position, why: str | None) -> None:
    assert why_not(position, HERE) == why
    assert doubt(SEEN, position, 3_600) == why
    assert doubt(unit("U1"), position, 0) == why


@pytest.mark.parametrize(
    ("longitude", "seconds", "why"),
    [
        (111.605, 0, None),  # 421 m
        (111.607, 0, "too_fast"),  # 589 m
        (111.640, 60, None),  # 3,367 m
        (111.643, 60, "too_fast"),  # 3,620 m
        (111.643, 65, None),
        (111.600, -1, "older_than_last"),
    ],
)
def test_nobody_is_faster_than_a_vehicle_or_back_in_time(
    longitude: float, seconds: float, why: str | None
) -> None:
    assert doubt(SEEN, at(longitude), seconds) == why


def test_who_has_said_nothing_yet_may_be_anywhere_in_the_city() -> None:
    assert doubt(unit("U1"), at(111.99), 0) is None


def say(known: Unit, longitude: float, seconds: float) -> Unit:
    """Return a unit after it has said where it is."""
    when, where = START + timedelta(seconds=seconds), at(longitude)
    found = doubt_of(known, where, when, bounds=HERE, policy=POLICY)
    if found is not None:
        return replace(known, doubt=found)
    return replace(known, position=where, position_at=when, doubt=None)


def test_reports_that_agree_are_believed_in_the_end() -> None:
    now = say(say(SEEN, 111.90, 10), 111.902, 20)
    assert now.position == SEEN.position
    assert say(now, 111.904, 30).position == at(111.904)


def test_the_same_word_at_the_same_time_agrees_with_nothing() -> None:
    now = SEEN
    for _ in range(5):
        now = say(now, 111.90, 10)
    assert now.position == SEEN.position


def test_one_that_jumps_to_and_fro_is_not_believed() -> None:
    now = SEEN
    for second in range(10, 100, 10):
        now = say(now, 111.90 if second % 20 else 111.30, second)
    assert now.position == SEEN.position


@given(
    st.lists(st.builds(Position, st.floats(-80, 80), st.floats(-170, 170)), min_size=1, max_size=5),
    st.floats(0, 100_000),
)
def test_bounds_hold_what_they_are_drawn_around(places: list[Position], margin: float) -> None:
    bounds = NOWHERE.around(places, margin)
    assert all(bounds.hold(each) for each in places)
    wider = Bounds(south=-1, west=-1, north=1, east=1).around(places, margin)
    assert all(wider.hold(each) for each in (*places, Position(0.5, 0.5)))
