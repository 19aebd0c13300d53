"""Istanbul's two ways of disinfecting, side by side: days of the same service under each.

The real rules decide, order, block and release; crews, sites and calls are simulated. What is
measured is read off the events alone, but for the parts of a turnaround.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from statistics import fmean, quantiles
from typing import Any, Final

from dispatch.checker import Input, check
from dispatch.domain.roster import DISPATCHABLE
from dispatch.policy.pack import Pack
from dispatch.simulation.ambulances import Ambulances, Spell
from dispatch.simulation.centre import Centre, Told
from dispatch.simulation.istanbul import (
    DAY,
    REGIMES,
    Demand,
    Draws,
    Inputs,
    Regime,
    calls_of,
    city_of,
    demand_of,
    pack_of,
)
from dispatch.topics.disinfections import DisinfectionAccepted, DisinfectionOrdered
from dispatch.topics.fleet import UnitChanged
from dispatch.topics.handovers import HandoverClosed
from dispatch.topics.incidents import IncidentProgressed, IncidentQueued

_MINUTE: Final = timedelta(minutes=1)

# From a time (aware UTC) up to, not including, another.
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A day that was played: the span that counts, and everything that was said and told.

    `received` has the time of each call by its id.
    """

    span: Span
    pack: Pack
    received: dict[str, datetime]
    history: list[Told]
    inputs: list[Input]
    spells: list[Spell]
    ended_at: datetime


@dataclass(slots=True)
class Measured:
    """What is measured over days; lists are in minutes, one value a case or a call.

    A case counts on the day it is handed over, a call on the day it is received; both are followed
    to their end. `busy` and `blocked` add up the time of all ambulances within the days.
    """

    ambulance_days: int = 0
    cases: int = 0
    covid_cases: int = 0
    calls: int = 0
    queued: int = 0
    turnarounds: list[float] = field(default_factory=list)
    ways: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    services: list[float] = field(default_factory=list)
    responses: list[float] = field(default_factory=list)
    busy: timedelta = timedelta()
    blocked: timedelta = timedelta()
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A regime at a demand in figures: minutes, shares (0 to 1), cases an ambulance and day.

    `turnaround` runs from the handover of a COVID case to the accepted certificate: `way` to the
    site, `wait` for a bay and `service` are its parts. `dispatchable` is the share of
    ambulance-time, `blocked` that between contaminated handover and certificate; `busy` the minutes
    a case for which an ambulance cannot be sent elsewhere. `queued` is the share of calls that
    found no unit at once; a `response` runs from the call to the crew on scene.
    """

    regime: Regime
    demand: Demand
    days: int
    turnaround: float
    turnaround_least: float
    turnaround_most: float
    way: float
    wait: float
    service: float
    dispatchable: float
    blocked: float
    busy: float
    queued: float
    response_p50: float
    response_p90: float
    cases: float
    covid_cases: float
    violations: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as what its JSON holds."""
        return asdict(self)


def compare(inputs: Inputs, *, seed: int, days: int, progress: Callable[[], None]) -> list[Outcome]:
    """Return both regimes at both demands, regimes within demands; `progress` is told each day.

    The same seed draws the same calls and the same phases for both regimes at a demand.
    """
    return [
        simulate(inputs, regime, demand_of(inputs, whose), seed=seed, days=days, progress=progress)
        for whose in REGIMES
        for regime in REGIMES
    ]


def simulate(
    inputs: Inputs,
    regime: Regime,
    demand: Demand,
    *,
    seed: int,
    days: int,
    progress: Callable[[], None],
) -> Outcome:
    """Return a regime at a demand over some days (at least one), each a run of its own."""
    measured = Measured()
    for day in range(days):
        measure(inputs, play(inputs, regime, demand, seed=seed, day=day), measured)
        progress()
    return _outcome(measured, regime, demand, days)


def play(inputs: Inputs, regime: Regime, demand: Demand, *, seed: int, day: int) -> Played:
    """Play one day (from 0), the margins before and after it included, until all work is done."""
    pack = pack_of(inputs, regime)
    calls = calls_of(inputs, demand, seed=seed, day=day)
    start = inputs.start + day * DAY
    centre = Centre(city_of(inputs, pack), start=start - timedelta(hours=inputs.margin_hours))
    ambulances = Ambulances(centre, inputs, inputs.regimes[regime], Draws(f"{seed}/{day}"))
    for call in calls:
        centre.at(call.received_at, partial(centre.say, call, call.call_id))
    centre.run(until=calls[-1].received_at)
    return Played(
        span=(start, start + DAY),
        pack=pack,
        received={call.call_id: call.received_at for call in calls},
        history=centre.history,
        inputs=centre.inputs,
        spells=ambulances.spells,
        ended_at=centre.now,
    )


