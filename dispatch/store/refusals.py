"""Who is refused how often: whom to set apart, and which refusals are counted, not kept one by one.

Pure: the time is passed in (aware, on the service's clock).
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from dispatch.topics.refused import Kind

# Whoever is refused more often in so long a time, and most of the time, is set apart, until that
# has not been so for as long, and nothing of it waits. A source may be all crews of a city: after
# an outage half of what they say comes too late, and the other half is waited for.
WINDOW: Final = timedelta(seconds=10)
MOST_IN_WINDOW: Final = 100
IN_VAIN: Final = 0.75
# What crossed with something is refused to nobody, until it is more than a whole fleet has to say
# after an outage: from then on it counts as refused.
MOST_CROSSED: Final = 1_000  # in a window
# So many refusals of a kind have a letter of their own, of each sender and in each hour.
KEPT_FOR: Final = timedelta(hours=1)
MOST_KEPT: Final = 100
# Senders that nobody has heard of count together: one client may change its name each time.
MOST_OF_OTHERS: Final = 500
MOST_KEPT_OF_OTHERS: Final = 1_000
OTHERS: Final = "(others)"
# How many senders are remembered.
MOST_SENDERS: Final = 10_000

K = TypeVar("K", bound=Hashable)


class Sender(NamedTuple):
    """Who sent a record, by what it says itself: a source on a topic."""

    topic: str
    source: str


_ANY: Final = Kind("", "")


@dataclass(slots=True)
class _Tally:
    since: datetime
    count: int = 0
    # Of a sender's inputs in the same span, those that took effect.
    good: int = 0


class _Tallies(Generic[K]):
    """How often something was, in spans that begin with its first time; the latest are known."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._tallies: OrderedDict[K, _Tally] = OrderedDict()
        # As they were before the transaction in hand.
        self._before: dict[K, _Tally | None] = {}

    def add_good(self, what: K, count: int) -> None:
        if (tally := self._tallies.get(what)) is not None:
            self._keep(what, tally)
            tally.good += count

    def add(self, what: K, now: datetime) -> _Tally:
        tally = self._tallies.get(what)
        self._keep(what, tally)
        if tally is None or not tally.since <= now < tally.since + self._span:
            self._tallies[what] = tally = _Tally(now)
        self._tallies.move_to_end(what)
        if len(self._tallies) > MOST_SENDERS:
            self._tallies.popitem(last=False)
        tally.count += 1
        return tally

    def _keep(self, what: K, tally: _Tally | None) -> None:
        if what not in self._before:
            self._before[what] = None if tally is None else replace(tally)

    def settle(self) -> None:
        if self._before:
            self._before = {}

    def abandon(self) -> None:
        for what, tally in self._before.items():
            if tally is None:
                self._tallies.pop(what, None)
            else:
                self._tallies[what] = tally
        self._before = {}


class Refusals:
    """What one process remembers of refusals.

    What a transaction notes counts at once, and is taken back when the transaction is abandoned.
    """

    def __init__(self) -> None:
        self._recent: _Tallies[Sender] = _Tallies(WINDOW)
        self._crossed: _Tallies[Sender] = _Tallies(WINDOW)
        self._kept: _Tallies[tuple[Sender, Kind]] = _Tallies(KEPT_FOR)

    def keep(self, sender: Sender, kind: Kind, now: datetime) -> bool:
        """Note a refusal; return whether it has a letter of its own."""
        return self._kept.add((sender, kind), now).count <= MOST_KEPT

    def accepted(self, sender: Sender, count: int = 1) -> None:
        """Note that inputs of a sender have taken effect."""
        self._recent.add_good(sender, count)

    def too_many_of_others(self, topic: str, now: datetime) -> bool:
        """Note a refusal of somebody unknown; return whether there are too many."""
        others = Sender(topic, OTHERS)
        in_the_hour = self._kept.add((others, _ANY), now).count
        return self.too_many(others, now) or in_the_hour > MOST_KEPT_OF_OTHERS

    def too_many(self, sender: Sender, now: datetime) -> bool:
        """Note a refusal; return whether its sender has had more than its share of late."""
        most = MOST_OF_OTHERS if sender.source == OTHERS else MOST_IN_WINDOW
        tally = self._recent.add(sender, now)
        return tally.count > most and tally.count > IN_VAIN * (tally.count + tally.good)

    def crosses_too_often(self, sender: Sender, now: datetime) -> bool:
        """Note what crossed with something; return whether its sender says such too often."""
        return self._crossed.add(sender, now).count > MOST_CROSSED

    def settle(self) -> None:
        """Make what was noted final."""
        self._recent.settle()
        self._crossed.settle()
        self._kept.settle()

    def abandon(self) -> None:
        """Take back what was noted since the last transaction."""
        self._recent.abandon()
        self._crossed.abandon()
        self._kept.abandon()
