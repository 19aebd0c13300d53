"""Patients under way go elsewhere: what they need has become known, or their hospital has closed.

Source: work plans (一)4 (fever clinics may not close unasked), (七)2; domain, handover.
"""

from collections.abc import Collection
from typing import Final

from dispatch.domain import choosing, handover
from dispatch.domain.arrivals import BEFORE_ARRIVAL
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Hospital

# Without one of these, those who must be isolated have nowhere to go.
_MAY_NOT_CLOSE: Final = ("fever_clinic", "designated", "reserve_designated", "temporary")


def for_needs(city: City, assignment_id: str, gained: Collection[str], because: str) -> None:
    """Take a patient who has been announced where what they now need is to be had, or escalate.

    Who has arrived stays, and so does who has a bed that a hospital agreed to keep. What was needed
    when they were announced has been seen to. The crew is not told here.
    """
    run = city.assignments[assignment_id]
    announced = handover.current(city, run)
    if announced is None:
        return
    new = [need for need in gained if need not in announced.needs]
    lacks = choosing.lacking(new, city.hospitals[announced.hospital_id])
    if not lacks:
        return
    if city.units[run.unit_id].status in BEFORE_ARRIVAL and not announced.reservations:
        choice = handover.next_hospital(city, run, run.refused_hospitals)
        # Its own room counts as taken: it is not given up for a hospital without one.
        roomless = announced.place is not None and choice is not None and choice.place is None
        if choice is not None and not roomless and _has_more(city, choice, announced.hospital_id):
            handover.move_on(city, announced, because, status="withdrawn", refused=False)
            return
    choosing.escalate_lacking(city, announced, lacks)


def tell_closed(city: City, hospital: Hospital, before: str) -> None:
    """Escalate that one that isolates has closed; `before` is the status that it had.

    So is, of any, a patient at its door: a crew that has arrived is not sent on by itself.
    """
    if before == "closed" or hospital.status != "closed":
        return
    for handover_id in sorted(city.arrivals.at(hospital.hospital_id)):
        announced = city.handovers[handover_id]
        signed = announced.signed_by_crew or announced.signed_by_hospital
        if city.units[announced.unit_id].status == "at_hospital" and signed is None:
            escalate(
                city,
                "hospital_closed",
                announced.incident_id,
                handover_id,
                f"hospital {hospital.hospital_id} has closed with unit {announced.unit_id} and its "
                "patient at the door: it takes them in, or diverts them",
            )
    roles = [role for role in _MAY_NOT_CLOSE if role in hospital.roles]
    if not roles:
        return
    coming = sum(1 for _ in city.arrivals.at(hospital.hospital_id))
    escalate(
        city,
        "hospital_closed",
        None,
        hospital.hospital_id,
        f"hospital {hospital.hospital_id} ({', '.join(roles)}) has closed; {coming} patients were "
        "announced to it: those under way go to the next",
    )


def _has_more(city: City, choice: choosing.HospitalChoice, hospital_id: str) -> bool:
    """Say whether a choice has more of what the patient needs than where they are announced."""
    here = choosing.lacking(choice.needs, city.hospitals[hospital_id])
    return choice.hospital.hospital_id != hospital_id and len(choice.lacking) < len(here)
