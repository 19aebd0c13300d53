"""The report of a run, for people and for machines."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from tests.faults.findings import share_within
from tests.faults.kinds import Kind
from tests.faults.run import Outcome

# Events that show that there was something to go wrong.
TOLD: Final = (
    "call.decided",
    "call.linked",
    "order.issued",
    "order.withdrawn",
    "handover.closed",
    "disinfection.accepted",
    "case.reported",
    "incident.closed",
    "input.rejected",
)
SHOWN: Final = 3  # findings of a kind


def as_json(outcomes: Mapping[str, Outcome]) -> str:
    """Return everything as JSON, by the name of each run."""
    told = {name: _told(outcome) for name, outcome in outcomes.items()}
    return json.dumps(told, indent=2, ensure_ascii=False)


def _told(outcome: Outcome) -> dict[str, Any]:
    verdict = outcome.verdict
    return {
        "clean": outcome.clean,
        "seed": outcome.plan.seed,
        "load": asdict(outcome.plan.load),
        "faults": [asdict(fault) for fault in outcome.faults],
        "not_injected": outcome.left_out,
        "bad_inputs": outcome.poison,
        "inputs": dict(verdict.inputs),
        "outcomes": dict(verdict.outcomes),
        "events": dict(verdict.events),
        "event_types": dict(verdict.types),
        "published": outcome.published,
        "published_again_after_a_failure": outcome.republished,
        "events_delivered_again": verdict.delivered_again,
        "load_seconds": outcome.load_seconds,
        "settled_after_seconds": outcome.settled_after,
        "backlog_seconds": outcome.backlog_seconds,
        "backlog_first_input_after_seconds": outcome.first_after,
        "recovery_seconds": outcome.recoveries,
        "recovery_median_seconds": median(outcome.recoveries) if outcome.recoveries else None,
        "others_waited_seconds": {
            "calls": len(outcome.waited),
            "p50": share_within(outcome.waited, 0.5),
            "p99": share_within(outcome.waited),
            "max": max(outcome.waited, default=0.0),
            "p99_just_before": share_within(outcome.usual),
        },
        "crews_rung_up": dict(outcome.rung),
        "units_left_standing": dict(outcome.left_standing),
        "found": verdict.by_kind,
        "findings": [finding.sentence for finding in verdict.findings],
    }


def as_text(outcome: Outcome) -> str:
    """Return what to read first, and of each kind of violation the smallest history."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    verdict = outcome.verdict
    inputs = sum(verdict.inputs.values())
    yield f"seed {outcome.plan.seed}"
    yield f"  inputs on Kafka {inputs}{_rate(outcome)}"
    for name, number in sorted(verdict.outcomes.items()):
        yield f"    {name} {number}"
    yield f"  events taken by a reader {sum(verdict.events.values())}"
    for name in TOLD:
        yield f"    {name} {verdict.types[name]}"
    yield f"  events delivered again, and dropped by a reader {verdict.delivered_again}"
    yield f"faults {len(outcome.faults)}"
    counts = Counter(fault.kind for fault in outcome.faults)
    for kind in Kind:
        if counts[kind]:
            yield f"  {counts[kind]:4d}  {kind}"
    for kind, number in Counter(outcome.left_out).items():
        yield f"  NOT INJECTED, as it can't be here: {number} times {kind}"
    if outcome.recoveries:
        found = sorted(outcome.recoveries)
        yield (
            f"recovery: first order by the heir of a killed worker, median {median(found):.1f} s "
            f"(from {found[0]:.1f} to {found[-1]:.1f} s, {len(found)} times)"
        )
    if outcome.waited:
        yield (
            f"others' calls, while one client or record did harm: {len(outcome.waited)}, answered "
            f"within {share_within(outcome.waited, 0.5):.3f} s (p50), "
            f"{share_within(outcome.waited):.3f} s (p99), {max(outcome.waited):.3f} s (all); just "
            f"before within {share_within(outcome.usual):.3f} s (p99)"
        )
    yield f"crews that had to be rung up: {_by_status(outcome.rung)}"
    yield f"units that stood still for good: {_by_status(outcome.left_standing)}"
    yield _settled(outcome)
    yield "found"
    for found_kind, number in verdict.by_kind.items():
        yield f"  {number:4d}  {found_kind}"
    for each in verdict.by_kind:
        of_kind = [finding for finding in verdict.findings if finding.kind == each]
        for finding in sorted(of_kind, key=lambda one: len(one.events))[:SHOWN]:
            yield f"{each}: {finding.sentence}"
            for event in finding.events:
                yield (
                    f"    {event.topic} {event.key} #{event.sequence} {event.type} {event.id} "
                    f"because of {event.cause}: {event.value.decode()}"
                )
    yield "clean" if outcome.clean else "NOT CLEAN"


def _by_status(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in sorted(counts.items())) or "none"


def _rate(outcome: Outcome) -> str:
    if not outcome.load_seconds:
        return ""
    return f" ({outcome.published / outcome.load_seconds:.0f}/s while the load lasted)"


def _settled(outcome: Outcome) -> str:
    if outcome.settled_after is None:
        return "NOT SETTLED: inputs or events are left"
    if outcome.backlog_seconds is None:
        return f"settled {outcome.settled_after:.1f} s after the last input"
    load, seconds = outcome.plan.load, outcome.backlog_seconds
    return (
        f"backlog: {load.calls} calls ({outcome.published} inputs) decided and published "
        f"{seconds:.1f} s after the start of {load.workers} workers, the first after "
        f"{outcome.first_after:.1f} s: {load.calls / seconds:.0f} calls a second"
    )
