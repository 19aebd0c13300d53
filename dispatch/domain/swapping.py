"""When one crew may take over from another that is on its way: as late as the pack allows.

Source: 120 plan §4 (就近派遣); domain, the decision.
"""

from dispatch.domain.allocation import BEYOND_WEAR_TIME, Choice
from dispatch.domain.city import City
from dispatch.domain.model import Assignment
from dispatch.domain.roster import where
from dispatch.policy.pack import Urgency


def still_to_go(city: City, run: Assignment) -> float:
    """Return in how many seconds a crew is expected at its patient.

    From where it counted as being when it rolled, or said that it is since; it has been driving on.
    """
    if run.met_patient:
        return 0.0
    rolled_at = run.reached.get("rolling", city.now)
    fresh_seconds = city.pack.allocation.position_fresh_seconds
    origin, _ = where(city.units[run.unit_id], rolled_at, fresh_seconds)
    seconds = city.travel.seconds(origin, run.place.position)
    return max(0.0, seconds - driven_since(city, run))


def driven_since(city: City, run: Assignment) -> float:
    """Return for how many seconds a crew has been driving since it said where it was."""
    rolled_at, said_at = run.reached.get("rolling"), city.units[run.unit_id].position_at
    if rolled_at is None:
        return 0.0
    since = rolled_at if said_at is None else max(rolled_at, said_at)
    return max(0.0, (city.now - since).total_seconds())


def latest(city: City, run: Assignment, left: float) -> float:
    """Return in how many seconds the crew that is asked for may come at the latest.

    The crew on its way is there in `left` seconds. Is it at the door, only another that is there
    too takes over.
    """
    policy = city.pack.allocation
    by = left + policy.swap_later_seconds[_urgency(city, run)]
    return min(by, policy.at_the_door_seconds) if is_at_the_door(city, left) else by


def latest_for_undisinfected(city: City, run: Assignment, left: float) -> float:
    """Return the same where the vehicle on its way must be disinfected first: it suits nobody."""
    return left + city.pack.allocation.suited_later_seconds[_urgency(city, run)]


def is_at_the_door(city: City, left: float) -> bool:
    """Return whether a crew that is there in `left` seconds is too near to be turned round."""
    return left <= city.pack.allocation.at_the_door_seconds


def may_take_over(choice: Choice, left: float, latest: float) -> bool:
    """Return whether the unit of a choice comes by `latest`, and can do the run as the other can.

    The crew on its way is there in `left` seconds.
    """
    seconds = choice.travel_seconds
    if choice.unit is None or seconds > latest:
        return False
    return seconds <= left or BEYOND_WEAR_TIME not in choice.why


def why_not(city: City, choice: Choice, left: float) -> str:
    """Return in a clause why nobody of the kind asked for takes over, with the seconds."""
    if choice.unit is None:
        return "no transfer crew is free"
    there = f"transfer crew {choice.unit.unit_id} would be there in {choice.travel_seconds:.0f} s"
    if BEYOND_WEAR_TIME in choice.why:
        return f"{there}, too late to do the run in one set of protection"
    if is_at_the_door(city, left):
        return f"{there}, and the crew on its way is at the door"
    return f"{there}, the crew on its way in {left:.0f} s"


def _urgency(city: City, run: Assignment) -> Urgency:
    return "stable" if city.incidents[run.incident_id].condition == "stable" else "critical"
