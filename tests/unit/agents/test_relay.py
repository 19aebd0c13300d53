"""The relay leaves alone what is being published, however slow that is, but not for ever."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from dispatch.agents.desk_work import DeskWork
from dispatch.agents.patience import Patience
from dispatch.agents.relay import LONGEST_SETTLED_SECONDS, SETTLED_SECONDS, Relay
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics
from dispatch.topics.envelope import Outgoing

EVENTS = [Outgoing(1, "out", "c1", (), b"{}")]


class Desk:
    """Nothing was left behind; notes how old the relay wants it to be."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def lease(self, *_: Any) -> bool:
        return True

    async def leftovers(self, older_than_seconds: float, _limit: int) -> Sequence[Any]:
        self.asked.append(older_than_seconds)
        return ()

    async def published(self, _events: Any) -> None:
        return


class Publisher:
    """Takes as long as it is told, on a clock of its own."""

    def __init__(self) -> None:
        self.time = 0.0
        self.takes = 0.0
        self.away = False

    async def publish(self, _events: Any) -> None:
        self.time += self.takes
        if self.away:
            raise Unavailable("the broker is away")


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    publisher = Publisher()
    monkeypatch.setattr(time, "monotonic", lambda: publisher.time)
    monkeypatch.setattr("dispatch.agents.journal.note", lambda _events: None)
    return publisher


async def test_the_slower_the_publishing_the_older_what_was_left_behind(
    publisher: Publisher,
) -> None:
    desk: Any = Desk()
    stand_in: Any = publisher
    work = DeskWork(desk, stand_in, batch_size=100)
    relay = Relay(desk, work, "me", Patience(), Metrics())

    async def asked_after(takes: float, times: int = 1) -> float:
        publisher.takes = takes
        for _ in range(times):
            await work.publish(EVENTS)
        await relay.round()
        return float(desk.asked[-1])

    await relay.round()
    assert desk.asked == [SETTLED_SECONDS]
    assert await asked_after(0.01) == SETTLED_SECONDS
    assert await asked_after(1.5) == pytest.approx(3.0)
    # One that was quick says little of the next; many do.
    assert SETTLED_SECONDS < await asked_after(0.01) < 3.0
    assert await asked_after(0.01, times=50) == SETTLED_SECONDS
    assert await asked_after(60) == LONGEST_SETTLED_SECONDS


async def test_a_broker_that_is_away_is_not_slow(publisher: Publisher) -> None:
    desk: Any = Desk()
    stand_in: Any = publisher
    work = DeskWork(desk, stand_in, batch_size=100)
    publisher.takes, publisher.away = 10.0, True
    with pytest.raises(Unavailable):
        await work.publish(EVENTS)
    await Relay(desk, work, "me", Patience(), Metrics()).round()
    assert desk.asked == [SETTLED_SECONDS]
