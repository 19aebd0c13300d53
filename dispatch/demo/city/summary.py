"""What came of the demo's day: figures, invariants and stories, as a table and as JSON."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dispatch.checker import Input, Invariant, check
from dispatch.demo.chronicle import Chronicle
from dispatch.demo.city.stories import STORIES, bad_inputs
from dispatch.demo.outcome import stories_table, verdict
from dispatch.language import text
from dispatch.policy.pack import Pack
from dispatch.simulation.seen import Seen
from dispatch.wording import duration, in_words, said

_MILLISECONDS: Final = 1000.0
_PERCENTILES: Final = (50, 95, 99)
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a day; `latency_ms` is from the causing input's publishing to the order read.

    `hours` are the city's, `seconds` the machine's. `lost` counts events that were logged and never
    read, and inputs of which nothing is known.
    """

    seed: int
    hours: float
    seconds: float
    calls: int
    rules: dict[str, int]
    linked: int
    rejected: int
    orders: int
    swaps: int
    handovers: int
    disinfections: int
    escalations: dict[str, int]
    latency_ms: dict[str, float]
    double_booked: int
    lost: int
    violations: list[str]
    bad_inputs: dict[str, int]
    stories: dict[str, bool]

    @property
    def failures(self) -> list[str]:
        """What did not hold, in the language in use; empty when the day was as it should be."""
        failures = [text(f"demo.story.{name}") for name, told in self.stories.items() if not told]
        failures += self.violations
        failures += [f"{rule}: 0" for rule, count in self.rules.items() if count == 0]
        if self.lost:
            failures.append(f"{text('demo.figure.lost')}: {self.lost}")
        return failures

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as what its JSON holds."""
        return {"ok": not self.failures, **asdict(self)}


def summarise(
    history: Sequence[Seen],
    inputs: Sequence[Input],
    *,
    pack: Pack,
    seed: int,
    start: datetime,
    end: datetime,
    seconds: float,
    latencies: Sequence[float],
    logged: int,
) -> Summary:
    """Sum up a day from the event history; `logged` is how many events the service logged.

    Times are aware UTC, `seconds` and `latencies` those of the machine.
    """
    chronicle = Chronicle(history, inputs)
    violations = check(history, inputs, packs={pack.name: pack}, now=end, orders=history)
    by_invariant = Counter(violation.invariant for violation in violations)
    rules = Counter(decided["decision"]["rule"] for decided in chronicle.of("call.decided"))
    accepted = {
        told["call_id"] for kind in ("call.decided", "call.linked") for told in chronicle.of(kind)
    }

    def count(event_type: str, **wanted: Any) -> int:
        return sum(1 for _ in chronicle.of(event_type, **wanted))

    return Summary(
        seed=seed,
        hours=(end - start).total_seconds() / 3600,
        seconds=round(seconds, 1),
        calls=len(accepted),
        rules={rule.id: rules[rule.id] for rule in pack.rules},
        linked=count("call.linked"),
        rejected=count("input.rejected"),
        orders=count("order.issued"),
        swaps=count("incident.released", outcome="swapped"),
        handovers=count("handover.closed"),
        disinfections=count("disinfection.accepted"),
        escalations=dict(Counter(each["kind"] for each in chronicle.of("escalation.raised"))),
        latency_ms=_percentiles(latencies),
        double_booked=by_invariant[Invariant.ONE_ASSIGNMENT_A_UNIT],
        lost=max(0, logged - len(history)) + by_invariant[Invariant.NO_INPUT_LOST],
        violations=[
            text(
                "demo.violation", invariant=found.invariant.value, explanation=said(found.sentence)
            )
            for found in violations
        ],
        bad_inputs=bad_inputs(chronicle),
        stories={name: story(chronicle) for name, story in STORIES.items()},
    )


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 (nearest rank) in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {f"p{percent}": 0.0 for percent in _PERCENTILES}
    return {
        f"p{percent}": round(
            ordered[min(len(ordered) - 1, len(ordered) * percent // _PERCENT)] * _MILLISECONDS, 1
        )
        for percent in _PERCENTILES
    }


def render(summary: Summary) -> RenderableType:
    """Return the summary as tables: figures, stories, verdict."""
    figures = Table(title=text("demo.summary"), title_justify="left", show_header=False)
    latency = " / ".join(f"{value:.0f}" for value in summary.latency_ms.values())
    rows: Mapping[str, str] = {
        "calls": str(summary.calls),
        "rules": _listed(summary.rules),
        "linked": str(summary.linked),
        "rejected": str(summary.rejected),
        "orders": str(summary.orders),
        "swaps": str(summary.swaps),
        "handovers": str(summary.handovers),
        "disinfections": str(summary.disinfections),
        "escalations": _listed(summary.escalations),
        "latency": latency,
        "double_booked": str(summary.double_booked),
        "lost": str(summary.lost),
        "violations": str(len(summary.violations)),
    }
    for name, value in rows.items():
        figures.add_row(text(f"demo.figure.{name}"), value)
    stories = stories_table(
        {text(f"demo.story.{name}"): told for name, told in summary.stories.items()}
    )
    ran = Text(text("demo.ran", hours=summary.hours, seconds=duration(summary.seconds)))
    return Group(stories, figures, ran, verdict(summary.failures))


def _listed(counts: Mapping[str, int]) -> str:
    return "  ".join(f"{in_words(name)} {count}" for name, count in counts.items()) or "0"
