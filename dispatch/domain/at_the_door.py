"""A run that goes on to another hospital, also from the door of the one before.

The crew stands there with the patient aboard: a hospital that can take nobody says so too late, but
it says so. The crew goes on, and the next hospital is told (120 plan §5).
"""

from dataclasses import replace
from typing import Literal

from dispatch.domain import aftercare, dispatching, handover, incidents
from dispatch.domain.city import City
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Handover


def go_on(
    city: City,
    announced: Handover,
    because: str,
    *,
    status: Literal["withdrawn", "diverted"],
    refused: bool,
) -> None:
    """Take a patient to another hospital, and tell it and the crew."""
    before = city.assignments[announced.assignment_id]
    at_the_door = city.units[before.unit_id].status == "at_hospital"
    if at_the_door:
        _leave(city, announced, because)
    after = handover.move_on(city, announced, because, status=status, refused=refused)
    dispatching.hospital_changed(city, before, after, because)
    if at_the_door:
        incidents.tell_progress(city, after, "transporting", city.now)


def _leave(city: City, announced: Handover, because: str) -> None:
    """Let the unit be on the way again, from where the hospital is."""
    run = city.assignments[announced.assignment_id]
    unit = city.units[run.unit_id]
    arrived_at = min(run.reached["at_hospital"], city.now)
    if unit.position_at is None or unit.position_at < arrived_at:
        door = city.hospitals[announced.hospital_id].position
        unit = replace(unit, position=door, position_at=arrived_at)
    reached = {status: at for status, at in run.reached.items() if status != "at_hospital"}
    city.put(replace(run, reached=reached))
    change_unit(city, unit, status="transporting")
    aftercare.not_awaited(city, announced, because)
