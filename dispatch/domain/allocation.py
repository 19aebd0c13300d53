"""Which unit goes: the nearest suitable one, and why it and not the others.

Source: domain, choosing the unit; 120 plan §3 (平战结合), §4 (就近派遣); 国卫办医函〔2020〕76号 §2.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple

from dispatch.domain.model import District, Place, Unit
from dispatch.domain.roster import Kind, Roster, objection, stands_in
from dispatch.domain.travel import Travel
from dispatch.policy.pack import Allocation
from dispatch.topics.city import CityMode
from dispatch.topics.fields import CrewKind

DISPATCHER_CHOICE: Final = "dispatcher_choice"
PLANNED_TRIP: Final = "planned_trip"
BEYOND_WEAR_TIME: Final = "beyond_wear_time"
_SECONDS_PER_MINUTE: Final = 60.0

# Said of the crews of the kind that is not looked for.
_OTHER_KIND: Final = frozenset({"kept_for_transfers", "wrong_crew_kind"})
# Said of those that suit as well as the one chosen.
_SUITED: Final = ("farther", "other_district", "not_negative_pressure")

Fallback = Literal["transfer_as_last_resort", "regular_instead_of_transfer", "any_vehicle"]


@dataclass(frozen=True, slots=True)
class Need:
    """What an incident asks of a unit; `vehicles` are the kinds that may go, empty means any.

    Whose way takes longer than `within_seconds` can't do the run in one set of protection.
    """

    place: Place
    crew: CrewKind
    critical: bool
    transfer_wait_over: bool = False
    vehicles: frozenset[str] = frozenset()
    within_seconds: float = math.inf


@dataclass(frozen=True, slots=True)
class Choice:
    """The unit chosen, or none; `passed_over` counts the others by what spoke against them.

    `wait_for_transfer` says that a transfer crew is expected to be free soon enough to wait for.
    What `why` and `passed_over` say holds for the units as they are at the time of the choice:

    - `only_one_left`: no other suits. `nearest_by_travel_time`: none that suits is there sooner.
      `own_district`, `neighbour_district`, `anywhere_in_city`: where it was found, of a stable
      patient's; `negative_pressure_first`: its vehicle was looked for first.
    - `farther`: there no sooner. `other_district`, `not_negative_pressure`: there sooner, but less
      suited. `too_late`: later than a better suited crew may come. `beyond_wear_time`: so far that
      the run can't be done in one set of protection, which another can; in `why`, no other either.
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
        return _said_if_beyond(choice, need)
    other = _choose(replace(need, vehicles=frozenset()), fleet)
    if other.unit is None:
        return choice
    # What spoke against every other unit; this one alone is not passed over.
    passed_over = Counter(choice.passed_over) - Counter(["wrong_vehicle"])
    other = replace(
        other,
        why=(*other.why, "any_vehicle"),
        passed_over=dict(passed_over),
        fallback="any_vehicle",
    )
    return _said_if_beyond(other, need)


def _choose(need: Need, fleet: Fleet) -> Choice:
    if need.crew == "transfer":
        return _transfer_crew(need, fleet)
    if fleet.mode == "routine":
        return _nearest(need, fleet, crews=("regular", "transfer"))
    choice = _nearest(need, fleet, crews=("regular",))
    reach = fleet.policy.critical_reach_minutes * _SECONDS_PER_MINUTE
    if need.critical and choice.travel_seconds > min(reach, need.within_seconds):
        transfer = _nearest(need, fleet, crews=("transfer",))
        # Within reach it must be one that can do the run, where the other can't.
        latest = math.inf if choice.travel_seconds > reach else need.within_seconds
        seconds = transfer.travel_seconds
        if transfer.unit is not None and seconds < choice.travel_seconds and seconds <= latest:
            reason = "out_of_reach" if choice.travel_seconds > reach else BEYOND_WEAR_TIME
            return _as_fallback(transfer, "transfer_as_last_resort", _all(choice, reason))
        if choice.unit is None:
            return _nobody(need, fleet)
    return choice


