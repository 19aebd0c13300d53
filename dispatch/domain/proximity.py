"""What is near a point of the map, the nearest first, without looking at everything.

The globe lies in a cube that is halved in each direction where it is crowded, down to a few points
a cell, and joined again where it empties: whatever the density of a city, a point is found in about
as many steps as its number of points has digits. Chords through the earth stand for distances, so
that neither poles nor the date line need care.
"""

import math
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Final

from dispatch.domain.model import Position
from dispatch.domain.travel import EARTH_RADIUS_METRES

# A cell that holds more points is split, one that comes to hold fewer is joined.
_CROWDED: Final = 12
_EMPTY: Final = 6
# Half the edge of the smallest cell, in earth radii: six millimetres.
_SMALLEST: Final = 1e-9
# What rounding may take from a distance, as a share and in metres.
_SHARE_LOST: Final = 1e-9
_METRES_LOST: Final = 1e-6


class Spot:
    """A point of the map and the ids of what is there, the first of them at hand."""

    __slots__ = ("_heap", "ids", "position", "x", "y", "z")

    def __init__(self, position: Position, x: float, y: float, z: float) -> None:
        self.position = position
        self.x, self.y, self.z = x, y, z
        self.ids: set[str] = set()
        self._heap: list[str] = []

    @property
    def first(self) -> str:
        """The least of the ids."""
        heap = self._heap
        while heap[0] not in self.ids:
            heappop(heap)
        return heap[0]

    def add(self, key: str) -> None:
        """Let an id be here."""
        self.ids.add(key)
        heappush(self._heap, key)
        # What has left and come back is there twice.
        if len(self._heap) > 2 * len(self.ids) + _CROWDED:
            self._heap = list(self.ids)
            heapify(self._heap)


class _Cell:
    """A cube of the globe: its points, or, where there are too many, its eight parts."""

    __slots__ = ("count", "half", "parts", "spots", "x", "y", "z")

    def __init__(self, x: float, y: float, z: float, half: float) -> None:
        self.x, self.y, self.z, self.half = x, y, z, half
        self.count = 0
        self.spots: list[Spot] = []
        self.parts: dict[int, _Cell] | None = None

    def part_for(self, spot: Spot) -> int:
        return (spot.x >= self.x) | (spot.y >= self.y) << 1 | (spot.z >= self.z) << 2

    def part(self, number: int) -> "_Cell":
        assert self.parts is not None, "only a cell that is split has parts"
        found = self.parts.get(number)
        if found is None:
            half = self.half / 2
            found = self.parts[number] = _Cell(
                self.x + (half if number & 1 else -half),
                self.y + (half if number & 2 else -half),
                self.z + (half if number & 4 else -half),
                half,
            )
        return found

    def all_spots(self) -> Iterator[Spot]:
        yield from self.spots
        for part in (self.parts or {}).values():
            yield from part.all_spots()


class Proximity:
    """Ids by their point on the map, found from any other point outward."""

    def __init__(self) -> None:
        self._spots: dict[Position, Spot] = {}
        self._whole = _Cell(0.0, 0.0, 0.0, 1.0)

    def add(self, key: str, position: Position) -> None:
        """Make an id findable at a point."""
        spot = self._spots.get(position)
        if spot is None:
            spot = self._spots[position] = Spot(position, *_on_globe(position))
            self._insert(spot)
        spot.add(key)

    def discard(self, key: str, position: Position) -> None:
        """Forget an id at the point where it was added."""
        spot = self._spots[position]
        spot.ids.discard(key)
        if not spot.ids:
            del self._spots[position]
            self._remove(spot)

    def outward(
        self, position: Position, as_far_as: float = math.inf
    ) -> Iterator[tuple[float, Spot]]:
        """Yield each point in use with a great-circle distance that it is not nearer than.

        In metres and ascending; it is short of the distance by rounding and the earth's curve.
        Some or all of the points beyond `as_far_as` metres are left out.
        """
        x, y, z = _on_globe(position)
        # A metre more is more than rounding takes.
        farthest = ((as_far_as + 1.0) / EARTH_RADIUS_METRES) ** 2
        ordinal = 0  # cells and points do not compare
        cell = self._whole
        # Down to the cell where the points part: those around it hold nothing else.
        while cell.parts is not None and len(cell.parts) == 1:
            (cell,) = cell.parts.values()
        queue: list[tuple[float, int, _Cell | Spot]] = [(0.0, 0, cell)]
        while queue:
            squared, _, found = heappop(queue)
            if isinstance(found, Spot):
                chord = math.sqrt(squared) * EARTH_RADIUS_METRES
                yield max(0.0, chord * (1 - _SHARE_LOST) - _METRES_LOST), found
                continue
            if found.parts is None:
                for spot in found.spots:
                    dx, dy, dz = spot.x - x, spot.y - y, spot.z - z
                    away = dx * dx + dy * dy + dz * dz
                    if away <= farthest:
                        ordinal += 1
                        heappush(queue, (away, ordinal, spot))
                continue
            for part in found.parts.values():
                half, away = part.half, 0.0
                # Written out three times: this is where a search spends its time.
                if (dx := abs(part.x - x) - half) > 0.0:
                    away = dx * dx
                if (dy := abs(part.y - y) - half) > 0.0:
                    away += dy * dy
                if (dz := abs(part.z - z) - half) > 0.0:
                    away += dz * dz
                if away <= farthest:
                    ordinal += 1
                    heappush(queue, (away, ordinal, part))

    def within(self, position: Position, metres: float) -> Iterator[str]:
        """Yield every id that may be so many metres from a point, or fewer, the nearest first."""
        for away, spot in self.outward(position, metres):
            if away > metres:
                return
            yield from spot.ids

    def __len__(self) -> int:
        """Return how many points are in use."""
        return len(self._spots)

    def _insert(self, spot: Spot) -> None:
        cell = self._whole
        cell.count += 1
        while cell.parts is not None:
            cell = cell.part(cell.part_for(spot))
            cell.count += 1
        cell.spots.append(spot)
        while len(cell.spots) > _CROWDED and cell.half > _SMALLEST:
            spots, cell.spots, cell.parts = cell.spots, [], {}
            for each in spots:
                part = cell.part(cell.part_for(each))
                part.spots.append(each)
                part.count += 1
            # All may have come to lie in one part.
            cell = cell.part(cell.part_for(spot))

    def _remove(self, spot: Spot) -> None:
        cell = self._whole
        cell.count -= 1
        while cell.parts is not None:
            if cell.count < _EMPTY:
                spots = [each for each in cell.all_spots() if each is not spot]
                cell.spots, cell.parts = spots, None
                return
            number = cell.part_for(spot)
            part = cell.part(number)
            part.count -= 1
            if not part.count:
                del cell.parts[number]
                return
            cell = part
        cell.spots.remove(spot)


def _on_globe(position: Position) -> tuple[float, float, float]:
    """Return a point's place in space, in earth radii from its centre."""
    latitude, longitude = math.radians(position.latitude), math.radians(position.longitude)
    around = math.cos(latitude)
    return around * math.cos(longitude), around * math.sin(longitude), math.sin(latitude)
