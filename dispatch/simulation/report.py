"""What happened in a replay, counted from the events alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median, quantiles
from typing import Any, Final

from dispatch.checker import Invariant, Violation
from dispatch.simulation.recorded import Recorded
from dispatch.simulation.stage import Stage

RULES: Final = ("R1", "R2", "R3", "R4", "R5", "R5T", "R6", "R7", "R8", "R9")


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number of durations spread, in seconds."""

    count: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A wait in the scenario beside the recorded one of the same calls."""

    replayed: Spread | None
    recorded: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A replay in figures.

    `by_rule` counts calls by the rule of the last decision; `asked` and `timed_out` those that R5
    or R5T ever decided. `call_to_order` is in wall milliseconds, `waits` in scenario seconds.
    """

    calls: int
    by_rule: dict[str, int]
    linked: int
    cancelled: int
    asked: int
    timed_out: int
    orders: int
    swaps: int
    releases: dict[str, int]
    escalations: dict[str, int]
    handovers_announced: int
    handovers_closed: int
    disinfections: int
    rejected_inputs: int
    inputs: int
    events: int
    call_to_order: dict[str, float]
    waits: dict[str, Compared]
    scenario_seconds: float
    wall_seconds: float
    double_booked: int
    lost: int
    open_incidents: int
    violations: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as what its JSON holds."""
        return asdict(self)


def report_of(
    stage: Stage,
    calls: Mapping[str, Recorded],
    violations: Sequence[Violation],
    *,
    counts: Mapping[str, int],
    started_at: datetime,
    wall_seconds: float,
) -> Report:
    """Count what happened on a stage."""
    by_type: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for seen in stage.history:
        by_type[seen.type].append(seen.data)
    last_rule: dict[str, str] = {}
    ever: defaultdict[str, set[str]] = defaultdict(set)
    for decided in by_type["call.decided"]:
        rule = decided["decision"]["rule"]
        last_rule[decided["call_id"]] = rule
        ever[rule].add(decided["call_id"])
    rules = Counter(last_rule.values())
    releases = Counter(each["outcome"] for each in by_type["incident.released"])
    return Report(
        calls=counts["calls"],
        by_rule={rule: rules[rule] for rule in RULES if rules[rule] or rule in ever},
        linked=len(by_type["call.linked"]),
        cancelled=len(by_type["incident.cancelled"]),
        asked=len(ever["R5"]),
        timed_out=len(ever["R5T"]),
        orders=len(by_type["order.issued"]),
        swaps=releases["swapped"],
        releases=dict(releases.most_common()),
        escalations=dict(Counter(e["kind"] for e in by_type["escalation.raised"]).most_common()),
        handovers_announced=len(by_type["handover.announced"]),
        handovers_closed=len(by_type["handover.closed"]),
        disinfections=len(by_type["disinfection.accepted"]),
        rejected_inputs=len(by_type["input.rejected"]),
        inputs=len(stage.published),
        events=len(stage.history),
        call_to_order=_latency(stage.latencies("order.issued")),
        waits=_waits(by_type, calls),
        scenario_seconds=(stage.clock.now() - started_at).total_seconds(),
        wall_seconds=wall_seconds,
        double_booked=sum(v.invariant == Invariant.ONE_ASSIGNMENT_A_UNIT for v in violations),
        lost=sum(v.invariant == Invariant.NO_INPUT_LOST for v in violations),
        open_incidents=counts["open_incidents"],
        violations=[f"{v.invariant.name.lower()}: {v.sentence}" for v in violations],
    )


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    if len(seconds) < 2:  # noqa: PLR2004 - what quantiles need
        return {}
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {f"p{n}": round(cuts[n - 1] * 1000, 1) for n in (50, 95, 99)}


def _waits(
    by_type: Mapping[str, list[dict[str, Any]]], calls: Mapping[str, Recorded]
) -> dict[str, Compared]:
    """Compare the waits of the incidents that have them, in the scenario and in the record."""
    first_order: dict[str, dict[str, Any]] = {}
    for order in by_type["order.issued"]:
        first_order.setdefault(order["incident_id"], order)
    on_scene: dict[str, dict[str, Any]] = {}
    for progress in by_type["incident.progressed"]:
        if progress["status"] == "on_scene":
            on_scene.setdefault(progress["incident_id"], progress)
    ordered_at = {order["assignment_id"]: _time(order) for order in by_type["order.issued"]}
    replayed: dict[str, dict[str, float]] = {
        "received_to_order": {
            call_id: (_time(order) - calls[call_id].call.received_at).total_seconds()
            for call_id, order in first_order.items()
        },
        "order_to_scene": {
            call_id: (_time(there) - ordered_at[there["assignment_id"]]).total_seconds()
            for call_id, there in on_scene.items()
        },
        "received_to_scene": {
            call_id: (_time(there) - calls[call_id].call.received_at).total_seconds()
            for call_id, there in on_scene.items()
        },
    }
    recorded: dict[str, dict[str, float]] = {name: {} for name in replayed}
    for call_id, each in calls.items():
        received, times = each.call.received_at, each.times
        for name, begin, end in (
            ("received_to_order", received, times.dispatched_at),
            ("order_to_scene", times.dispatched_at, times.on_scene_at),
            ("received_to_scene", received, times.on_scene_at),
        ):
            if begin is not None and end is not None and end >= begin:
                recorded[name][call_id] = (end - begin).total_seconds()
    compared = {}
    for name, ours in replayed.items():
        theirs = recorded[name]
        same = ours.keys() & theirs.keys() if theirs else ours.keys()
        compared[name] = Compared(
            _spread(ours[call_id] for call_id in same),
            _spread(theirs[call_id] for call_id in same) if theirs else None,
        )
    return compared


def _spread(seconds: Iterable[float]) -> Spread | None:
    values = sorted(seconds)
    if not values:
        return None
    return Spread(
        len(values), round(median(values), 1), round(values[int(0.9 * (len(values) - 1))], 1)
    )


def _time(data: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(data["at"])