def _transfer_crew(need: Need, fleet: Fleet) -> Choice:
    """Choose a transfer crew that does not come too late, now or when it is free; else a regular.

    What it is compared with is the first that could be there: a regular crew, or the other.
    """
    later = fleet.policy.suited_later_seconds["critical" if need.critical else "stable"]
    regular = _soonest(need, fleet, "regular")
    # What can't be done in one set is left to whoever can, if there is one.
    within = need.within_seconds if regular <= need.within_seconds else math.inf
    expected = math.inf
    if not need.critical and not need.transfer_wait_over:
        expected = _expected(need, fleet, within)
    in_time = min(regular, expected) + later
    choice = _nearest(need, fleet, crews=("transfer",), latest=min(in_time, within))
    if choice.unit is not None and choice.travel_seconds <= min(in_time, within):
        return choice
    reason = "too_late" if choice.travel_seconds > in_time else BEYOND_WEAR_TIME
    passed_over = _all(choice, reason)
    if math.isfinite(expected) and expected <= regular + later:
        return Choice(None, math.inf, (), passed_over, wait_for_transfer=True)
    instead = _nearest(
        need,
        fleet,
        crews=("regular",),
        latest=within,
        sealed_by=-math.inf if need.critical else min(regular + later, within),
    )
    if instead.unit is None:
        return _nobody(need, fleet)
    return _as_fallback(instead, "regular_instead_of_transfer", passed_over)


def choose_of_kind(need: Need, fleet: Fleet, crew: CrewKind, latest: float = math.inf) -> Choice:
    """Choose the nearest unit of one crew kind, as the dispatcher asks.

    A district comes first only where it does not bring the patient a unit after `latest` (seconds).
    """
    return _said_if_beyond(_nearest(need, fleet, crews=(crew,), latest=latest), need)


def suits(unit: Unit, need: Need, fleet: Fleet) -> bool:
    """Return whether this very unit would be the choice if it were the only one."""
    return objection(unit) is None and (
        choose(need, replace(fleet, units=Roster((unit,)))).unit is not None
    )


def _nearest(
    need: Need,
    fleet: Fleet,
    *,
    crews: tuple[str, ...],
    latest: float = math.inf,
    sealed_by: float = -math.inf,
) -> Choice:
    """Choose the first by rings of districts, of those that come by `latest` if there are any.

    A negative-pressure vehicle is chosen first where it comes by `sealed_by`, by default never.
    """
    passed_over = fleet.units.objections(crews)
    free = fleet.units.free(crews)
    suitable = {k: n for k, n in free.items() if not need.vehicles or k.vehicle in need.vehicles}
    number = sum(suitable.values())
    others = sum(free.values()) - number
    if others:
        passed_over["wrong_vehicle"] = others
    if not number:
        return Choice(None, math.inf, (), dict(passed_over))
    fleet.units.look_at(fleet.now, fleet.policy.position_fresh_seconds)
    kinds: Collection[Kind] = list(suitable)
    if not need.vehicles:
        kinds = [Kind(crew, None) for crew in {kind.crew for kind in kinds}]
    latest = min(latest, need.within_seconds)
    sealed: tuple[Kind, ...] = ()
    if sealed_by > -math.inf:
        sealed = tuple(kind for kind in suitable if kind.vehicle == "negative_pressure")
    found = _nearest_of(sealed, need, fleet, sealed_by) if sealed else None
    if found is None or found.seconds > sealed_by:
        sealed = ()
        found = _nearest_of(kinds, need, fleet, latest)
    seconds, unit_id, ring, by_district = found
    of_district = _sooner(sealed or kinds, seconds, need, fleet) if by_district else 0
    sooner = _sooner(kinds, seconds, need, fleet) if sealed else of_district
    for reason, count in (
        ("farther", number - 1 - sooner),
        ("other_district", of_district),
        ("not_negative_pressure", sooner - of_district),
    ):
        if count:
            passed_over[reason] = count
    unit = fleet.units[unit_id]
    why = []
    if not sooner:
        why.append("only_one_left" if number == 1 else "nearest_by_travel_time")
    if ring is not None:
        why.append(ring)
    why += stands_in(unit, fleet.now, fleet.policy.position_fresh_seconds)
    if sealed:
        why.append("negative_pressure_first")
    return Choice(unit, seconds, tuple(why), dict(passed_over))


class _Found(NamedTuple):
    """A unit, its way in seconds, from which ring, and whether others may be there sooner."""

    seconds: float
    unit_id: str
    ring: str | None
    by_district: bool = False


