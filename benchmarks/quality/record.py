"""The record as the study needs it: runs with their phases, crews with their shifts and posts.

Times are seconds from the first midnight of the record (local), durations seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from dispatch.domain.model import Position
from dispatch.domain.travel import metres_between
from dispatch.errors import ConfigurationError
from dispatch.policy.pack import Pack
from dispatch.simulation.recorded import Recorded
from dispatch.simulation.sfgov import (
    ZONE,
    Row,
    plan_of,
    read_calls,
    read_rows,
    recorded_calls,
)
from dispatch.store.plan import CityPlan

CALLS_FILE: Final = "sf_medical_calls.csv"
HOSPITALS_FILE: Final = "sf_hospitals.csv"
# Priorities that are driven to with lights and siren.
URGENT: Final = frozenset("3EA")
# A crew that is not seen for so long has gone home.
_PAUSE: Final = 4 * 3600.0
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A call and the run that served it: what no choice of a unit changes, and what was recorded.

    `day` counts from 1. `ready` is when the call taker had entered it. `scene_seconds` is None
    where the crew was not seen on scene: then the call is called off at `ends`.
    `transport_seconds` is None where nobody was taken to a hospital; `end` is where the crew is
    free again.
    """

    recorded: Recorded
    day: int
    hour: int
    area: str
    urgent: bool
    scene: Position
    end: Position
    unit_id: str
    received: float
    ready: float
    ordered: float
    turnout_seconds: float
    on_scene: float | None
    scene_seconds: float | None
    transport_seconds: float | None
    stay_seconds: float
    ends: float

    @property
    def call_id(self) -> str:
        """The id of the call."""
        return self.recorded.call.call_id

    @property
    def counts(self) -> bool:
        """Whether its response was recorded, and is compared."""
        return self.scene_seconds is not None

    @property
    def grave(self) -> bool:
        """Whether the patient counts as critical."""
        return self.recorded.call.patient.condition != "stable"


