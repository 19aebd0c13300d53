"""Where units say they are: taken over where it is believed, else told."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.domain import believing, timing
from dispatch.domain.city import City
from dispatch.domain.model import Position, Unit
from dispatch.domain.roster import where
from dispatch.topics.fleet import Disbelief, UnitWarned
from dispatch.topics.units import UnitReported

# A clock that is ahead is told again when it was right, or silent, for so long.
_GOES_ON: Final = timedelta(minutes=10)


def take(city: City, event: UnitReported, unit: Unit) -> Unit:
    """Take over a report's position; return the unit."""
    said = event.position
    if said is None:
        return unit
    position = Position(said.latitude, said.longitude)
    doubt = believing.doubt_of(
        unit, position, event.at, bounds=city.bounds, policy=city.pack.positions
    )
    before = unit.doubt
    if doubt is not None and doubt.why == "older_than_last" and before is not None:
        # It says nothing against what is known.
        return unit
    if doubt is None:
        unit = replace(unit, position=position, position_at=event.at, doubt=None)
    else:
        unit = replace(unit, doubt=doubt)
    city.put(unit)
    if doubt is not None and (before is None or before.why != doubt.why):
        _warn(city, unit, doubt.why, position)
    return unit


def note_clock(city: City, unit_id: str, said_at: datetime) -> None:
    """Tell that a clock of a unit is further ahead than the pack tolerates, once as long as it is.

    `said_at` (aware UTC) is the time of its report, which counts as of now. A vehicle may have
    several clocks, and one that is right.
    """
    unit = city.units.get(unit_id)
    if unit is None or said_at <= city.now + timing.tolerance(city.pack):
        return
    before = unit.clock_ahead_at
    unit = replace(unit, clock_ahead_at=city.now)
    city.put(unit)
    if before is None or city.now - before > _GOES_ON:
        _warn(city, unit, "from_the_future", unit.position or unit.station)


def _warn(city: City, unit: Unit, why: Disbelief, position: Position) -> None:
    """Tell that a unit's position or clock is not believed, and what stands in for it."""
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
