"""Where patients are, from what is said of it."""

from dispatch.domain.believing import said_of, why_not
from dispatch.domain.city import City, Rejected
from dispatch.domain.model import Place, Position
from dispatch.topics.calls import Location


def check(city: City, location: Location) -> None:
    """Refuse a position at which nobody can be.

    Raises:
        Rejected: it stands for none (0, 0), or is outside the city's bounds.
    """
    position = _position(location)
    why = None if position is None else why_not(position, city.bounds)
    if position is not None and why is not None:
        raise Rejected("location", said_of(position, why))


def place_of(city: City, location: Location, district: str) -> Place:
    """Return where a patient is; without a position, the district's centre, marked as such."""
    position = _position(location)
    return Place(
        position=position or city.districts[district].centre,
        source="district_centre" if position is None else "caller",
        district=district,
        address=location.address,
    )


def _position(location: Location) -> Position | None:
    if location.latitude is None or location.longitude is None:
        return None
    return Position(location.latitude, location.longitude)
