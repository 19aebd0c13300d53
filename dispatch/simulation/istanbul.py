"""A slice of a city under one of Istanbul's two ways of disinfecting: its fleet, pack and calls.

Everything is data of `istanbul.toml`, which says of each value where it comes from.
"""

import math
import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dispatch.domain.city import City
from dispatch.domain.model import District, Hospital, Position, Unit
from dispatch.domain.travel import GreatCircleTravel
from dispatch.policy.pack import PACKS, Pack, pack_from
from dispatch.topics.calls import Call
from dispatch.topics.fields import DistrictCode, Identifier
from dispatch.topics.hospitals import HospitalService

Regime = Literal["shared", "mounted"]
REGIMES: Final[tuple[Regime, ...]] = get_args(Regime)
DAY: Final = timedelta(days=1)
# The houses of a hospital: one for cases, one for all others; they never share one.
_HOUSES: Final[tuple[tuple[str, tuple[str, ...], HospitalService], ...]] = (
    ("hospital", ("ordinary", "fever_clinic", "emergency_buffer"), "ordinary"),
    ("pandemic", ("designated",), "cases"),
)
_ROOMS: Final = 100_000  # of a kind: beds are no part of the question
_KM_A_DEGREE: Final = 111.2  # of latitude
_PERT_WEIGHT: Final = 4.0

# The least, the most frequent and the greatest value of a PERT distribution.
Pert = tuple[float, float, float]
# A mean, and the least and greatest value observed.
Observed = tuple[float, float, float]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Area(_Part):
    """A square: its middle (WGS-84 degrees), its side, and how one drives in it."""

    latitude: float
    longitude: float
    side_km: Rate
    road_factor: Rate
    speed_kmh: Rate
    road: Pert

    def place(self, east: float, north: float) -> Position:
        """Return the point at these fractions of the side."""
        degree = _KM_A_DEGREE * math.cos(math.radians(self.latitude))
        return Position(
            self.latitude + (north - 0.5) * self.side_km / _KM_A_DEGREE,
            self.longitude + (east - 0.5) * self.side_km / degree,
        )


class FleetSize(_Part):
    """How many ambulances, and the side of the grid of their stations."""

    ambulances: Count
    stations_a_side: Count


class Places(_Part):
    """Hospitals and shared sites, as fractions of the side."""

    hospitals: tuple[tuple[Share, Share], ...]
    sites: tuple[tuple[Share, Share], ...]


class Calls(_Part):
    """When calls come, as weights of the hours of the day, and the share of critical patients."""

    hours: Annotated[tuple[float, ...], Field(min_length=24, max_length=24)]
    critical_share: Share


class Phases(_Part):
    """How long the phases of a run take, in minutes; the ways follow from the places."""

    roll: Pert
    scene: Pert
    hospital: Pert


class Figures2020(_Part):
    """What was observed: minutes a COVID case, cases an ambulance and day."""

    turnaround: Observed
    cases: Rate
    covid_cases: Rate


class RegimePlan(_Part):
    """A way of disinfecting: where, with what, for how many minutes, and what was observed.

    `bays_a_site` is absent where there is no site.
    """

    where: Literal["receiving_hospital", "base"]
    agent: Identifier
    service: Pert
    bays_a_site: Count | None = None
    observed: Figures2020


class Inputs(_Part):
    """Everything that the simulation takes as given."""

    start: AwareDatetime
    margin_hours: Rate
    district: DistrictCode
    area: Area
    fleet: FleetSize
    places: Places
    calls: Calls
    phases: Phases
    regimes: dict[Regime, RegimePlan]


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for: cases an ambulance and day, and how many of them are COVID cases."""

    cases: float
    covid_cases: float


class Draws:
    """Chance by a seed, the step and whom it concerns: the same under both regimes."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def minutes(self, step: str, whom: str, spread: Pert) -> float:
        """Return a PERT-distributed value."""
        least, usual, most = spread
        width = most - least
        draw = random.Random(f"{self._seed}/{step}/{whom}")  # noqa: S311 - a scenario, no secret
        low = 1 + _PERT_WEIGHT * (usual - least) / width
        high = 1 + _PERT_WEIGHT * (most - usual) / width
        return least + width * draw.betavariate(low, high)


@lru_cache(maxsize=1)
def read_inputs() -> Inputs:
    """Return what `istanbul.toml` says."""
    source = resources.files("dispatch.simulation") / "istanbul.toml"
    return Inputs.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))


def demand_of(inputs: Inputs, regime: Regime) -> Demand:
    """Return the demand observed under a regime."""
    observed = inputs.regimes[regime].observed
    return Demand(observed.cases, observed.covid_cases)


