"""The choice of a unit by a look at every unit: what the choice by place must come to."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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


@dataclass(frozen=True, slots=True)
class _Way:
    """A free unit that suits, and how it stands to the others."""

    unit: Unit
    seconds: float
    ring: int
    fresh: bool

    @property
    def rank(self) -> tuple[float, str]:
        return self.seconds, self.unit.unit_id


def choose(need: Need, fleet: Everybody) -> Choice:
    """Choose the unit for a need, with the fallbacks that the pack allows.

    Where no vehicle that may go is to be had, nor one soon enough to wait for, any vehicle goes.
    """
    choice = _choose(need, fleet)
    if need.vehicles and choice.unit is None and not choice.wait_for_transfer:
        other = _choose(replace(need, vehicles=frozenset()), fleet)
        if other.unit is not None:
            # What spoke against every other unit; this one alone is not passed over.
            passed_over = Counter(choice.passed_over) - Counter(["wrong_vehicle"])
            choice = replace(
                other,
                why=(*other.why, "any_vehicle"),
                passed_over=dict(passed_over),
                fallback="any_vehicle",
            )
    return _beyond(choice, need)


def choose_of_kind(
    need: Need, fleet: Everybody, crew: CrewKind, latest: float = math.inf
) -> Choice:
    return _beyond(_nearest(need, fleet, crews=(crew,), latest=latest), need)


def suits(unit: Unit, need: Need, fleet: Everybody) -> bool:
    alone = replace(fleet, units=(unit,))
    return objection(unit) is None and choose(need, alone).unit is not None


def _beyond(choice: Choice, need: Need) -> Choice:
    if choice.unit is None or choice.travel_seconds <= need.within_seconds:
        return choice
    return replace(choice, why=(*choice.why, "beyond_wear_time"))


def _choose(need: Need, fleet: Everybody) -> Choice:
    if need.crew == "transfer":
        return _transfer(need, fleet)
    if fleet.mode == "routine":
        return _nearest(need, fleet, crews=("regular", "transfer"))
    choice = _nearest(need, fleet, crews=("regular",))
    if not need.critical:
        return choice
    far = choice.travel_seconds > fleet.policy.critical_reach_minutes * _SECONDS_PER_MINUTE
    transfer = _nearest(need, fleet, crews=("transfer",))
    sooner = transfer.unit is not None and transfer.travel_seconds < choice.travel_seconds
    able = transfer.travel_seconds <= need.within_seconds < choice.travel_seconds
    if sooner and (far or able):
        against = _refused(need, fleet, "regular", "out_of_reach" if far else "beyond_wear_time")
        return _as_fallback(transfer, "transfer_as_last_resort", against)
    return _nobody(need, fleet) if choice.unit is None else choice


def _transfer(need: Need, fleet: Everybody) -> Choice:
    later = fleet.policy.suited_later_seconds["critical" if need.critical else "stable"]
    regular = min((way.seconds for way in _ways(need, fleet, ("regular",))), default=math.inf)
    within = math.inf if regular > need.within_seconds else need.within_seconds
    expected = min(_expected(need, fleet, within), default=math.inf)
    soonest = min(regular, expected)
    choice = _nearest(need, fleet, crews=("transfer",), latest=min(soonest + later, within))
    if choice.unit is not None and choice.travel_seconds <= min(soonest + later, within):
        return choice
    late = choice.travel_seconds > soonest + later
    against = _refused(need, fleet, "transfer", "too_late" if late else "beyond_wear_time")
    if expected < math.inf and expected <= regular + later:
        return Choice(None, math.inf, (), against, wait_for_transfer=True)
    sealed_by = None if need.critical else min(regular + later, within)
    instead = _nearest(need, fleet, crews=("regular",), latest=within, sealed_by=sealed_by)
    if instead.unit is None:
        return _nobody(need, fleet)
    return _as_fallback(instead, "regular_instead_of_transfer", against)


def _nearest(
    need: Need,
    fleet: Everybody,
    *,
    crews: tuple[str, ...],
    latest: float = math.inf,
    sealed_by: float | None = None,
) -> Choice:
    passed_over = _against(need, fleet, crews)
    ways = _ways(need, fleet, crews)
    if not ways:
        return Choice(None, math.inf, (), dict(passed_over))
    sealed = [way for way in ways if way.unit.vehicle == "negative_pressure"]
    best = _of_rings(sealed, sealed_by) if sealed and sealed_by is not None else None
    first = best is not None and sealed_by is not None and best.seconds <= sealed_by
    if best is None or not first:
        best = _of_rings(ways, min(latest, need.within_seconds))
    for way in ways:
        if way.unit is best.unit:
            continue
        if way.seconds >= best.seconds:
            passed_over["farther"] += 1
        elif first and way.unit.vehicle != "negative_pressure":
            passed_over["not_negative_pressure"] += 1
        else:
            passed_over["other_district"] += 1
    why = []
    if all(way.seconds >= best.seconds for way in ways):
        why.append("only_one_left" if len(ways) == 1 else "nearest_by_travel_time")
    if not need.critical and need.place.district in fleet.districts:
        why.append(("own_district", "neighbour_district", "anywhere_in_city")[best.ring])
    unit = best.unit
    doubted = unit.doubt is not None and unit.doubt.why != "older_than_last"
    if doubted:
        why.append(f"position_not_believed_{'last' if best.fresh else 'station'}_used")
    elif not best.fresh:
        why.append("position_stale_station_used")
    if first:
        why.append("negative_pressure_first")
    return Choice(unit, best.seconds, tuple(why), dict(passed_over))


def _of_rings(ways: list[_Way], latest: float) -> _Way:
    """Return the first of the nearest ring that has one by `latest`, else the first of all."""
    for ring in (0, 1):
        there = [way for way in ways if way.ring == ring and way.seconds <= latest]
        if there:
            return min(there, key=lambda way: way.rank)
    # Found anywhere, whatever its district is.
    return replace(min(ways, key=lambda way: way.rank), ring=2)


def _ways(need: Need, fleet: Everybody, crews: tuple[str, ...]) -> list[_Way]:
    ways = []
    own = None if need.critical else fleet.districts.get(need.place.district)
    for unit in fleet.units:
        if _objection(unit, crews) is not None or _wrong_vehicle(unit, need):
            continue
        origin, fresh = where(unit, fleet.now, fleet.policy.position_fresh_seconds)
        seconds = fleet.travel.seconds(origin, need.place.position)
        ways.append(_Way(unit, seconds, _ring(unit, own, seconds, fleet.policy), fresh))
    return ways


def _against(need: Need, fleet: Everybody, crews: tuple[str, ...]) -> Counter[str]:
    """Return what speaks against the units that don't suit."""
    found: Counter[str] = Counter()
    for unit in fleet.units:
        reason = _objection(unit, crews)
        if reason is None and _wrong_vehicle(unit, need):
            reason = "wrong_vehicle"
        if reason is not None:
            found[reason] += 1
    return found


