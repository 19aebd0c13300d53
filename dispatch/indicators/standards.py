"""The time standards: each kind of clock, the share that kept its limit and how long it took.

A clock counts where it is met or breached; a breached one that ends late adds its duration then.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dispatch.indicators.figures import Figure, Finding, Indicator, Ref, ref
from dispatch.indicators.known import Known
from dispatch.indicators.scope import Scope
from dispatch.policy.pack import ClockLimit
from dispatch.topics.envelope import Logged

PERCENTILES: Final = (50, 90, 95)
_WHOLE: Final = 100


def of_kind(kind: str, limit: ClockLimit) -> Indicator:
    """Return the indicator of a kind of clock; all must keep it where no share is named."""
    share = 1.0 if limit.share is None else limit.share
    return Indicator(kind, "time", limit.source, "share", "at_least", share)


@dataclass(slots=True)
class _Kept:
    """What came of the clocks of one kind; durations in seconds, running ones by their id."""

    met: int = 0
    stopped: int = 0
    took: "array[float]" = field(default_factory=lambda: array("d"))
    running: dict[str, Ref] = field(default_factory=dict)
    breaches: list[Finding] = field(default_factory=list)


class Standards:
    """Follows every clock from its start to its end."""

    def __init__(self, known: Known, scope: Scope) -> None:
        self._limits = known.pack.clocks
        self._scope = scope
        self._kept = {str(kind): _Kept() for kind in self._limits}
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "clock.started": self._started,
            "clock.met": self._met,
            "clock.breached": self._breached,
            "clock.ended_late": self._ended_late,
            "clock.stopped": self._stopped,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield one figure a kind of clock: the share within the limit, None where none ended."""
        for kind, limit in self._limits.items():
            kept = self._kept[kind]
            breached = len(kept.breaches)
            counted = kept.met + breached
            yield Figure(
                indicator=of_kind(kind, limit),
                value=kept.met / counted if counted else None,
                findings=tuple(kept.breaches),
                details={
                    "limit_seconds": limit.limit_seconds,
                    "met": kept.met,
                    "breached": breached,
                    "stopped": kept.stopped,
                    "running": len(kept.running),
                    **_spread(kept.took),
                },
            )

    def _started(self, event: Logged) -> None:
        if self._is_of_district(event):
            self._of(event).running[event.data["clock_id"]] = ref(event)

    def _met(self, event: Logged) -> None:
        self._end(event)
        if self._counts(event):
            kept = self._of(event)
            kept.met += 1
            kept.took.append(event.data["took_seconds"])

    def _breached(self, event: Logged) -> None:
        started = self._end(event)
        if self._counts(event):
            before = () if started is None else (started,)
            about = event.data["clock_id"]
            finding = Finding("limit_breached", about, event.at, (*before, ref(event)))
            self._of(event).breaches.append(finding)

    def _ended_late(self, event: Logged) -> None:
        if self._counts(event):
            self._of(event).took.append(event.data["took_seconds"])

    def _stopped(self, event: Logged) -> None:
        # A breached clock has ended for good, whether what it was for is done or not.
        if self._end(event) is not None and self._counts(event):
            self._of(event).stopped += 1

    def _end(self, event: Logged) -> Ref | None:
        return self._of(event).running.pop(event.data["clock_id"], None)

    def _of(self, event: Logged) -> _Kept:
        # A log may have a kind that the pack in force knows no more.
        return self._kept.setdefault(event.data["kind"], _Kept())

    def _is_of_district(self, event: Logged) -> bool:
        district = event.data["district"]
        return self._scope.has(None if district is not None else event.data["owner"], district)

    def _counts(self, event: Logged) -> bool:
        return self._scope.covers(event.at) and self._is_of_district(event)


def _spread(took: "array[float]") -> dict[str, Any]:
    """Return the percentiles (nearest rank) and the longest, in seconds; None without any."""
    ordered = sorted(took)
    if not ordered:
        return {**{f"p{percent}": None for percent in PERCENTILES}, "max": None}
    return {
        **{
            f"p{percent}": round(ordered[-(-len(ordered) * percent // _WHOLE) - 1], 3)
            for percent in PERCENTILES
        },
        "max": round(ordered[-1], 3),
    }
