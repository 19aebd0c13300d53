"""What waits apart is dealt with in a share of the time, by whoever holds the lease."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from dispatch.agents.apart import FLOOD, MOST_HELD_SECONDS, SHARE, Apart
from dispatch.agents.patience import Patience
from dispatch.metrics import Metrics


class Desk:
    """Some rows wait, each taking its time on a clock of its own."""

    def __init__(self) -> None:
        self.rows = 3
        self.each = 2.0  # seconds
        self.time = 0.0
        self.leased = True
        self.written_apart = 0
        # Of those most of whom takes effect.
        self.worthwhile = 0
        self.refused_apart = 1.0
        self.turns: list[str] = []

    async def hear_of_set_apart(self) -> bool:
        return self.rows + self.worthwhile > 0

    async def lease(self, *_: Any) -> bool:
        return self.leased

    async def settle_apart(self, *, worthwhile: bool = False) -> Sequence[Any] | None:
        if worthwhile and self.worthwhile:
            self.worthwhile -= 1
            self.turns.append("crews")
            self.refused_apart = 0.25
        elif not worthwhile and self.rows:
            self.rows -= 1
            self.turns.append("flood")
            self.refused_apart = 1.0
        else:
            return None
        self.time += self.each
        return ()


class Work:
    """Publishes nothing."""

    def __init__(self) -> None:
        self.published = 0

    async def publish(self, _events: Any) -> None:
        self.published += 1


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(time, "monotonic", lambda: desk.time)
    return desk


def apart(desk: Any, work: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Apart, list[float]]:
    errand = Apart(desk, work, "me", Patience(), Metrics())
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        desk.time += seconds

    monkeypatch.setattr(errand, "sleep", sleep)
    return errand, slept


async def test_it_takes_no_more_than_its_share(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work()
    errand, slept = apart(desk, work, monkeypatch)
    await errand.round()
    assert work.published == 3
    assert (desk.time - sum(slept)) / desk.time == pytest.approx(SHARE)


async def test_while_a_flood_pauses_those_go_on_of_whom_most_takes_effect(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand, _ = apart(desk, Work(), monkeypatch)
    desk.rows, desk.worthwhile = 2, 2
    await errand.round()
    assert desk.turns == ["flood", "crews", "crews", "flood"]
    # It gives no more room than it would without them.
    assert desk.time == pytest.approx(2 * desk.each / SHARE)


async def test_without_the_lease_it_does_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.leased = False
    work = Work()
    errand, _ = apart(desk, work, monkeypatch)
    await errand.round()
    assert (desk.rows, work.published) == (3, 0)


async def test_while_more_is_written_down_it_waits_but_not_for_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand, _ = apart(desk, Work(), monkeypatch)

    async def sleep(seconds: float) -> None:
        desk.time += seconds
        # A flood that never ends.
        desk.written_apart += FLOOD

    monkeypatch.setattr(errand, "sleep", sleep)
    desk.rows, desk.each = 1, 0.1
    await errand.round()
    pause = desk.each * (1 / SHARE - 1)
    assert desk.time - desk.each == pytest.approx(MOST_HELD_SECONDS, abs=pause)


async def test_it_does_not_wait_for_one_that_trickles(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand, _ = apart(desk, Work(), monkeypatch)

    async def sleep(seconds: float) -> None:
        desk.time += seconds
        desk.written_apart += 1

    monkeypatch.setattr(errand, "sleep", sleep)
    await errand.round()
    assert desk.time == pytest.approx(3 * desk.each / SHARE)
