"""Cells of the map, by which what is near a point is found without looking at everything."""

import math
from collections.abc import Iterator
from typing import Final

from dispatch.domain.model import Position

Cell = tuple[int, int]

_DEGREES: Final = 0.01
_METRES: Final = 1_112.0  # of latitude, in a cell
# A cell gets narrow towards the poles: no narrower than this share of its height is looked for.
_NARROWEST: Final = 0.05


def cell_of(position: Position) -> Cell:
    """Return the cell that a point lies in."""
    return math.floor(position.latitude / _DEGREES), math.floor(position.longitude / _DEGREES)


def cells_near(position: Position, metres: float) -> Iterator[Cell]:
    """Yield every cell in which a point may lie that is so many metres away, or less."""
    lat, lon = cell_of(position)
    reach = max(1, math.ceil(metres / _METRES))
    shrink = max(_NARROWEST, math.cos(math.radians(position.latitude)))
    across = max(1, math.ceil(reach / shrink))
    for i in range(lat - reach, lat + reach + 1):
        for j in range(lon - across, lon + across + 1):
            yield i, j
