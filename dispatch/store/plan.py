"""The plan of a city: its districts, stations, units and hospitals, read from a TOML file."""

import hashlib
from collections import Counter
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dispatch.domain.believing import NOWHERE, Bounds
from dispatch.domain.city import City
from dispatch.domain.model import District, Hospital, Position, Unit
from dispatch.domain.travel import GreatCircleTravel, Travel, usual_travel
from dispatch.errors import ConfigurationError
from dispatch.policy.pack import Pack
from dispatch.toml_file import read_toml
from dispatch.topics import Parties, Topic, topic_names
from dispatch.topics.city import CityMode
from dispatch.topics.datum import Datum, read_as_wgs84
from dispatch.topics.fields import (
    CrewKind,
    DistrictCode,
    HospitalId,
    Identifier,
    InstitutionId,
    Latitude,
    Longitude,
    Text,
    UnitId,
    VehicleKind,
    in_a_line,
)
from dispatch.topics.hospitals import HospitalService

Role = Literal[
    "designated",
    "reserve_designated",
    "temporary",
    "fever_clinic",
    "emergency_buffer",
    "ordinary",
    "isolation_site",
    "community",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Placed(_Part):
    """What has a place: degrees, of the `datum` as it is written; once read it is WGS-84."""

    latitude: Latitude
    longitude: Longitude
    datum: Datum | None = None

    @model_validator(mode="after")
    def _is_wgs84(self) -> Self:
        read_as_wgs84(self)
        return self


class DistrictPlan(_Placed):
    """A district (旗市区): its 6-digit code, its centre and its neighbours."""

    code: DistrictCode
    name: Text
    neighbours: tuple[DistrictCode, ...] = ()


class StationPlan(_Placed):
    """A station (急救站) and where it stands."""

    station_id: Identifier
    district: DistrictCode


class UnitPlan(_Part):
    """A vehicle and the kind of its crew."""

    unit_id: UnitId
    station: Identifier
    vehicle: VehicleKind
    crew: CrewKind


class HospitalPlan(_Placed):
    """A hospital: what it is, what it can do, and the rooms it starts with, by kind.

    `capacity` is how many rooms of a kind there are, where not all are free; `service` whom it is
    for at first, where that does not follow from its roles.
    """

    hospital_id: HospitalId
    name: Text
    district: DistrictCode
    roles: tuple[Role, ...]
    jurisdiction: tuple[DistrictCode, ...] = ()
    capabilities: tuple[Identifier, ...] = ()
    decontamination: bool = False
    rooms: dict[Identifier, Annotated[int, Field(ge=0)]] = {}
    capacity: dict[Identifier, Annotated[int, Field(ge=0)]] = {}
    service: HospitalService | None = None
    bays: Annotated[int, Field(ge=0)] | None = None

    @property
    def service_at_first(self) -> HospitalService:
        """Whom it is for at first: a designated one takes cases, a temporary one stands by."""
        if self.service is not None:
            return self.service
        if "designated" in self.roles:
            return "cases"
        return "standby" if "temporary" in self.roles else "ordinary"


class InstitutionPlan(_Part):
    """A medical institution that asks for transfers and is no hospital of the plan."""

    institution_id: InstitutionId
    name: Text


class TravelPlan(_Part):
    """How fast units get on, where it is not as the policy pack has it: great circle x factor."""

    road_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    speed_kmh: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class BoundsPlan(_Part):
    """What the city reaches from and to: WGS-84 degrees."""

    south: Latitude
    west: Longitude
    north: Latitude
    east: Longitude

    @model_validator(mode="after")
    def _are_the_right_way_round(self) -> Self:
        if self.south >= self.north or self.west >= self.east:
            raise ValueError("south must be below north, and west below east")
        return self


class CityPlan(_Part):
    """A city as its plan has it."""

    name: Text
    time_zone: Text
    mode: CityMode = "epidemic"
    travel: TravelPlan | None = None
    bounds: BoundsPlan | None = None
    district: tuple[DistrictPlan, ...] = Field(min_length=1)
    station: tuple[StationPlan, ...] = ()
    unit: tuple[UnitPlan, ...] = ()
    hospital: tuple[HospitalPlan, ...] = ()
    institution: tuple[InstitutionPlan, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        institutions = [each.institution_id for each in self.institution]
        for kind, ids in (
            ("district", [d.code for d in self.district]),
            ("station", [s.station_id for s in self.station]),
            ("unit", [u.unit_id for u in self.unit]),
            ("hospital", [h.hospital_id for h in self.hospital]),
            # One id is one party: a hospital is an institution already.
            ("institution", [*(h.hospital_id for h in self.hospital), *institutions]),
        ):
            twice = sorted(each for each, times in Counter(ids).items() if times > 1)
            if twice:
                raise ValueError(f"{kind}: {', '.join(twice)} is there twice")
        for hospital in self.hospital:
            for room, number in hospital.capacity.items():
                if hospital.rooms.get(room, 0) > number:
                    raise ValueError(
                        f"hospital {hospital.hospital_id}: more {room} are free than there are"
                    )
        districts = {d.code for d in self.district}
        stations = {s.station_id for s in self.station}
        for unit in self.unit:
            if unit.station not in stations:
                raise ValueError(f"unit {unit.unit_id}: there is no station {unit.station}")
        for code in (
            *(s.district for s in self.station),
            *(h.district for h in self.hospital),
            *(code for h in self.hospital for code in h.jurisdiction),
            *(code for d in self.district for code in d.neighbours),
        ):
            if code not in districts:
                raise ValueError(f"there is no district {code}")
        return self

    @cached_property
    def parties(self) -> Parties:
        """Those who have topics of their own."""
        return Parties(
            hospitals=frozenset(each.hospital_id for each in self.hospital),
            units=frozenset(each.unit_id for each in self.unit),
            institutions=frozenset(each.institution_id for each in self.institution),
        )

    @property
    def topics(self) -> dict[str, Topic]:
        """Every topic of this city by its name (without the prefix)."""
        return topic_names(self.parties)

    @property
    def own_topics(self) -> tuple[str, ...]:
        """Those of them that are somebody's own: with one key, or one reader, one partition."""
        return tuple(name for name, topic in self.topics.items() if name != topic.name)

    @cached_property
    def digest(self) -> str:
        """What identifies this plan among its versions."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @cached_property
    def districts(self) -> dict[str, District]:
        """The districts by their code."""
        return {
            d.code: District(
                code=d.code,
                name=d.name,
                centre=Position(d.latitude, d.longitude),
                neighbours=d.neighbours,
            )
            for d in self.district
        }

    def travel_under(self, pack: Pack) -> Travel:
        """Return how long units take in this city."""
        if self.travel is None:
            return usual_travel(pack)
        return GreatCircleTravel(
            road_factor=self.travel.road_factor, speed_kmh=self.travel.speed_kmh
        )

    def bounds_under(self, pack: Pack) -> Bounds:
        """Return what positions are believed in: its bounds, all its places, the pack's margin."""
        own = self.bounds
        begin = NOWHERE if own is None else Bounds(**own.model_dump())
        places: tuple[_Placed, ...] = (*self.district, *self.station, *self.hospital)
        return begin.around(
            (Position(each.latitude, each.longitude) for each in places),
            pack.positions.bounds_margin_metres,
        )

    def put_into(self, city: City) -> bool:
        """Bring units and hospitals into a city, new or as the plan changed; return if any did.

        What a unit or hospital reported of itself stays; of what it has never said, the plan's
        word counts.
        """
        changed = False
        entities: list[Unit | Hospital] = [*self._units(city), *self._hospitals(city)]
        for entity in entities:
            known = (
                city.units.get(entity.unit_id)
                if isinstance(entity, Unit)
                else city.hospitals.get(entity.hospital_id)
            )
            if known != entity:
                city.put(entity)
                changed = True
        return changed

    def _units(self, city: City) -> list[Unit]:
        stations = {s.station_id: s for s in self.station}
        found = []
        for planned in self.unit:
            station = stations[planned.station]
            unit = Unit(
                unit_id=planned.unit_id,
                district=station.district,
                vehicle=planned.vehicle,
                crew=planned.crew,
                station=Position(station.latitude, station.longitude),
            )
            known = city.units.get(unit.unit_id)
            if known is not None:
                unit = replace(
                    known,
                    district=unit.district,
                    vehicle=unit.vehicle,
                    crew=unit.crew,
                    station=unit.station,
                )
            found.append(unit)
        return found

    def _hospitals(self, city: City) -> list[Hospital]:
        found = []
        for planned in self.hospital:
            hospital = Hospital(
                hospital_id=planned.hospital_id,
                name=planned.name,
                district=planned.district,
                position=Position(planned.latitude, planned.longitude),
                roles=planned.roles,
                jurisdiction=planned.jurisdiction,
                capabilities=planned.capabilities,
                decontamination=planned.decontamination,
                rooms=dict(planned.rooms),
                capacity={**planned.rooms, **planned.capacity},
                service=planned.service_at_first,
                bays=planned.bays,
            )
            known = city.hospitals.get(hospital.hospital_id)
            if known is not None:
                hospital = replace(
                    known,
                    name=hospital.name,
                    district=hospital.district,
                    position=hospital.position,
                    roles=hospital.roles,
                    jurisdiction=hospital.jurisdiction,
                    capabilities=hospital.capabilities,
                    decontamination=hospital.decontamination,
                    rooms={**hospital.rooms, **known.rooms},
                    capacity=_capacity(hospital, known),
                    bays=hospital.bays if known.bays is None else known.bays,
                )
            found.append(hospital)
        return found


def _capacity(planned: Hospital, known: Hospital) -> dict[str, int]:
    """Return how many rooms of a kind there are: as known, else as planned, and never too few."""
    unknown = planned.capacity.keys() - known.capacity.keys()
    there = {room: max(planned.capacity[room], known.rooms.get(room, 0)) for room in unknown}
    return {**there, **known.capacity}


def read_plan(path: Path) -> CityPlan:
    """Read a city's plan.

    Raises:
        ConfigurationError: naming the file, the place in it and the reason.
    """
    try:
        return CityPlan.model_validate(read_toml(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {in_a_line(error)}") from error