def pack_of(inputs: Inputs, regime: Regime) -> Pack:
    """Return the pack covid-19 with the regime's disinfection, as Istanbul's own protocol.

    The least contact time is that of the regime's shortest service, in both regimes below what the
    shipped pack asks for: what was done there would not pass here. A handover may take as long as
    the hospital phase, which includes getting the vehicle ready. Crews here drive to whom they are
    ordered to: nobody takes over.
    """
    plan = inputs.regimes[regime]
    content = tomllib.loads((PACKS / "covid-19.toml").read_text(encoding="utf-8"))
    content["name"] = f"istanbul-{regime}"
    content["version"] = "2020.1"
    disinfection = content["disinfection"]
    disinfection["where"] = plan.where
    disinfection["required_agent"] = plan.agent
    disinfection["minimums"] = {
        plan.agent: disinfection["minimums"][plan.agent] | {"min_minutes": plan.service[0]}
    }
    del content["allocation"]["take_over_seconds"]
    content["handover"]["signature_seconds"] = math.ceil(inputs.phases.hospital[2] * 60)
    return pack_from(content, Path())


def city_of(inputs: Inputs, pack: Pack) -> City:
    """Return the slice of the city, everybody at their station.

    All crews may carry COVID patients, so all are transfer crews of a city in routine mode: one
    pool. A site is a place that disinfects and receives nobody.
    """
    area, code = inputs.area, inputs.district
    district = District(code=code, name="Istanbul", centre=area.place(0.5, 0.5))
    travel = GreatCircleTravel(road_factor=area.road_factor, speed_kmh=area.speed_kmh)
    city = City(pack=pack, districts={code: district}, mode="routine", travel=travel)
    side = inputs.fleet.stations_a_side
    grid = [
        area.place((column + 0.5) / side, (row + 0.5) / side)
        for row in range(side)
        for column in range(side)
    ]
    city.load(
        Unit(
            unit_id=f"U{number:03}",
            district=code,
            vehicle="basic",
            crew="transfer",
            station=grid[number % len(grid)],
        )
        for number in range(inputs.fleet.ambulances)
    )
    rooms = dict.fromkeys(pack.handover.rooms.values(), _ROOMS)
    for number, (east, north) in enumerate(inputs.places.hospitals, 1):
        for name, roles, service in _HOUSES:
            house = Hospital(
                hospital_id=f"{name}-{number}",
                name=f"{name} {number}",
                district=code,
                position=area.place(east, north),
                roles=roles,
                service=service,
                rooms=rooms,
            )
            city.load([house])
    for number, (east, north) in enumerate(inputs.places.sites, 1):
        name = f"site-{number}"
        where = area.place(east, north)
        site = Hospital(
            hospital_id=name, name=name, district=code, position=where, decontamination=True
        )
        city.load([site])
    return city


def calls_of(inputs: Inputs, demand: Demand, *, seed: int, day: int) -> list[Call]:
    """Return the calls of a day (from 0) and of the margin before and after it, by their time.

    A day has as many calls as the demand says, at times drawn by the hours' weights.
    """
    start = inputs.start + day * DAY
    margin = timedelta(hours=inputs.margin_hours)
    calls = [call for near in (-1, 0, 1) for call in _calls(inputs, demand, seed, day + near)]
    within = (c for c in calls if start - margin <= c.received_at < start + DAY + margin)
    return sorted(within, key=lambda call: (call.received_at, call.call_id))


def _calls(inputs: Inputs, demand: Demand, seed: int, day: int) -> Iterator[Call]:
    draw = random.Random(f"{seed}/calls/{day}")  # noqa: S311 - a scenario, no secret
    number = round(demand.cases * inputs.fleet.ambulances)
    covid = set(draw.sample(range(number), k=round(demand.covid_cases * inputs.fleet.ambulances)))
    for index, received_at in enumerate(_times(inputs, draw, number, day)):
        where = inputs.area.place(draw.random(), draw.random())
        critical = draw.random() < inputs.calls.critical_share
        yield Call.model_validate(
            {
                "call_id": f"D{day + 1}-{index:04}",
                "received_at": received_at,
                "district": inputs.district,
                "caller": {"kind": "public"},
                "patient": {
                    "condition": "critical" if critical else "stable",
                    "symptoms": [],
                    "case_status": "suspected" if index in covid else "none",
                },
                "location": {"latitude": where.latitude, "longitude": where.longitude},
            }
        )


def _times(inputs: Inputs, draw: random.Random, number: int, day: int) -> Sequence[datetime]:
    hours = draw.choices(range(24), weights=inputs.calls.hours, k=number)
    start = inputs.start + day * DAY
    return [start + timedelta(hours=hour + draw.random()) for hour in hours]
