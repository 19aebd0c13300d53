"""Where the patient is taken, and what hospitals report of themselves.

Source: 120 plan §4-5; domain, choosing the unit and handover.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dispatch.domain.city import City, Rejected
from dispatch.domain.model import Hospital, Incident, Position
from dispatch.policy.rules import Destination
from dispatch.topics.hospitals import HospitalReported

# Ranks of a hospital for a destination: the lower, the sooner it is chosen.
_OF_THE_JURISDICTION, _OF_THE_CITY, _RESERVE = range(3)


@dataclass(frozen=True, slots=True)
class HospitalChoice:
    """A hospital, the room kind to reserve and the place promised there (None: no room is free)."""

    hospital: Hospital
    room: str
    place: int | None
    travel_seconds: float


def choose_hospital(
    city: City,
    incident: Incident,
    destination: Destination,
    *,
    origin: Position,
    refused: Iterable[str] = (),
) -> HospitalChoice | None:
    """Return the nearest open hospital that serves the destination, one with room left first.

    A dispatcher's choice comes before the rule, unless that hospital has refused the patient or is
    closed. None means that no hospital of the city is open for this destination.
    """
    room = city.pack.handover.rooms[destination]
    refused = set(refused)
    ranked = []
    for hospital in city.hospitals.values():
        if hospital.status == "closed" or hospital.hospital_id in refused:
            continue
        wanted = hospital.hospital_id == incident.wanted_hospital
        rank = 0 if wanted else _rank(city, incident, destination, hospital)
        if rank is None:
            continue
        place = city.free_place(hospital, room)
        seconds = city.travel.seconds(origin, hospital.position)
        advisory = hospital.status == "advisory"
        ranked.append(
            (
                (not wanted, place is None, rank, advisory, seconds, hospital.hospital_id),
                HospitalChoice(hospital, room, place, seconds),
            )
        )
    return min(ranked, default=(None, None))[1] if ranked else None


def report_hospital(city: City, event: HospitalReported) -> None:
    """Take over what a hospital says of itself.

    Raises:
        Rejected: the hospital is unknown, or a newer report has been taken over already.
    """
    hospital = city.hospitals.get(event.hospital_id)
    if hospital is None:
        raise Rejected("hospital_id", "is not a hospital of this city")
    if hospital.reported_at is not None and event.at < hospital.reported_at:
        raise Rejected("at", "is older than this hospital's last report")
    city.put(
        replace(
            hospital,
            status=event.status or hospital.status,
            rooms={**hospital.rooms, **(event.rooms or {})},
            reported_at=event.at,
        )
    )


def _rank(city: City, incident: Incident, destination: str, hospital: Hospital) -> int | None:
    """Return how well a hospital fits a destination, None when it does not."""
    if destination == "designated_hospital":
        if "designated" in hospital.roles:
            own = incident.place.district in hospital.jurisdiction
            return _OF_THE_JURISDICTION if own else _OF_THE_CITY
        return _RESERVE if "reserve_designated" in hospital.roles else None
    if destination == "nearest_suitable":
        if "ordinary" not in hospital.roles:
            return None
        wish = city.calls[incident.incident_id].content.destination_wish
        needed = _capability(city, incident.complaint)
        if needed is not None and needed not in hospital.capabilities:
            return 2
        return 0 if wish in (hospital.hospital_id, hospital.name) else 1
    return 0 if destination in hospital.roles else None


def _capability(city: City, complaint: str | None) -> str | None:
    """Return the capability that a complaint needs, by the words that the pack names."""
    folded = (complaint or "").casefold()
    for word, capability in city.pack.allocation.complaint_capabilities.items():
        if word in folded:
            return capability
    return None
