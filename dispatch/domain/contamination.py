"""A vehicle that has left a patient undisinfected, as is found out afterwards.

It is disinfected before it carries anyone else; one that carries somebody already is disinfected
after that run, and somebody must look. Source: 120 plan §4, §6.
"""

from dataclasses import replace

from dispatch.domain import dispatching, orders
from dispatch.domain.city import City
from dispatch.domain.disinfection import order_job
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Assignment


def disinfect_afterwards(city: City, run: Assignment, because: str) -> None:
    """Block the vehicle of a run that is over, as soon as it carries nobody.

    `because` tells the crew that carries somebody by now why it is disinfected after that.
    """
    unit = city.units[run.unit_id]
    late = replace(run, disinfection="terminal")
    city.put(late)
    if unit.assignment_id is not None:
        running = city.assignments[unit.assignment_id]
        if not dispatching.take_over(city, running, "its unit must be disinfected first"):
            _carry_on_contaminated(city, running, run, because)
            return
        unit = city.units[unit.unit_id]
    if unit.job_id is None:
        order_job(city, late, near=unit.position or unit.station, receiving=None)


def _carry_on_contaminated(
    city: City, running: Assignment, before: Assignment, because: str
) -> None:
    """No other unit can take the run over: it is disinfected after it, and somebody must look."""
    changed = replace(running, disinfection="terminal", contaminated_before=True)
    city.put(changed)
    if running.disinfection != "terminal":
        orders.tell_amended(city, changed.assignment_id, because)
    escalate(
        city,
        "crew_exposed",
        running.incident_id,
        running.unit_id,
        f"unit {running.unit_id} carries a patient undisinfected after {before.assignment_id}",
    )
