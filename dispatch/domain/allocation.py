"""Which unit goes: the nearest suitable one, and why it and not the others.

Source: domain, choosing the unit; 120 plan §3 (平战结合), §4 (就近派遣); 国卫办医函〔2020〕76号 §2.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from dispatch.domain.model import District, Place, Unit
from dispatch.domain.roster import Kind, Roster, objection, stands_in
from dispatch.domain.travel import Travel
from dispatch.policy.pack import Allocation
from dispatch.topics.city import CityMode
from dispatch.topics.fields import CrewKind

DISPATCHER_CHOICE: Final = "dispatcher_choice"
_SECONDS_PER_MINUTE: Final = 60.0

# Said of the crews of the kind that is not looked for.
_OTHER_KIND: Final = frozenset({"kept_for_transfers", "wrong_crew_kind"})

Fallback = Literal["transfer_as_last_resort", "regular_instead_of_transfer", "any_vehicle"]


@dataclass(frozen=True, slots=True)
class Need:
    """What an incident asks of a unit; `vehicles` are the kinds that may go, empty means any."""

    place: Place
    crew: CrewKind
    critical: bool
    transfer_wait_over: bool = False
    vehicles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """The unit chosen, or none; `passed_over` counts the others by what spoke against them.

    `wait_for_transfer` says that a transfer crew is expected to be free soon enough to wait for.
    """

    unit: Unit | None
    travel_seconds: float
    why: tuple[str, ...]
    passed_over: dict[str, int]
    fallback: Fallback | None = None
    wait_for_transfer: bool = False


@dataclass(frozen=True, slots=True)
class Fleet:
    """The units of a city at one moment, as the choice sees them."""

    units: Roster
    districts: Mapping[str, District]
    mode: CityMode
    now: datetime
    travel: Travel
    policy: Allocation


def choose(need: Need, fleet: Fleet) -> Choice:
    """Choose the unit for a need, with the fallbacks that the pack allows.

    Where no vehicle that may go is to be had, nor one soon enough to wait for, any vehicle goes.
    """
    choice = _choose(need, fleet)
    if not need.vehicles or choice.unit is not None or choice.wait_for_transfer:
        return choice
    other = _choose(replace(need, vehicles=frozenset()), fleet)
    if other.unit is None:
        return choice
    # What spoke against every other unit; this one alone is not passed over.
    passed_over = Counter(choice.passed_over) - Counter(["wrong_vehicle"])
    return replace(
        other,
        why=(*other.why, "any_vehicle"),
        passed_over=dict(passed_over),
        fallback="any_vehicle",
    )


def _choose(need: Need, fleet: Fleet) -> Choice:
    critical_reach = fleet.policy.critical_reach_minutes * _SECONDS_PER_MINUTE
    if need.crew == "transfer":
        choice = _nearest(need, fleet, crews=("transfer",))
        if choice.unit is not None:
            return choice
        if not need.critical and not need.transfer_wait_over and _transfer_soon(need, fleet):
            return Choice(None, math.inf, (), choice.passed_over, wait_for_transfer=True)
        regular = _nearest(
            need, fleet, crews=("regular",), negative_pressure_first=not need.critical
        )
        if regular.unit is None:
            return _nobody(need, fleet)
        return _as_fallback(regular, "regular_instead_of_transfer", choice.passed_over)
    if fleet.mode == "routine":
        return _nearest(need, fleet, crews=("regular", "transfer"))
    choice = _nearest(need, fleet, crews=("regular",))
    if need.critical and choice.travel_seconds > critical_reach:
        transfer = _nearest(need, fleet, crews=("transfer",))
        if transfer.unit is not None and transfer.travel_seconds < choice.travel_seconds:
            out_of_reach = _out_of_reach(choice)
            return _as_fallback(transfer, "transfer_as_last_resort", out_of_reach)
        if choice.unit is None:
            return _nobody(need, fleet)
    return choice


def choose_of_kind(need: Need, fleet: Fleet, crew: CrewKind) -> Choice:
    """Choose the nearest unit of one crew kind, as the dispatcher asks."""
    return _nearest(need, fleet, crews=(crew,))


def suits(unit: Unit, need: Need, fleet: Fleet) -> bool:
    """Return whether this very unit would be the choice if it were the only one."""
    return objection(unit) is None and (
        choose(need, replace(fleet, units=Roster((unit,)))).unit is not None
    )


def _nearest(
    need: Need, fleet: Fleet, *, crews: tuple[str, ...], negative_pressure_first: bool = False
) -> Choice:
    passed_over = fleet.units.objections(crews)
    free = fleet.units.free(crews)
    suitable = {k: n for k, n in free.items() if not need.vehicles or k.vehicle in need.vehicles}
    number = sum(suitable.values())
    others = sum(free.values()) - number
    if others:
        passed_over["wrong_vehicle"] = others
    if not number:
        return Choice(None, math.inf, (), dict(passed_over))
    if number > 1:
        passed_over["farther"] = number - 1
    kinds = list(suitable)
    if negative_pressure_first:
        kinds = [kind for kind in kinds if kind.vehicle == "negative_pressure"] or kinds
    elif not need.vehicles:
        kinds = [Kind(crew, None) for crew in {kind.crew for kind in kinds}]
    fleet.units.look_at(fleet.now, fleet.policy.position_fresh_seconds)
    ring, (seconds, unit_id) = _nearest_of(kinds, need, fleet)
    unit = fleet.units[unit_id]
    why = ["only_one_left" if number == 1 else "nearest_by_travel_time"]
    if ring is not None:
        why.append(ring)
    why += stands_in(unit, fleet.now, fleet.policy.position_fresh_seconds)
    if negative_pressure_first and unit.vehicle == "negative_pressure":
        why.append("negative_pressure_first")
    return Choice(unit, seconds, tuple(why), dict(passed_over))


def _nearest_of(
    kinds: Collection[Kind], need: Need, fleet: Fleet
) -> tuple[str | None, tuple[float, str]]:
    """Return the free unit nearest in time, some are there, and from which ring of districts.

    A stable patient's own district comes first, its neighbours next, each within its limit.
    """
    own = None if need.critical else fleet.districts.get(need.place.district)
    if own is not None:
        minutes = fleet.policy.own_district_within_minutes
        nearest = _first([own.code], kinds, need.place, fleet, minutes * _SECONDS_PER_MINUTE)
        if nearest is not None:
            return "own_district", nearest
        minutes = fleet.policy.neighbour_within_minutes
        nearest = _first(own.neighbours, kinds, need.place, fleet, minutes * _SECONDS_PER_MINUTE)
        if nearest is not None:
            return "neighbour_district", nearest
    anywhere = _first([None], kinds, need.place, fleet, math.inf)
    assert anywhere is not None, "a unit of these kinds is free"
    return None if own is None else "anywhere_in_city", anywhere


def _first(
    districts: Collection[str | None],
    kinds: Collection[Kind],
    place: Place,
    fleet: Fleet,
    within_seconds: float,
) -> tuple[float, str] | None:
    """Return travel time and id of the free unit that is there first, None if none is in time.

    From the scene outward: it is over where nobody can be there sooner than who was found.
    """
    best: tuple[float, str] | None = None
    latest = within_seconds
    for district in districts:
        for kind in kinds:
            for metres, spot in fleet.units.outward(kind, district, place.position):
                if fleet.travel.at_least(metres) > latest:
                    break
                found = (fleet.travel.seconds(spot.position, place.position), spot.first)
                if found[0] <= latest and (best is None or found < best):
                    best, latest = found, found[0]
    return best


def _transfer_soon(need: Need, fleet: Fleet) -> bool:
    limit = fleet.policy.transfer_wait_minutes
    soon = {status for status, min_ in fleet.policy.minutes_until_free.items() if min_ <= limit}
    vehicles = fleet.units.staffed("transfer", soon)
    return bool(vehicles & need.vehicles if need.vehicles else vehicles)


def _nobody(need: Need, fleet: Fleet) -> Choice:
    """Return the choice of no unit, with what spoke against each crew of either kind."""
    return _nearest(need, fleet, crews=("regular", "transfer"))


def _out_of_reach(regular: Choice) -> dict[str, int]:
    """Return what spoke against the regular crews when none was near enough."""
    others = Counter(regular.passed_over)
    out_of_reach = others.pop("farther", 0) + (regular.unit is not None)
    return dict(others) | ({"out_of_reach": out_of_reach} if out_of_reach else {})


def _as_fallback(choice: Choice, fallback: Fallback, wanted: Mapping[str, int]) -> Choice:
    """Mark a choice as a fallback: `wanted` says what spoke against the crews asked for."""
    passed_over = Counter(
        {why: n for why, n in choice.passed_over.items() if why not in _OTHER_KIND}
    )
    passed_over.update({why: n for why, n in wanted.items() if why not in _OTHER_KIND})
    return replace(
        choice, why=(*choice.why, fallback), passed_over=dict(passed_over), fallback=fallback
    )
