"""What a choice says of itself is true: told anew from the fleet, without the code that chose.

Thousands of random fleets, always the same; distances, positions and objections are worked out here
from the units alone, and each word is held to what it means.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

from dispatch.domain.allocation import Choice, Fleet, Need, choose
from dispatch.domain.model import Doubt, Place, Position, Unit
from dispatch.domain.roster import Roster
from dispatch.domain.travel import GreatCircleTravel
from dispatch.language import LANGUAGES, catalogue
from dispatch.policy.pack import load_pack
from tests.unit.domain.city_builder import DISTRICTS, EAST, MIDDLE, START, WEST, at, unit

if TYPE_CHECKING:
    from dispatch.topics.city import CityMode
    from dispatch.topics.fields import CrewKind
    from dispatch.topics.fleet import Disbelief

POLICY = load_pack("covid-19").allocation
CHOICES = 8_000
# Metres a second at 40 km/h, along ways that are 1.35 times as long as the great circle.
_SPEED: Final = 40_000 / 3_600 / 1.35
_FREE: Final = ("available", "returning")
_RINGS: Final = ("own_district", "neighbour_district", "anywhere_in_city")


def test_why_and_passed_over_hold_for_thousands_of_choices() -> None:
    rng = random.Random(20_221_223)
    seen: Counter[str] = Counter()
    waits = 0
    for _ in range(CHOICES):
        units, need = _some_fleet(rng), _some_need(rng)
        mode: CityMode = rng.choice(("epidemic", "routine"))
        travel = GreatCircleTravel(POLICY.road_factor, POLICY.speed_kmh)
        fleet = Fleet(Roster(units), DISTRICTS, mode, START, travel, POLICY)
        choice = choose(need, fleet)
        told = _Told(units, need, mode, choice)
        told.check_why()
        told.check_passed_over()
        told.check_limits()
        seen.update(choice.why)
        seen.update(choice.passed_over.keys())
        waits += choice.wait_for_transfer
    # Every word was said often enough to have been tried.
    for word in (
        *_RINGS, "nearest_by_travel_time", "only_one_left", "negative_pressure_first",
        "position_stale_station_used", "position_not_believed_last_used", "any_vehicle",
        "regular_instead_of_transfer", "transfer_as_last_resort", "beyond_wear_time", "farther",
        "other_district", "not_negative_pressure", "too_late", "out_of_reach", "wrong_vehicle",
        "kept_for_transfers", "wrong_crew_kind",
    ):  # fmt: skip
        assert seen[word] >= 20, word
    assert waits >= 20
    for language in LANGUAGES:
        assert [word for word in seen if f"word.{word}" not in catalogue(language)] == []


class _Told:
    """A choice, and everything that can be said of the units without it."""

    def __init__(self, units: Sequence[Unit], need: Need, mode: str, choice: Choice) -> None:
        self.units, self.need, self.mode, self.choice = units, need, mode, choice
        self.chosen = choice.unit
        self.critical = need.critical
        self.later = 180 if need.critical else 1_800
        # Where no vehicle that may go was to be had, any may.
        self.vehicles = frozenset() if "any_vehicle" in choice.why else need.vehicles

    # -- what a unit is, whoever is chosen

    def seconds(self, each: Unit) -> float:
        return _seconds(_here(each)[0], self.need.place.position)

    def suited(self, *crews: str) -> list[Unit]:
        return [
            each
            for each in self.units
            if each.crew in crews
            and _against(each) is None
            and (not self.vehicles or each.vehicle in self.vehicles)
        ]

    def first(self, *crews: str) -> float:
        return min(map(self.seconds, self.suited(*crews)), default=math.inf)

    def expected(self, *, able: bool) -> float:
        """Return when a transfer crew comes that is disinfecting now."""
        if self.critical or self.need.transfer_wait_over:
            return math.inf
        return min(
            (
                26 * 60 + _seconds(each.position or each.station, self.need.place.position)
                for each in self.units
                if each.crew == "transfer"
                and each.staffed
                and each.status == "disinfecting"
                and (not self.vehicles or each.vehicle in self.vehicles)
                and not (able and self.beyond(each.position or each.station))
            ),
            default=math.inf,
        )

    def beyond(self, here: Position) -> bool:
        return _seconds(here, self.need.place.position) > self.need.within_seconds

    def ring(self, each: Unit) -> int:
        own = DISTRICTS.get(self.need.place.district)
        if own is None:
            return 2
        if each.district == own.code and self.seconds(each) <= 12 * 60:
            return 0
        return 1 if each.district in own.neighbours and self.seconds(each) <= 20 * 60 else 2

    def pool(self) -> tuple[str, ...]:
        """Return the crews among which the one chosen is the best."""
        if self.need.crew == "regular" and self.mode == "routine":
            return ("regular", "transfer")
        if self.chosen is None:
            return (self.need.crew,)
        return (self.chosen.crew,)

    # -- what is said

    def check_why(self) -> None:
        why, chosen = self.choice.why, self.chosen
        if chosen is None:
            assert why == ()
            assert self.choice.travel_seconds == math.inf
            return
        others = [each for each in self.suited(*self.pool()) if each is not chosen]
        mine = self.seconds(chosen)
        assert math.isclose(self.choice.travel_seconds, mine, abs_tol=1e-6)
        assert _against(chosen) is None
        nobody_sooner = all(self.seconds(each) >= mine - 1e-6 for each in others)
        assert ("only_one_left" in why) == (not others)
        assert ("nearest_by_travel_time" in why) == (bool(others) and nobody_sooner)
        rings = [word for word in _RINGS if word in why]
        if self.critical or self.need.place.district not in DISTRICTS:
            assert rings == []
        elif rings != ["anywhere_in_city"]:
            assert rings == [_RINGS[self.ring(chosen)]]
        assert ("position_stale_station_used" in why) == (
            not _here(chosen)[1] and not _doubted(chosen)
        )
        doubted = "position_not_believed_" + ("last_used" if _here(chosen)[1] else "station_used")
        assert (doubted in why) == _doubted(chosen)
        if "negative_pressure_first" in why:
            assert chosen.vehicle == "negative_pressure"
            assert "regular_instead_of_transfer" in why
        if "regular_instead_of_transfer" in why:
            assert (self.need.crew, chosen.crew) == ("transfer", "regular")
        if "transfer_as_last_resort" in why:
            assert (self.need.crew, chosen.crew, self.critical) == ("regular", "transfer", True)
            assert mine < self.first("regular")
        if "any_vehicle" in why:
            assert chosen.vehicle not in self.need.vehicles
        assert ("beyond_wear_time" in why) == (mine > self.need.within_seconds)
        assert len(set(why)) == len(why)

    def check_passed_over(self) -> None:
        expected = Counter(self._label(each) for each in self.units if each is not self.chosen)
        del expected[""]
        assert self.choice.passed_over == dict(expected), self.choice

    def _label(self, each: Unit) -> str:
        """Return what is to be said of a unit that is not chosen; nothing, where nothing is."""
        chosen, why, crew = self.chosen, self.choice.why, self.need.crew
        # Who is not free, of the crews that could have gone.
        both = chosen is None or "any_vehicle" in why
        both = both and not self.choice.wait_for_transfer
        both = both and (crew == "transfer" or self.critical)
        both = both or (crew == "regular" and self.mode == "routine")
        fallback = {"regular_instead_of_transfer", "transfer_as_last_resort"} & set(why)
        if each.crew != crew and not both and not fallback:
            return "kept_for_transfers" if each.crew == "transfer" else "wrong_crew_kind"
        against = _against(each)
        if against is not None:
            return against
        if self.need.vehicles and each.vehicle not in self.need.vehicles:
            return "wrong_vehicle"
        mine = math.inf if chosen is None else self.seconds(chosen)
        seconds = self.seconds(each)
        if "transfer_as_last_resort" in why and each.crew == "regular":
            return "out_of_reach" if self.first("regular") > 20 * 60 else "beyond_wear_time"
        if crew == "transfer" and each.crew == "transfer" and (chosen is None or fallback):
            able = self.first("regular") <= self.need.within_seconds
            first = min(self.first("regular"), self.expected(able=able))
            if self.first("transfer") > first + self.later:
                assert seconds > first + self.later
                return "too_late"
            assert seconds > self.need.within_seconds >= self.first("regular")
            return "beyond_wear_time"
        assert chosen is not None, "somebody suits, and nobody goes"
        if seconds >= mine:
            return "farther"
        if "negative_pressure_first" in why and each.vehicle != "negative_pressure":
            return "not_negative_pressure"
        assert self.ring(each) > self.ring(chosen)
        return "other_district"

    # -- how far that may go

    def check_limits(self) -> None:
        chosen = self.chosen
        if chosen is None:
            if self.choice.wait_for_transfer:
                able = self.first("regular") <= self.need.within_seconds
                assert self.expected(able=able) <= self.first("regular") + self.later
            return
        mine = self.seconds(chosen)
        crews = {chosen.crew, self.need.crew}
        if self.need.crew == "transfer":
            crews = {"regular", "transfer"}
            suited = self.first("regular")
            if chosen.crew == "transfer" or "negative_pressure_first" in self.choice.why:
                assert mine <= suited + self.later
        if mine > self.need.within_seconds:
            for each in self.suited(*crews):
                assert self.beyond(_here(each)[0]), "another could have done it in one set"


def _against(each: Unit) -> str | None:
    if each.job_id is not None:
        return "disinfecting"
    if each.assignment_id is not None:
        return "assigned"
    if each.status not in _FREE:
        return each.status
    return None if each.staffed else "unstaffed"


def _doubted(each: Unit) -> bool:
    return each.doubt is not None and each.doubt.why != "older_than_last"


def _here(each: Unit) -> tuple[Position, bool]:
    if each.position is None or each.position_at is None:
        return each.station, each.status == "available" and not _doubted(each)
    fresh = (START - each.position_at).total_seconds() <= 120
    return (each.position if fresh else each.station), fresh


def _seconds(here: Position, there: Position) -> float:
    south, north = math.radians(here.latitude), math.radians(there.latitude)
    half_height = math.sin((north - south) / 2)
    half_width = math.sin(math.radians(there.longitude - here.longitude) / 2)
    chord = half_height**2 + math.cos(south) * math.cos(north) * half_width**2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(chord)) / _SPEED


def _some_fleet(rng: random.Random) -> list[Unit]:
    ids = count()
    crews = rng.choice((("regular", "transfer"), ("regular", "regular", "regular", "transfer")))
    number = rng.choice((0, 1, 2, 4, 7, 12))
    return [_some_unit(rng, f"U{next(ids):02}", rng.choice(crews)) for _ in range(number)]


def _somewhere(rng: random.Random) -> Position:
    # At the door, in reach, and so far that nobody should come from there.
    return at(rng.choice((111.60, 111.60, 111.61, 111.65, 111.70, 111.80, 112.45)))


def _some_unit(rng: random.Random, unit_id: str, crew: str) -> Unit:
    status = rng.choice(("available",) * 5 + ("returning",) * 2 + ("disinfecting", "off_duty"))
    reported = rng.random() < 0.6
    made = unit(
        unit_id,
        status=status,
        crew=crew,
        vehicle=rng.choice(("negative_pressure", "monitoring", "basic")),
        staffed=rng.random() < 0.9,
        district=rng.choice((WEST, MIDDLE, EAST)),
        station=_somewhere(rng),
        position=_somewhere(rng) if reported else None,
        position_at=START - timedelta(seconds=rng.choice((0, 60, 121))) if reported else None,
        job_id="c/A1/D" if status == "disinfecting" else None,
        assignment_id="c/A2" if rng.random() < 0.1 else None,
    )
    if rng.random() < 0.1:
        why: Disbelief = rng.choice(("too_fast", "no_fix", "older_than_last"))
        made = replace(made, doubt=Doubt(why=why, position=at(0.0), at=START))
    return made


def _some_need(rng: random.Random) -> Need:
    crew: CrewKind = rng.choice(("regular", "transfer"))
    vehicles = rng.choice(((), (), (), ("monitoring",), ("negative_pressure", "monitoring")))
    return Need(
        place=Place(
            position=at(rng.choice((111.60, 111.61, 111.68))),
            source="caller",
            district=rng.choice((WEST, WEST, MIDDLE, "150199")),
        ),
        crew=crew,
        critical=rng.random() < 0.4,
        transfer_wait_over=rng.random() < 0.3,
        vehicles=frozenset(vehicles),
        within_seconds=rng.choice((math.inf, math.inf, 3_000.0, 600.0, 60.0, -60.0)),
    )
