"""What an indicator is, and what comes of it: a figure and the events behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from dispatch.indicators.scope import Scope
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.envelope import Logged

Family = Literal["zero", "apart", "six_none", "time", "fleet"]


class Ref(NamedTuple):
    """An event of the log, by its position and its id."""

    position: int
    id: str


def ref(event: Logged) -> Ref:
    """Return what names an event."""
    return Ref(event.position, event.id)


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is counted, by which source, and the target: at most, or at least, so much.

    An indicator without `aim` has no target: it is counted to be seen. A share is from 0 to 1.
    """

    name: str
    family: Family
    source: str
    unit: Literal["count", "share"] = "count"
    aim: Literal["at_most", "at_least"] | None = "at_most"
    target: float | None = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was counted: why, about what, when (aware UTC), and the events that show it.

    `why` is a code that the message catalogue puts into words.
    """

    why: str
    about: str
    at: datetime
    events: tuple[Ref, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What came of an indicator; `value` is None where the log says nothing about it."""

    indicator: Indicator
    value: float | None
    findings: tuple[Finding, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target or a value."""
        target = self.indicator.target
        if self.value is None or target is None or self.indicator.aim is None:
            return None
        return self.value <= target if self.indicator.aim == "at_most" else self.value >= target

    @property
    def events(self) -> tuple[Ref, ...]:
        """The events behind the figure, in the order of the log."""
        return tuple(sorted({each for finding in self.findings for each in finding.events}))

    def as_dict(self) -> dict[str, Any]:
        """Return the figure as what its JSON holds."""
        indicator = self.indicator
        return {
            "name": indicator.name,
            "family": indicator.family,
            "source": indicator.source,
            "unit": indicator.unit,
            "value": self.value,
            "aim": indicator.aim,
            "target": indicator.target,
            "met": self.met,
            "details": dict(self.details),
            "findings": [
                {
                    "why": finding.why,
                    "about": finding.about,
                    "at": timestamp(finding.at),
                    "events": [each._asdict() for each in finding.events],
                }
                for finding in self.findings
            ],
        }


class Tally:
    """The findings of one counted indicator, as far as they are within the scope."""

    def __init__(self, indicator: Indicator, scope: Scope) -> None:
        self.indicator = indicator
        self._scope = scope
        self._findings: list[Finding] = []

    def add(
        self, why: str, about: str, event: Logged, *before: Ref, incident_id: str | None
    ) -> None:
        """Count what an event brought about, with the events before it that show why."""
        if self._scope.counts(event.at, incident_id):
            events = tuple(sorted({*before, ref(event)}))
            self._findings.append(Finding(why, about, event.at, events))

    def figure(self) -> Figure:
        """Return the figure: how many there were."""
        return Figure(
            indicator=self.indicator,
            value=len(self._findings),
            findings=tuple(self._findings),
        )