@dataclass(frozen=True, slots=True)
class Shift:
    """A crew on duty at a post from one time to another."""

    unit_id: str
    begins: float
    ends: float
    post: str


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that is taken from the record; `areas` has the middle of each area of a station.

    `demand` is each area's share of the calls of the odd days.
    """

    start: datetime
    days: int
    runs: tuple[Run, ...]
    shifts: tuple[Shift, ...]
    areas: dict[str, Position]
    demand: dict[str, float]
    hospitals: tuple[Position, ...]
    plan: CityPlan
    left_out: int


def read_record(folder: Path, pack: Pack, *, days: int | None, seed: int) -> Record:
    """Read the calls and hospitals of a folder, of the first so many days, with an epidemic's seed.

    Raises ConfigurationError when a file can't be read or holds nothing to go by.
    """
    path = folder / CALLS_FILE
    rows = read_calls(path)
    hospital_rows = read_rows(folder / HOSPITALS_FILE, ("name", "latitude", "longitude"))
    first = min((row["received_at"][:10] for row in rows), default=None)
    if first is None:
        raise ConfigurationError(f"{path}: has no calls")
    start = datetime.combine(datetime.fromisoformat(first), time(), ZONE)
    if days is not None:
        until = (start + timedelta(days=days)).replace(tzinfo=None).isoformat()
        rows = [row for row in rows if row["received_at"] < until]
    plan = plan_of(rows, hospital_rows, pack)
    hospitals = tuple(
        Position(float(row["latitude"]), float(row["longitude"])) for row in hospital_rows
    )
    by_id = {row["call_number"]: row for row in rows}
    recorded = recorded_calls(path, rows, seed=seed)
    served = [each for each in recorded if each.times.dispatched_at and each.times.available_at]
    usual_turnout = median(
        (each.times.rolling_at - each.times.dispatched_at).total_seconds()
        for each in served
        if each.times.rolling_at and each.times.dispatched_at
    )
    runs = tuple(
        _run(each, by_id[each.call.call_id], start, hospitals, usual_turnout) for each in served
    )
    areas = {
        station.station_id: Position(station.latitude, station.longitude)
        for station in plan.station
    }
    demand = _shares(run.area for run in runs if run.day % 2 and run.area in areas)
    return Record(
        start=start,
        days=max(run.day for run in runs),
        runs=tuple(sorted(runs, key=lambda run: (run.ready, run.call_id))),
        shifts=tuple(_posted(_shifts(runs), demand)),
        areas=areas,
        demand=demand,
        hospitals=hospitals,
        plan=plan,
        left_out=len(rows) - len(runs),
    )


def nearest(place: Position, among: Sequence[Position]) -> Position:
    """Return the nearest of some places."""
    return min(among, key=lambda each: metres_between(place, each))


def _run(
    recorded: Recorded,
    row: Row,
    start: datetime,
    hospitals: Sequence[Position],
    usual_turnout: float,
) -> Run:
    def since(at: datetime | None) -> float | None:
        return None if at is None else (at - start).total_seconds()

    def must(at: datetime | None) -> float:
        assert at is not None, "only served calls are asked about"
        return (at - start).total_seconds()

    times, call = recorded.times, recorded.call
    place = call.location
    assert place.latitude is not None, "the record has the place of every call"
    assert place.longitude is not None, "the record has the place of every call"
    scene = Position(place.latitude, place.longitude)
    received, ends = must(call.received_at), must(times.available_at)
    entered = row["entered_at"] or row["received_at"]
    ready = must(datetime.fromisoformat(entered).replace(tzinfo=ZONE))
    rolling, on_scene = since(times.rolling_at), since(times.on_scene_at)
    ordered, leaves, arrives = must(times.dispatched_at), since(times.transport_at), ends
    transported = on_scene is not None and leaves is not None
    if times.hospital_at is not None:
        arrives = must(times.hospital_at)
    return Run(
        recorded=recorded,
        day=int(received // _DAY) + 1,
        hour=int(received % _DAY // 3600),
        area=row["station_area"],
        urgent=row["priority"] in URGENT,
        scene=scene,
        end=nearest(scene, hospitals) if transported else scene,
        unit_id=row["unit_id"],
        received=received,
        ready=max(received, ready),
        ordered=ordered,
        turnout_seconds=usual_turnout if rolling is None else max(0.0, rolling - ordered),
        on_scene=on_scene,
        scene_seconds=None if on_scene is None else max(0.0, (leaves or ends) - on_scene),
        transport_seconds=max(0.0, arrives - (leaves or 0.0)) if transported else None,
        stay_seconds=max(0.0, ends - arrives),
        ends=ends,
    )


def _shifts(runs: Iterable[Run]) -> list[tuple[str, float, float]]:
    """Return who was on duty: from the first order of a crew to the end of its last run.

    The same crew is on duty through a pause of less than four hours, midnight or not: by calendar
    days nobody would be there at the start of each.
    """
    by_unit: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_unit[run.unit_id].append(run)
    found = []
    for unit_id, own in by_unit.items():
        own.sort(key=lambda run: run.ordered)
        begins, ends = own[0].ordered, own[0].ends
        for run in own[1:]:
            if run.ordered - ends > _PAUSE:
                found.append((unit_id, begins, ends))
                begins, ends = run.ordered, run.ends
            ends = max(ends, run.ends)
        found.append((unit_id, begins, ends))
    return sorted(found, key=lambda shift: (shift[1], shift[0]))


def _posted(shifts: Iterable[tuple[str, float, float]], demand: Mapping[str, float]) -> list[Shift]:
    """Give each crew a post as it comes on duty: where most calls fall to a crew standing there.

    The record does not say where crews stand by. Each further crew at a post counts less (the
    divisors 1, 3, 5, ...).
    """
    found: list[Shift] = []
    for unit_id, begins, ends in shifts:
        there = Counter(shift.post for shift in found if shift.ends > begins)
        post = max(demand, key=lambda area: (demand[area] / (2 * there[area] + 1), area))
        found.append(Shift(unit_id, begins, ends, post))
    return found


def _shares(areas: Iterable[str]) -> dict[str, float]:
    counted = Counter(areas)
    return {area: number / counted.total() for area, number in sorted(counted.items())}