def _refused(need: Need, fleet: Everybody, crew: CrewKind, reason: str) -> dict[str, int]:
    """Return what speaks against every unit where no crew of a kind goes, for this reason."""
    found = _against(need, fleet, (crew,))
    found[reason] += len(_ways(need, fleet, (crew,)))
    return dict(+found)


def _wrong_vehicle(unit: Unit, need: Need) -> bool:
    return bool(need.vehicles) and unit.vehicle not in need.vehicles


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


def _expected(need: Need, fleet: Everybody, within: float) -> Iterator[float]:
    """Yield in how many seconds each transfer crew is expected that may be waited for."""
    if need.critical or need.transfer_wait_over:
        return
    for unit in fleet.units:
        minutes = fleet.policy.minutes_until_free.get(unit.status, math.inf)
        way = fleet.travel.seconds(unit.position or unit.station, need.place.position)
        if (
            unit.crew == "transfer"
            and unit.staffed
            and not _wrong_vehicle(unit, need)
            and minutes <= fleet.policy.transfer_wait_minutes
            and way <= within
        ):
            yield minutes * _SECONDS_PER_MINUTE + way


def _nobody(need: Need, fleet: Everybody) -> Choice:
    """Return the choice of no unit, with what spoke against each crew of either kind."""
    return _nearest(need, fleet, crews=("regular", "transfer"))


def _as_fallback(choice: Choice, fallback: Fallback, wanted: Mapping[str, int]) -> Choice:
    """Mark a choice as a fallback: `wanted` says what spoke against the crews asked for."""
    passed_over = Counter(
        {why: n for why, n in choice.passed_over.items() if why not in _OTHER_KIND}
    )
    passed_over.update({why: n for why, n in wanted.items() if why not in _OTHER_KIND})
    return replace(
        choice, why=(*choice.why, fallback), passed_over=dict(passed_over), fallback=fallback
    )
