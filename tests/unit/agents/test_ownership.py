"""Of two databases that begin at once on new topics, one alone ends."""

import time

import pytest

from dispatch.agents.ownership import ON_ITS_WAY_SECONDS, ClaimedTopics, Ownership
from dispatch.agents.patience import Patience
from dispatch.claim import Claim
from dispatch.metrics import Metrics

FIRST = Claim("a", "city on db-1", "2026-11-30T10:00:00+00:00")
SECOND = Claim("b", "city on db-2", "2026-11-30T11:00:00+00:00")


class Topics(ClaimedTopics):
    def __init__(self) -> None:
        super().__init__({}, "p.")
        self.written: list[Claim] = []

    async def claims(self) -> list[Claim]:
        return list(self.written)


class Watch(Ownership):
    def __init__(self, topics: Topics, own: Claim) -> None:
        super().__init__(topics, own, Patience(), Metrics())
        self.ended = False

    async def crash(self, reason: BaseException) -> None:
        del reason
        self.ended = True


@pytest.fixture
def topics() -> Topics:
    return Topics()


async def test_who_gives_way_claims_nothing_more_that_the_other_would_give_way_to(
    topics: Topics,
) -> None:
    first, second = Watch(topics, FIRST), Watch(topics, SECOND)
    assert second.may_claim("p.calls")
    topics.written.append(SECOND)
    # Another topic of the first's was shared out before its calls: it looks.
    assert first.may_claim("p.units")
    await first.round()
    assert first.ended
    assert not first.may_claim("p.calls")
    await second.round()
    assert not second.ended


async def test_whose_claim_is_on_its_way_does_not_give_way_to_one_that_began_later(
    topics: Topics,
) -> None:
    first, second = Watch(topics, FIRST), Watch(topics, SECOND)
    assert second.may_claim("p.calls")
    topics.written.append(SECOND)
    assert first.may_claim("p.calls")
    await first.round()
    assert not first.ended
    topics.written.append(FIRST)
    await second.round()
    assert second.ended


async def test_a_claim_that_nobody_finds_after_a_while_counts_no_more(
    topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first = Watch(topics, FIRST)
    assert first.may_claim("p.calls")
    topics.written.append(SECOND)
    now += ON_ITS_WAY_SECONDS - 1
    await first.round()
    assert not first.ended
    # It claims again: from then on it counts as long.
    assert first.may_claim("p.calls")
    now += ON_ITS_WAY_SECONDS - 1
    await first.round()
    assert not first.ended
    now += 1
    await first.round()
    assert first.ended
