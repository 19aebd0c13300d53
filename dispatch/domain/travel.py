"""Estimated travel time; a routing engine can stand in for the great circle."""

import math
from dataclasses import dataclass
from typing import Final, Protocol

from dispatch.domain.model import Position
from dispatch.policy.pack import Pack

EARTH_RADIUS_METRES: Final = 6_371_008.8
_METRES_PER_KM: Final = 1000.0
_SECONDS_PER_HOUR: Final = 3600.0


def metres_between(a: Position, b: Position) -> float:
    """Return the great-circle distance of two WGS-84 points in metres."""
    phi_a, phi_b = math.radians(a.latitude), math.radians(b.latitude)
    half_phi = (phi_b - phi_a) / 2
    half_lambda = math.radians(b.longitude - a.longitude) / 2
    h = math.sin(half_phi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_METRES * math.asin(min(1.0, math.sqrt(h)))


class Travel(Protocol):
    """How long a unit takes from one point to another."""

    def seconds(self, origin: Position, destination: Position) -> float:
        """Return the estimated travel time in seconds."""
        ...

    def at_least(self, metres: float) -> float:
        """Return the seconds that no way between points so many metres apart takes less than.

        The distance is that of the great circle.
        """
        ...


@dataclass(frozen=True, slots=True)
class GreatCircleTravel:
    """Great-circle distance x road factor / speed."""

    road_factor: float
    speed_kmh: float

    def seconds(self, origin: Position, destination: Position) -> float:
        """Return the estimated travel time in seconds."""
        return self.at_least(metres_between(origin, destination))

    def at_least(self, metres: float) -> float:
        """Return the seconds that a way between points so many metres apart takes."""
        metres_per_second = self.speed_kmh * _METRES_PER_KM / _SECONDS_PER_HOUR
        return metres * self.road_factor / metres_per_second


def usual_travel(pack: Pack) -> Travel:
    """Return how long units take where a city's plan says nothing else of its roads."""
    policy = pack.allocation
    return GreatCircleTravel(road_factor=policy.road_factor, speed_kmh=policy.speed_kmh)