def measure(inputs: Inputs, played: Played, into: Measured) -> None:
    """Add a day to what was measured, and whatever invariant it violates."""
    into.ambulance_days += inputs.fleet.ambulances
    _measure_cases(played, into)
    _measure_units(played, into)
    _measure_calls(played, into)
    _measure_spells(played, into)
    packs = {played.pack.name: played.pack}
    found = check(
        played.history, played.inputs, packs=packs, now=played.ended_at, orders=played.history
    )
    into.violations += [f"{each.invariant.name.lower()}: {each.sentence}" for each in found]


def _measure_cases(played: Played, into: Measured) -> None:
    # When the contaminated handover was, by the assignment and by its job.
    handed_over: dict[str, datetime] = {}
    begins: dict[str, datetime] = {}
    for told in played.history:
        match told.event:
            case HandoverClosed() as closed:
                handed_over[closed.assignment_id] = closed.at
                if _within(closed.at, played.span):
                    into.cases += 1
                    into.covid_cases += closed.disinfection == "terminal"
            case DisinfectionOrdered() as job:
                begins[job.job_id] = handed_over[job.assignment_id]
            case DisinfectionAccepted() as accepted:
                begin = begins[accepted.job_id]
                if _within(begin, played.span):
                    into.turnarounds.append((accepted.at - begin) / _MINUTE)


def _measure_units(played: Played, into: Measured) -> None:
    """Add up how long units were busy and blocked; before its first change a unit is free."""
    last: dict[str, UnitChanged] = {}
    for told in played.history:
        if not isinstance(told.event, UnitChanged):
            continue
        before = last.get(told.event.unit_id)
        last[told.event.unit_id] = told.event
        if before is None:
            continue
        spent = min(told.event.at, played.span[1]) - max(before.at, played.span[0])
        if spent > timedelta():
            if before.job_id is not None:
                into.blocked += spent
            if not _is_dispatchable(before):
                into.busy += spent


def _measure_calls(played: Played, into: Measured) -> None:
    on_scene: dict[str, datetime] = {}
    queued: set[str] = set()
    for told in played.history:
        match told.event:
            case IncidentProgressed(status="on_scene") as there:
                on_scene.setdefault(there.incident_id, there.at)
            case IncidentQueued() as waiting:
                queued.add(waiting.incident_id)
    within = {call_id: at for call_id, at in played.received.items() if _within(at, played.span)}
    into.calls += len(within)
    into.queued += len(queued & within.keys())
    into.responses += [(on_scene[call_id] - at) / _MINUTE for call_id, at in within.items()]


def _measure_spells(played: Played, into: Measured) -> None:
    for spell in played.spells:
        if _within(spell.ordered_at, played.span):
            into.ways.append((spell.arrived_at - spell.ordered_at) / _MINUTE)
            into.waits.append((spell.started_at - spell.arrived_at) / _MINUTE)
            into.services.append((spell.ended_at - spell.started_at) / _MINUTE)


def _outcome(measured: Measured, regime: Regime, demand: Demand, days: int) -> Outcome:
    time = measured.ambulance_days * DAY
    responses = quantiles(measured.responses, n=10, method="inclusive")
    return Outcome(
        regime=regime,
        demand=demand,
        days=days,
        turnaround=fmean(measured.turnarounds),
        turnaround_least=min(measured.turnarounds),
        turnaround_most=max(measured.turnarounds),
        way=fmean(measured.ways),
        wait=fmean(measured.waits),
        service=fmean(measured.services),
        dispatchable=1 - measured.busy / time,
        blocked=measured.blocked / time,
        busy=measured.busy / _MINUTE / measured.cases,
        queued=measured.queued / measured.calls,
        response_p50=responses[4],
        response_p90=responses[8],
        cases=measured.cases / measured.ambulance_days,
        covid_cases=measured.covid_cases / measured.ambulance_days,
        violations=measured.violations,
    )


def _is_dispatchable(unit: UnitChanged) -> bool:
    free = unit.assignment_id is None and unit.job_id is None
    return free and unit.status in DISPATCHABLE


def _within(at: datetime, span: Span) -> bool:
    return span[0] <= at < span[1]
