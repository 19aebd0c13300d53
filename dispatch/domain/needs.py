"""What an incident asks of the next unit.

Source: domain, the decision and choosing the unit.
"""

from collections.abc import Iterable

from dispatch.domain import incidents, moving, placements
from dispatch.domain.allocation import Need
from dispatch.domain.city import City
from dispatch.domain.model import Incident, Place
from dispatch.topics.transfers import TransferPatient


def next_need(city: City, incident: Incident) -> Need:
    """Return what an incident asks of the unit that goes next."""
    patients = placements.next_patients(city, incident)
    return need_of(city, incident, incidents.next_place(incident), patients)


def need_of(
    city: City, incident: Incident, place: Place, patients: Iterable[TransferPatient] = ()
) -> Need:
    """Return what an incident asks of a unit for a place and, of a transfer, for these patients."""
    crew = incidents.wanted_crew(incident)
    return Need(
        place=place,
        crew="transfer" if crew == "transfer" else "regular",
        critical=incident.condition != "stable",
        transfer_wait_over=incident.transfer_wait_over,
        vehicles=moving.vehicles_for(city, patients),
    )
