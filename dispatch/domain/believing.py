"""Which positions are believed: none at which nobody can be.

A device without a fix says 0, 0; one that is disturbed says that it is in another country, or goes
faster than any vehicle. The limits are the pack's (`positions`) and the city's bounds.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dispatch.domain.model import Doubt, Position, Unit
from dispatch.domain.travel import EARTH_RADIUS_METRES, metres_between
from dispatch.policy.pack import Positions
from dispatch.topics.fleet import Disbelief

# About a hundred metres around 0, 0 in the Gulf of Guinea.
_NO_FIX: Final = 0.001  # degrees
_METRES_PER_DEGREE: Final = math.radians(EARTH_RADIUS_METRES)
_METRES_PER_SECOND: Final = 1 / 3.6  # of a km/h


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a city's units and callers can be in: WGS-84 degrees, away from the date line."""

    south: float
    west: float
    north: float
    east: float

    def hold(self, position: Position) -> bool:
        """Return whether a position is within."""
        return (
            self.south <= position.latitude <= self.north
            and self.west <= position.longitude <= self.east
        )

    def around(self, positions: Iterable[Position], margin_metres: float) -> "Bounds":
        """Return the bounds that hold these positions too, and so many metres more all around."""
        some = list(positions)
        south = min([self.south, *(each.latitude for each in some)])
        north = max([self.north, *(each.latitude for each in some)])
        degrees = margin_metres / _METRES_PER_DEGREE
        # Nearest to a pole a degree of longitude is shortest; at it none would be left.
        shortest = max(0.01, math.cos(math.radians(max(abs(south), abs(north)))))
        return Bounds(
            south=south - degrees,
            west=min([self.west, *(each.longitude for each in some)]) - degrees / shortest,
            north=north + degrees,
            east=max([self.east, *(each.longitude for each in some)]) + degrees / shortest,
        )


# Holds nothing.
NOWHERE: Final = Bounds(south=math.inf, west=math.inf, north=-math.inf, east=-math.inf)


def why_not(position: Position, bounds: Bounds) -> Disbelief | None:
    """Return why nobody is at a position, whoever says so; None where somebody may be."""
    if is_no_fix(position):
        return "no_fix"
    return None if bounds.hold(position) else "out_of_bounds"


def is_no_fix(position: Position) -> bool:
    """Return whether a position is what a device says that does not know where it is."""
    return abs(position.latitude) < _NO_FIX and abs(position.longitude) < _NO_FIX


def said_of(position: Position, why: Disbelief) -> str:
    """Return in a clause why nobody is at a position."""
    if why == "no_fix":
        return "0, 0 stands for no position"
    return f"{position.latitude:.4f}, {position.longitude:.4f} is outside the city's bounds"


def doubt_of(
    unit: Unit, position: Position, at: datetime, *, bounds: Bounds, policy: Positions
) -> Doubt | None:
    """Return why a unit is not where it says it is at a time (aware UTC); None where it may be.

    Reports that lie too far from the last one believed, and agree with each other, are believed in
    the end: it was the last one that was wrong. One that jumps to and fro never agrees.
    """
    why = why_not(position, bounds)
    if why is not None:
        return Doubt(why=why, position=position, at=at)
    if unit.position is None or unit.position_at is None:
        return None
    if at < unit.position_at:
        return Doubt(why="older_than_last", position=position, at=at)
    if _can_be(unit.position, unit.position_at, position, at, policy):
        return None
    agreeing, before = 1, unit.doubt
    follows = before is not None and before.why == "too_fast" and before.at < at
    if before is not None and follows and _can_be(before.position, before.at, position, at, policy):
        agreeing += before.agreeing
    if agreeing >= policy.agreeing_reports:
        return None
    return Doubt(why="too_fast", position=position, at=at, agreeing=agreeing)


def _can_be(
    here: Position, then: datetime, there: Position, now: datetime, policy: Positions
) -> bool:
    """Return whether a vehicle can have come from one position to another between two times."""
    seconds = (now - then).total_seconds()
    reach = seconds * policy.fastest_kmh * _METRES_PER_SECOND + policy.inaccuracy_metres
    return metres_between(here, there) <= reach
