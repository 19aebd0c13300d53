"""A crew that has handed over sets out again: when it says so, or after the pack's time.

A vehicle that is to be disinfected first is blocked until its certificate is accepted, and counts
as on its way back from then on. Of the others only the crew knows when it is ready: it reports
`returning`. One that never does would stand still for ever, so that it is assumed.

Source: domain, terms (unit status); the pack's `assume_returning_seconds`.
"""

from typing import Final

from dispatch.domain.city import City
from dispatch.domain.fleet import change_unit

TIMER: Final = "setting_out"


def await_report(city: City, unit_id: str) -> None:
    """Wait for the crew's report, if this unit has handed over and owes no disinfection."""
    if _stands(city, unit_id):
        limit = city.pack.allocation.assume_returning_seconds
        city.set_timer(TIMER, unit_id, city.in_seconds(limit))


def assume(city: City, unit_id: str) -> bool:
    """Count a unit as returning that has said nothing of it; return whether it stood still."""
    if not _stands(city, unit_id):
        return False
    change_unit(city, city.units[unit_id], assumed=True, status="returning")
    return True


def _stands(city: City, unit_id: str) -> bool:
    unit = city.units.get(unit_id)
    return unit is not None and unit.status == "handed_over" and unit.job_id is None
