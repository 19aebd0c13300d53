"""Where units say they are: taken over where it is believed, else told."""

from dataclasses import replace

from dispatch.domain import believing
from dispatch.domain.city import City
from dispatch.domain.model import Doubt, Position, Unit
from dispatch.domain.roster import where
from dispatch.topics.fleet import Disbelief, UnitWarned
from dispatch.topics.units import UnitReported


def take(city: City, event: UnitReported, unit: Unit) -> tuple[UnitReported, Unit]:
    """Take over a report's position; return the report, as of now at the latest, and the unit."""
    said = event.position
    if said is None:
        return event, unit
    ahead = event.at > city.in_seconds(city.pack.events.future_tolerance_seconds)
    if ahead:
        event = event.model_copy(update={"at": city.now})
    position = Position(said.latitude, said.longitude)
    # Nobody is known to be anywhere later than now: what is said next would be older.
    at = min(event.at, city.now)
    doubt = (
        Doubt(why="from_the_future", position=position, at=at)
        if ahead
        else believing.doubt_of(unit, position, at, bounds=city.bounds, policy=city.pack.positions)
    )
    before = unit.doubt
    if doubt is not None and doubt.why == "older_than_last" and before is not None:
        # It says nothing against what is known.
        return event, unit
    if doubt is None:
        unit = replace(unit, position=position, position_at=at, doubt=None)
    else:
        unit = replace(unit, doubt=doubt)
    city.put(unit)
    if doubt is not None and (before is None or before.why != doubt.why):
        _warn(city, unit, doubt.why, position)
    return event, unit


def _warn(city: City, unit: Unit, why: Disbelief, position: Position) -> None:
    """Tell that a unit's position is not believed, and what stands in for it."""
    fresh_seconds = city.pack.allocation.position_fresh_seconds
    here, _ = where(unit, city.now, fresh_seconds)
    city.emit(
        UnitWarned(
            unit_id=unit.unit_id,
            at=city.now,
            why=why,
            explanation=_explanation(city, why, position),
            latitude=position.latitude,
            longitude=position.longitude,
            stands_in="last_position" if here is unit.position else "station",
        ),
        key=unit.unit_id,
    )


def _explanation(city: City, why: Disbelief, position: Position) -> str:
    match why:
        case "from_the_future":
            tolerance = city.pack.events.future_tolerance_seconds
            return f"the report is more than {tolerance} s in the future: it was taken as of now"
        case "too_fast":
            fastest = city.pack.positions.fastest_kmh
            return f"no vehicle comes there from its last position at {fastest:.0f} km/h"
        case "older_than_last":
            return "it is older than the last position"
        case _:
            return believing.said_of(position, why)
