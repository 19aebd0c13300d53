"""What came of the intake: patients in beds, batches, clocks, invariants, stories, indicators."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dispatch.checker import Input, Invariant, check
from dispatch.demo.chronicle import Chronicle
from dispatch.demo.jinzhou.scenario import NEEDS, batch_id
from dispatch.demo.jinzhou.stories import STORIES
from dispatch.demo.outcome import stories_table, verdict
from dispatch.indicators.computation import as_logged, compute
from dispatch.indicators.figures import Figure
from dispatch.language import text
from dispatch.planning.problem import SEVERITIES
from dispatch.planning.scenario import Scenario
from dispatch.policy.pack import Pack
from dispatch.simulation.seen import Seen
from dispatch.store.plan import CityPlan
from dispatch.wording import duration, in_words, named, said

_SECONDS_PER_MINUTE: Final = 60.0
_SECONDS_PER_DAY: Final = 86_400.0
# How a clock may end; one that is still running must be inside its limit.
_ENDS: Final = ("met", "ended_late", "stopped", "breached")


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """A batch: its first plan beside the lower bound, and how long it took, in minutes.

    All three are from the request to the last handover; `realised` is None where somebody has not
    arrived. `plans` counts the plans that were adopted.
    """

    batch_id: str
    requested_at: datetime
    patients: int
    arrived: int
    plans: int
    bound: float
    planned: float
    realised: float | None


@dataclass(frozen=True, slots=True)
class ClockCounts:
    """How the limits ended; `unaccounted` ran out and nobody was told."""

    started: int
    met: int
    breached: int
    stopped: int
    running: int
    unaccounted: list[str]


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of the intake; `days` are the cities', `seconds` the machine's.

    `beds` counts by severity the rooms that patients were handed over into; `misplaced` names who
    is in none, in one of the wrong kind, or where their special need can't be met. `undisinfected`
    names the runs whose vehicle has no certificate. `lost` counts events that were logged and never
    read, and inputs of which nothing is known.
    """

    seed: int
    days: float
    seconds: float
    patients: int
    in_beds: int
    beds: dict[str, dict[str, int]]
    misplaced: list[str]
    batches: list[BatchOutcome]
    orders: int
    disinfections: int
    undisinfected: list[str]
    clocks: ClockCounts
    escalations: dict[str, int]
    rejected: int
    double_booked: int
    lost: int
    violations: list[str]
    stories: dict[str, bool]
    figures: list[Figure]

    @property
    def failures(self) -> list[str]:
        """What did not hold, in the language in use; empty when all was as it should be."""
        failures = [
            text(f"demo.jinzhou.story.{name}") for name, told in self.stories.items() if not told
        ]
        failures += [*self.violations, *self.misplaced, *self.clocks.unaccounted]
        failures += [
            text("demo.jinzhou.undisinfected", assignment_id=each) for each in self.undisinfected
        ]
        failures += [
            text("demo.jinzhou.not_all", batch_id=each.batch_id)
            for each in self.batches
            if each.realised is None
        ]
        failures += [
            text(f"indicators.title.{each.indicator.name}")
            for each in self.figures
            if each.indicator.family == "zero" and each.met is False
        ]
        if self.lost:
            failures.append(f"{text('demo.figure.lost')}: {self.lost}")
        return failures

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as what its JSON holds."""
        content = {name: getattr(self, name) for name in self.__slots__ if name != "figures"}
        content["batches"] = [asdict(each) for each in self.batches]
        content["clocks"] = asdict(self.clocks)
        content["indicators"] = [
            {
                "name": each.indicator.name,
                "family": each.indicator.family,
                "value": each.value,
                "target": each.indicator.target,
                "met": each.met,
            }
            for each in self.figures
        ]
        return {"ok": not self.failures, **content}


def summarise(
    history: Sequence[Seen],
    inputs: Sequence[Input],
    *,
    scenario: Scenario,
    plan: CityPlan,
    pack: Pack,
    seed: int,
    start: datetime,
    end: datetime,
    seconds: float,
    logged: int,
) -> Summary:
    """Sum up the intake from the event history; `logged` is how many events the service logged.

    Times are aware UTC, `seconds` those of the machine.
    """
    chronicle = Chronicle(history, inputs)
    violations = check(history, inputs, packs={pack.name: pack}, now=end, orders=history)
    by_invariant = Counter(violation.invariant for violation in violations)
    taken = _taken(chronicle, scenario)
    return Summary(
        seed=seed,
        days=round((end - start).total_seconds() / _SECONDS_PER_DAY, 1),
        seconds=round(seconds, 1),
        patients=len(scenario.patient),
        in_beds=len(taken),
        beds=_beds(scenario, taken),
        misplaced=list(_misplaced(scenario, plan, pack, taken)),
        batches=[_outcome(chronicle, batch_id(each.number)) for each in scenario.batch],
        orders=sum(1 for _ in chronicle.of("order.issued")),
        disinfections=sum(1 for _ in chronicle.of("disinfection.accepted")),
        undisinfected=_undisinfected(chronicle),
        clocks=_clocks(chronicle, end),
        escalations=dict(Counter(each["kind"] for each in chronicle.of("escalation.raised"))),
        rejected=sum(1 for _ in chronicle.of("input.rejected")),
        double_booked=by_invariant[Invariant.ONE_ASSIGNMENT_A_UNIT]
        + by_invariant[Invariant.NO_ROOM_TWICE],
        lost=max(0, logged - len(history)) + by_invariant[Invariant.NO_INPUT_LOST],
        violations=[
            text(
                "demo.violation", invariant=found.invariant.value, explanation=said(found.sentence)
            )
            for found in violations
        ],
        stories={name: story(chronicle) for name, story in STORIES.items()},
        figures=compute(as_logged(history), pack),
    )


def _taken(chronicle: Chronicle, scenario: Scenario) -> dict[str, tuple[str, str]]:
    """Return the hospital and the room kind that each patient was handed over into."""
    batches = {batch_id(each.number) for each in scenario.batch}
    kept = {
        reserved["reservation_id"]: reserved["patient_id"]
        for reserved in chronicle.of("bed.reserved")
        if reserved["transfer_id"] in batches
    }
    return {
        kept[occupied["promise_id"]]: (occupied["hospital_id"], occupied["room"])
        for occupied in chronicle.of("bed.occupied")
        if occupied["promise_id"] in kept
    }


def _beds(scenario: Scenario, taken: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, int]]:
    rooms: dict[str, Counter[str]] = {severity: Counter() for severity in SEVERITIES}
    for patient in scenario.patient:
        if patient.patient_id in taken:
            rooms[patient.severity][taken[patient.patient_id][1]] += 1
    return {severity: dict(counted) for severity, counted in rooms.items()}


def _misplaced(
    scenario: Scenario, plan: CityPlan, pack: Pack, taken: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    able = {hospital.hospital_id: hospital.capabilities for hospital in plan.hospital}
    for patient in scenario.patient:
        hospital_id, room = taken.get(patient.patient_id, (None, None))
        told = {
            "patient_id": patient.patient_id,
            "severity": in_words(patient.severity, "severity"),
            "room": in_words(room, "room"),
        }
        if hospital_id is None or room not in scenario.severity[patient.severity].beds:
            yield text("demo.jinzhou.misplaced", **told)
            continue
        needs = [pack.needs.codes[NEEDS[need]].capability for need in patient.needs]
        for need in needs:
            if need is not None and need not in able[hospital_id]:
                yield text(
                    "demo.jinzhou.unable",
                    hospital_id=named(hospital_id),
                    need=in_words(need, "capability"),
                    **told,
                )


def _undisinfected(chronicle: Chronicle) -> list[str]:
    """Return the runs that ended with a terminal disinfection for which no certificate came."""
    jobs = {job["assignment_id"]: job["job_id"] for job in chronicle.of("disinfection.ordered")}
    done = {accepted["job_id"] for accepted in chronicle.of("disinfection.accepted")}
    ended = chronicle.of("handover.closed", disinfection="terminal")
    runs = [each["assignment_id"] for each in ended]
    return [run for run in runs if jobs.get(run) not in done]


def _outcome(chronicle: Chronicle, batch: str) -> BatchOutcome:
    plans = list(chronicle.of("batch.planned", batch_id=batch))
    progress = list(chronicle.of("batch.progressed", batch_id=batch))
    first, last = progress[0], progress[-1]
    trips = f"{batch}.T"
    closed = [
        each.at for each in chronicle.of("handover.closed") if each["incident_id"].startswith(trips)
    ]
    realised = None
    if last["status"] == "completed":
        realised = round((max(closed) - first.at).total_seconds() / _SECONDS_PER_MINUTE, 1)
    return BatchOutcome(
        batch_id=batch,
        requested_at=first.at,
        patients=first["waiting"],
        arrived=last["arrived"],
        plans=len(plans),
        bound=plans[0]["bound_seconds"] / _SECONDS_PER_MINUTE,
        planned=plans[0]["makespan_seconds"] / _SECONDS_PER_MINUTE,
        realised=realised,
    )


def _clocks(chronicle: Chronicle, end: datetime) -> ClockCounts:
    ends = {
        kind: {(each["clock_id"], each["started_at"]) for each in chronicle.of(f"clock.{kind}")}
        for kind in _ENDS
    }
    over = set().union(*ends.values())
    started = list(chronicle.of("clock.started"))
    running = [each for each in started if (each["clock_id"], each["started_at"]) not in over]
    return ClockCounts(
        started=len(started),
        met=len(ends["met"]),
        breached=len(ends["breached"]),
        stopped=len(ends["stopped"]),
        running=len(running),
        unaccounted=[
            text("demo.jinzhou.unaccounted", clock_id=each["clock_id"])
            for each in running
            if datetime.fromisoformat(each["due_at"]) <= end
        ],
    )


def render(summary: Summary) -> RenderableType:
    """Return the summary as tables: batches, figures, stories, verdict."""
    figures = Table(title=text("demo.summary"), title_justify="left", show_header=False)
    clocks = summary.clocks
    rows: Mapping[str, str] = {
        "in_beds": f"{summary.in_beds} / {summary.patients}",
        "beds": "\n".join(
            text("mark.pair", name=in_words(severity, "severity"), value=_listed(rooms))
            for severity, rooms in summary.beds.items()
        ),
        "orders": str(summary.orders),
        "disinfections": str(summary.disinfections),
        "clocks": " / ".join(
            str(each) for each in (clocks.met, clocks.breached, clocks.stopped, clocks.running)
        ),
        "escalations": _listed(summary.escalations),
        "rejected": str(summary.rejected),
        "double_booked": str(summary.double_booked),
        "lost": str(summary.lost),
        "violations": str(len(summary.violations)),
    }
    for name, value in rows.items():
        figures.add_row(text(f"demo.jinzhou.figure.{name}"), value)
    ran = Text(text("demo.jinzhou.ran", days=summary.days, seconds=duration(summary.seconds)))
    told = {text(f"demo.jinzhou.story.{name}"): each for name, each in summary.stories.items()}
    return Group(
        _batches(summary.batches), stories_table(told), figures, ran, verdict(summary.failures)
    )


def _batches(batches: Sequence[BatchOutcome]) -> Table:
    table = Table(title=text("demo.jinzhou.batches"), title_justify="left", box=SIMPLE_HEAD)
    for name in ("batch", "patients", "plans", "bound", "planned", "realised"):
        table.add_column(
            text(f"demo.jinzhou.column.{name}"), justify="left" if name == "batch" else "right"
        )
    for each in batches:
        realised = "-" if each.realised is None else f"{each.realised:.0f}"
        numbers = (f"{each.arrived} / {each.patients}", str(each.plans), f"{each.bound:.0f}")
        table.add_row(each.batch_id, *numbers, f"{each.planned:.0f}", realised)
    return table


def _listed(counts: Mapping[str, int]) -> str:
    return "  ".join(f"{in_words(name)} {count}" for name, count in counts.items()) or "0"
