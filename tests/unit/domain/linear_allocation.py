"""The choice of a unit by a look at every unit: what the choice by place must come to."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dispatch.domain.allocation import Choice, Fallback, Need
from dispatch.domain.model import District, Unit
from dispatch.domain.roster import objection, where
from dispatch.domain.travel import Travel
from dispatch.policy.pack import Allocation
from dispatch.topics.city import CityMode
from dispatch.topics.fields import CrewKind

_SECONDS_PER_MINUTE: Final = 60.0
_OTHER_KIND: Final = frozenset({"kept_for_transfers", "wrong_crew_kind"})


@dataclass(frozen=True, slots=True)
class Everybody:
    """The units of a city at one moment, each of which is looked at."""

    units: Iterable[Unit]
    districts: Mapping[str, District]
    mode: CityMode
    now: datetime
    travel: Travel
    policy: Allocation


def choose(need: Need, fleet: Everybody) -> Choice:
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


def choose_of_kind(need: Need, fleet: Everybody, crew: CrewKind) -> Choice:
    return _nearest(need, fleet, crews=(crew,))


def suits(unit: Unit, need: Need, fleet: Everybody) -> bool:
    alone = replace(fleet, units=(unit,))
    return objection(unit) is None and choose(need, alone).unit is not None


def _choose(need: Need, fleet: Everybody) -> Choice:
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


def _nearest(
    need: Need, fleet: Everybody, *, crews: tuple[str, ...], negative_pressure_first: bool = False
) -> Choice:
    passed_over: Counter[str] = Counter()
    best: tuple[tuple[int, int, float, str], Unit, bool] | None = None
    suitable = 0
    own = fleet.districts.get(need.place.district)
    for unit in fleet.units:
        objection = _objection(unit, crews)
        if objection is None and need.vehicles and unit.vehicle not in need.vehicles:
            objection = "wrong_vehicle"
        if objection is not None:
            passed_over[objection] += 1
            continue
        suitable += 1
        origin, fresh = where(unit, fleet.now, fleet.policy.position_fresh_seconds)
        seconds = fleet.travel.seconds(origin, need.place.position)
        vehicle = int(negative_pressure_first and unit.vehicle != "negative_pressure")
        ring = 0 if need.critical else _ring(unit, own, seconds, fleet.policy)
        rank = (vehicle, ring, seconds, unit.unit_id)
        if best is None or rank < best[0]:
            best = (rank, unit, fresh)
    if best is None:
        return Choice(None, math.inf, (), dict(passed_over))
    if suitable > 1:
        passed_over["farther"] += suitable - 1
    (_, ring, seconds, _), unit, fresh = best
    why = ["only_one_left" if suitable == 1 else "nearest_by_travel_time"]
    if not need.critical and own is not None:
        why.append(("own_district", "neighbour_district", "anywhere_in_city")[ring])
    doubted = unit.doubt is not None and unit.doubt.why != "older_than_last"
    if doubted:
        why.append(f"position_not_believed_{'last' if fresh else 'station'}_used")
    elif not fresh:
        why.append("position_stale_station_used")
    if negative_pressure_first and unit.vehicle == "negative_pressure":
        why.append("negative_pressure_first")
    return Choice(unit, seconds, tuple(why), dict(passed_over))


def _objection(unit: Unit, crews: tuple[str, ...]) -> str | None:
    if unit.crew not in crews:
        return "kept_for_transfers" if unit.crew == "transfer" else "wrong_crew_kind"
    return objection(unit)


def _ring(unit: Unit, own: District | None, seconds: float, policy: Allocation) -> int:
    if own is None:
        return 2
    if unit.district == own.code and seconds <= (
        policy.own_district_within_minutes * _SECONDS_PER_MINUTE
    ):
        return 0
    if unit.district in own.neighbours and seconds <= (
        policy.neighbour_within_minutes * _SECONDS_PER_MINUTE
    ):
        return 1
    return 2


def _transfer_soon(need: Need, fleet: Everybody) -> bool:
    minutes = fleet.policy.minutes_until_free
    return any(
        unit.crew == "transfer"
        and unit.staffed
        and (not need.vehicles or unit.vehicle in need.vehicles)
        and minutes.get(unit.status, math.inf) <= fleet.policy.transfer_wait_minutes
        for unit in fleet.units
    )


def _nobody(need: Need, fleet: Everybody) -> Choice:
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