def _nearest_of(kinds: Collection[Kind], need: Need, fleet: Fleet, latest: float) -> _Found:
    """Return the free unit nearest in time, some are there, and from which ring of districts.

    A stable patient's own district comes first, its neighbours next, each within its limit and
    where that brings a unit by `latest` (seconds).
    """
    first = _first([None], kinds, need.place, fleet, math.inf)
    assert first is not None, "a unit of these kinds is free"
    own = None if need.critical else fleet.districts.get(need.place.district)
    if own is None:
        return _Found(*first, None)
    policy = fleet.policy
    within = min(latest, policy.own_district_within_minutes * _SECONDS_PER_MINUTE)
    if first[0] <= within and fleet.units[first[1]].district == own.code:
        return _Found(*first, "own_district")
    nearest = _first([own.code], kinds, need.place, fleet, within)
    if nearest is not None:
        return _Found(*nearest, "own_district", by_district=True)
    within = min(latest, policy.neighbour_within_minutes * _SECONDS_PER_MINUTE)
    nearest = _first(own.neighbours, kinds, need.place, fleet, within)
    if nearest is not None:
        return _Found(*nearest, "neighbour_district", by_district=nearest != first)
    return _Found(*first, "anywhere_in_city")


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


def _sooner(kinds: Collection[Kind], seconds: float, need: Need, fleet: Fleet) -> int:
    """Return how many free units of these kinds would be there in less than so many seconds."""
    number = 0
    for kind in kinds:
        for metres, spot in fleet.units.outward(kind, None, need.place.position):
            if fleet.travel.at_least(metres) >= seconds:
                break
            if fleet.travel.seconds(spot.position, need.place.position) < seconds:
                number += len(spot.ids)
    return number


def _soonest(need: Need, fleet: Fleet, crew: CrewKind) -> float:
    """Return how soon a free unit of a crew kind could be there, whatever its district."""
    kinds = [
        kind
        for kind in fleet.units.free((crew,))
        if not need.vehicles or kind.vehicle in need.vehicles
    ]
    if kinds and not need.vehicles:
        kinds = [Kind(crew, None)]
    fleet.units.look_at(fleet.now, fleet.policy.position_fresh_seconds)
    found = _first([None], kinds, need.place, fleet, math.inf)
    return math.inf if found is None else found[0]


def _expected(need: Need, fleet: Fleet, within: float) -> float:
    """Return in how many seconds a transfer crew is expected that is free soon enough to wait for.

    It comes from where it was last known to be. Infinity where there is none.
    """
    soonest = math.inf
    for status, minutes in fleet.policy.minutes_until_free.items():
        if minutes > fleet.policy.transfer_wait_minutes:
            continue
        for unit in fleet.units.staffed("transfer", status):
            if need.vehicles and unit.vehicle not in need.vehicles:
                continue
            way = fleet.travel.seconds(unit.position or unit.station, need.place.position)
            if way <= within:
                soonest = min(soonest, minutes * _SECONDS_PER_MINUTE + way)
    return soonest


def _nobody(need: Need, fleet: Fleet) -> Choice:
    """Return the choice of no unit, with what spoke against each crew of either kind."""
    return _nearest(need, fleet, crews=("regular", "transfer"))


def _all(choice: Choice, reason: str) -> dict[str, int]:
    """Return what spoke against the crews of a choice, with one reason against all that suited."""
    others = Counter(choice.passed_over)
    suited = sum(others.pop(name, 0) for name in _SUITED) + (choice.unit is not None)
    return dict(others) | ({reason: suited} if suited else {})


def _said_if_beyond(choice: Choice, need: Need) -> Choice:
    if choice.unit is None or choice.travel_seconds <= need.within_seconds:
        return choice
    return replace(choice, why=(*choice.why, BEYOND_WEAR_TIME))


def _as_fallback(choice: Choice, fallback: Fallback, wanted: Mapping[str, int]) -> Choice:
    """Mark a choice as a fallback: `wanted` says what spoke against the crews asked for."""
    passed_over = Counter(
        {why: n for why, n in choice.passed_over.items() if why not in _OTHER_KIND}
    )
    passed_over.update({why: n for why, n in wanted.items() if why not in _OTHER_KIND})
    return replace(
        choice, why=(*choice.why, fallback), passed_over=dict(passed_over), fallback=fallback
    )
