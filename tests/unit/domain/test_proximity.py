"""Points of the map: those near another are found, the nearest first, without a look at all."""

import random
from heapq import heappush
from math import log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain import proximity
from dispatch.domain.model import Position
from dispatch.domain.proximity import Proximity
from dispatch.domain.travel import metres_between

# From one spot to the whole globe, with its poles and the date line.
_WIDTHS = (0.0, 1e-7, 0.001, 0.5, 90.0)


def _near(latitude: float, longitude: float, width: float) -> st.SearchStrategy[Position]:
    aside = st.floats(-1, 1).map(lambda share: share * width)
    return st.builds(
        lambda a, b: Position(max(-90.0, min(90.0, latitude + a)), max(-180.0, min(180.0, b))),
        aside,
        aside.map(lambda b: longitude + 2 * b),
    )


positions = st.sampled_from(_WIDTHS).flatmap(
    lambda width: st.lists(
        st.sampled_from([(40.8, 111.6), (89.9, 0.0), (0.0, 180.0), (0.0, 0.0)]).flatmap(
            lambda centre: _near(*centre, width)
        ),
        min_size=1,
        max_size=60,
    )
)


@given(positions, st.data())
def test_everything_is_found_from_any_point_outward(
    places: list[Position], data: st.DataObject
) -> None:
    found = Proximity()
    there: dict[str, Position] = {}
    for number, place in enumerate(places):
        found.add(f"u{number}", place)
        there[f"u{number}"] = place
    for key in data.draw(st.sets(st.sampled_from(sorted(there)))):
        found.discard(key, there.pop(key))
    origin = data.draw(st.sampled_from(places))
    seen: dict[str, Position] = {}
    last = 0.0
    for metres, spot in found.outward(origin):
        assert last <= metres <= metres_between(origin, spot.position)
        assert spot.first == min(spot.ids)
        seen |= dict.fromkeys(spot.ids, spot.position)
        last = metres
    assert seen == there
    reach = metres_between(origin, places[-1])
    assert set(found.within(origin, reach)) >= {
        key for key, place in there.items() if metres_between(origin, place) <= reach
    }


def test_who_comes_and_goes_leaves_nothing_behind() -> None:
    found, rng = Proximity(), random.Random(1)
    spots = [Position(40 + rng.random(), 111 + rng.random()) for _ in range(500)]
    for _ in range(3):
        for number, spot in enumerate(spots):
            found.add(f"u{number}", spot)
        for number, spot in enumerate(spots):
            found.discard(f"u{number}", spot)
    assert not found._spots
    assert found._whole.count == 0
    assert found._whole.parts is None
    for _ in range(1000):
        found.add("a", spots[0])
        found.add("b", spots[0])
        found.discard("b", spots[0])
    assert len(found._spots[spots[0]]._heap) < 100
    assert found._spots[spots[0]].first == "a"


@pytest.mark.parametrize("width", [0.0001, 0.5], ids=["crowded", "city"])
def test_the_nearest_is_found_in_steps_that_grow_with_the_logarithm(
    width: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0

    def counted(heap: list[Any], item: Any) -> None:
        nonlocal steps
        steps += 1
        heappush(heap, item)

    rng = random.Random(2)

    def point() -> Position:
        return Position(40.8 + width * rng.random(), 111.6 + width * rng.random())

    found, number = Proximity(), 0
    for size in (100, 1_000, 10_000, 100_000):
        while number < size:
            found.add(f"u{number}", point())
            number += 1
        with monkeypatch.context() as patched:
            patched.setattr(proximity, "heappush", counted)
            steps = 0
            for _ in range(100):
                next(found.outward(point()))
        assert steps / 100 < 8 * log2(size), size
