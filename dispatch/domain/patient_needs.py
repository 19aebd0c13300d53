"""What the patients of an incident need of a hospital: said in calls, or coded in a transfer.

Source: domain, choosing the unit (`nearest_suitable`), transfers and hospitals.
"""

from typing import Final, NamedTuple

from dispatch.domain.city import City
from dispatch.domain.model import Incident
from dispatch.policy.needs import requests_of

# Of so many texts, and of so many patients' ages, the rest is not looked at.
_MOST: Final = 60


class Said(NamedTuple):
    """What is looked at beside symptoms and complaints; `ages` are in years."""

    requests: tuple[str, ...]
    ages: tuple[float, ...]
    needs: tuple[str, ...]


def said(city: City, incident: Incident) -> Said:
    """Return what an incident's calls say of needs; institutions have those of patients coded."""
    transfer = city.transfers.get(incident.incident_id)
    if transfer is not None:
        patients = transfer.patients
        return Said(
            (),
            tuple(each.age for each in patients if each.age is not None)[:_MOST],
            tuple(dict.fromkeys(need for each in patients for need in each.needs)),
        )
    calls = [city.calls[call_id].content for call_id in incident.calls]
    requests = dict.fromkeys(text for call in calls for text in requests_of(call))
    ages = (call.patient.age for call in calls if call.patient.age is not None)
    return Said(tuple(requests)[:_MOST], tuple(ages)[:_MOST], ())
