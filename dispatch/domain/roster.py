"""The units by what speaks against sending them, and the free ones by where they are.

Kept up to date with every change of a unit, so that a choice looks at the few units that may be it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from dispatch.domain.model import Position, Unit
from dispatch.domain.proximity import Proximity, Spot
from dispatch.topics.fields import CrewKind, VehicleKind

DISPATCHABLE: Final = frozenset({"available", "returning"})
OFF: Final = frozenset({"off_duty", "out_of_service"})
_AGES_AGO: Final = datetime.min.replace(tzinfo=UTC)
# Reports that a later one has replaced are not worth forgetting one by one.
_FEW: Final = 64


class Kind(NamedTuple):
    """A kind of crew in a kind of vehicle; None stands for any."""

    crew: CrewKind
    vehicle: VehicleKind | None


def objection(unit: Unit) -> str | None:
    """Return what speaks against sending a unit, whatever is asked for; None of a free one."""
    if unit.job_id is not None:
        return "disinfecting"
    if unit.assignment_id is not None:
        return "assigned"
    if unit.status not in DISPATCHABLE:
        return unit.status
    return None if unit.staffed else "unstaffed"


def where(unit: Unit, now: datetime, fresh_seconds: float) -> tuple[Position, bool]:
    """Return a unit's position and whether it is known; else it counts as at its station.

    It is the last that was believed. One that is available and has never said where it is stands at
    its station, unless what it says is not believed.
    """
    if unit.position is None or unit.position_at is None:
        return unit.station, unit.status == "available" and not _doubted(unit)
    if now - unit.position_at > timedelta(seconds=fresh_seconds):
        return unit.station, False
    return unit.position, True


def stands_in(unit: Unit, now: datetime, fresh_seconds: float) -> tuple[str, ...]:
    """Return what a choice says of a position that is not the unit's own latest word, if any."""
    known = where(unit, now, fresh_seconds)[1]
    if _doubted(unit):
        return ("position_not_believed_" + ("last_used" if known else "station_used"),)
    return () if known else ("position_stale_station_used",)


def _doubted(unit: Unit) -> bool:
    """Return whether a unit has said something else since, that is not believed."""
    return unit.doubt is not None and unit.doubt.why != "older_than_last"


class Roster:
    """Every unit of a city.

    A free unit is found at its position, or at its station where the position is stale at the time
    of the last `look_at`.
    """

    def __init__(self, units: Iterable[Unit] = ()) -> None:
        self._crews: Counter[str] = Counter()
        self._free_of: Counter[Kind] = Counter()
        self._objections: dict[str, Counter[str]] = {"regular": Counter(), "transfer": Counter()}
        self._staffed: dict[tuple[CrewKind, str], dict[str, Unit]] = {}
        self._free: dict[str, Unit] = {}
        self._filed: dict[str, Position] = {}
        self._places: dict[tuple[Kind, str | None], Proximity] = {}
        # When free units reported their position, the first first; some have done so again since.
        self._reports: list[tuple[datetime, str]] = []
        self._fresh_since = _AGES_AGO
        for unit in units:
            self.replace(None, unit)

    def replace(self, before: Unit | None, after: Unit | None) -> None:
        """Take over a change of a unit; None stands for one that is not there."""
        if before is not None:
            self._count(before, -1)
        if after is not None:
            self._count(after, 1)
        was = before is not None and before.unit_id in self._free
        if before is not None and was and (after is None or objection(after) is not None):
            self._take_away(before)
        elif after is not None and objection(after) is None:
            if before is not None and was:
                self._take_away(before)
            self._put_down(after)

    def look_at(self, now: datetime, fresh_seconds: float) -> None:
        """File every free unit where it counts as being at a time."""
        since, before = now - timedelta(seconds=fresh_seconds), self._fresh_since
        self._fresh_since = since
        while self._reports and self._reports[0][0] < since:
            reported_at, unit_id = heappop(self._reports)
            if self._reported_at(unit_id) == reported_at:
                self._file_again(unit_id)
        if since < before:
            # The clock has been set back: what was stale may be fresh again.
            for unit_id in list(self._free):
                reported_at_last = self._reported_at(unit_id)
                if reported_at_last is not None and since <= reported_at_last < before:
                    self._file_again(unit_id)

    def __getitem__(self, unit_id: str) -> Unit:
        """Return a free unit."""
        return self._free[unit_id]

    def objections(self, crews: Collection[str]) -> Counter[str]:
        """Return how many units are not free, or not of these crew kinds, by the reason."""
        found: Counter[str] = Counter()
        for crew, number in self._crews.items():
            if crew in crews:
                found.update(self._objections[crew])
            elif number:
                found["kept_for_transfers" if crew == "transfer" else "wrong_crew_kind"] = number
        return found

    def free(self, crews: Collection[str]) -> dict[Kind, int]:
        """Return how many units of these crew kinds are free, by their kind."""
        return {kind: n for kind, n in self._free_of.items() if n and kind.crew in crews}

    def staffed(self, crew: CrewKind, status: str) -> Collection[Unit]:
        """Return the staffed units of a crew kind in a status."""
        return self._staffed.get((crew, status), {}).values()

    def outward(
        self, kind: Kind, district: str | None, position: Position
    ) -> Iterator[tuple[float, Spot]]:
        """Yield where units of a kind are free, from a point outward (see `Proximity`).

        `district` is their own one; None stands for all.
        """
        places = self._places.get((kind, district))
        return iter(()) if places is None else places.outward(position)

    def _count(self, unit: Unit, step: int) -> None:
        kind, reason = Kind(unit.crew, unit.vehicle), objection(unit)
        self._crews[unit.crew] += step
        if reason is None:
            self._free_of[kind] += step
        else:
            reasons = self._objections[unit.crew]
            reasons[reason] += step
            if not reasons[reason]:
                del reasons[reason]
        if unit.staffed:
            those = self._staffed.setdefault((unit.crew, unit.status), {})
            if step > 0:
                those[unit.unit_id] = unit
            else:
                those.pop(unit.unit_id, None)

    def _put_down(self, unit: Unit) -> None:
        self._free[unit.unit_id] = unit
        place = unit.station
        at = unit.position_at
        if unit.position is not None and at is not None and at >= self._fresh_since:
            place = unit.position
            self._note_report(unit.unit_id, at)
        self._filed[unit.unit_id] = place
        for key in _keys(unit):
            self._places.setdefault(key, Proximity()).add(unit.unit_id, place)

    def _take_away(self, unit: Unit) -> None:
        del self._free[unit.unit_id]
        place = self._filed.pop(unit.unit_id)
        for key in _keys(unit):
            self._places[key].discard(unit.unit_id, place)

    def _file_again(self, unit_id: str) -> None:
        unit = self._free[unit_id]
        self._take_away(unit)
        self._put_down(unit)

    def _note_report(self, unit_id: str, reported_at: datetime) -> None:
        heappush(self._reports, (reported_at, unit_id))
        if len(self._reports) > 2 * len(self._free) + _FEW:
            self._reports = [
                each for each in self._reports if self._reported_at(each[1]) == each[0]
            ]
            heapify(self._reports)

    def _reported_at(self, unit_id: str) -> datetime | None:
        unit = self._free.get(unit_id)
        return None if unit is None else unit.position_at


def _keys(unit: Unit) -> tuple[tuple[Kind, str | None], ...]:
    kind, any_vehicle = Kind(unit.crew, unit.vehicle), Kind(unit.crew, None)
    return (
        (kind, None),
        (kind, unit.district),
        (any_vehicle, None),
        (any_vehicle, unit.district),
    )
