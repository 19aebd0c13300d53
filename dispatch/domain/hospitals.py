"""Which hospitals serve what, and what they report of themselves.

Source: 120 plan §4-5; domain, choosing the unit, handover, transfers and hospitals.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dispatch.domain import beds, tiers
from dispatch.domain.city import City, Crossed, Early, Rejected
from dispatch.domain.fleet import report_duties
from dispatch.domain.model import Hospital, Position
from dispatch.topics.codes import Destination
from dispatch.topics.hospitals import HospitalReported, HospitalService

# Ranks of a hospital for a destination: the lower, the sooner it is chosen.
_OF_THE_JURISDICTION, _OF_THE_CITY, _RESERVE, _TEMPORARY = range(4)
# Of one hospital: its record is read and written whole.
MOST_ROOM_KINDS: Final = 500
# The role that serves a destination, where the destination's name is not the role's.
_ROLE: Final[Mapping[Destination, str]] = {
    "nearest_suitable": "ordinary",
    "ward": "ordinary",
    "home": "community",
}


@dataclass(frozen=True, slots=True)
class PatientsChoice:
    """The hospital for all patients of a vehicle, None where none suits.

    `passed_over` counts the others by the reason why not: no_role, refused, closed,
    another_service, no_capability, no_room.
    """

    hospital: Hospital | None
    travel_seconds: float
    passed_over: dict[str, int]


def choose_for_patients(
    city: City,
    destination: Destination,
    wanted: beds.Wanted,
    *,
    origin: Position,
    district: str,
    refused: Iterable[str] = (),
    capabilities: Iterable[str] = (),
    proposed: str | None = None,
) -> PatientsChoice:
    """Return the hospital that has a bed for every patient and is nearest in time.

    `wanted` are the bed kinds that do for each patient, the best first; `capabilities` what the
    hospital must be capable of; `proposed` is asked first where it suits.
    """
    needed, refused = set(capabilities), set(refused)
    passed_over: Counter[str] = Counter()
    ranked = []
    for hospital in city.hospitals.values():
        rank = _rank(destination, hospital, district)
        if rank is None:
            why_not = "no_role"
        elif hospital.hospital_id in refused:
            why_not = "refused"
        elif hospital.status == "closed":
            why_not = "closed"
        elif hospital.service != _service_for(destination):
            why_not = "another_service"
        elif not needed.issubset(hospital.capabilities):
            why_not = "no_capability"
        elif beds.allot(city, hospital, wanted) is None:
            why_not = "no_room"
        else:
            seconds = city.travel.seconds(origin, hospital.position)
            first = hospital.hospital_id != proposed
            advisory = hospital.status == "advisory"
            ranked.append(((first, rank, advisory, seconds, hospital.hospital_id), hospital))
            continue
        passed_over[why_not] += 1
    if not ranked:
        return PatientsChoice(None, 0.0, dict(passed_over))
    (*_, seconds, _), chosen = min(ranked, key=lambda each: each[0])
    return PatientsChoice(chosen, seconds, dict(passed_over))


def takes(hospital: Hospital, destination: Destination) -> bool:
    """Return whether a hospital's roles and service fit a destination at all, in any district."""
    fits = _rank(destination, hospital, hospital.district) is not None
    return fits and hospital.service == _service_for(destination)


def may_be_for_cases(hospital: Hospital) -> bool:
    """Return whether a hospital is, or can be called in to be, one for cases."""
    return _rank("designated_hospital", hospital, hospital.district) is not None


def report_hospital(city: City, event: HospitalReported) -> None:
    """Take over what a hospital says of itself.

    Raises:
        Rejected: the hospital is unknown, a newer report has been taken over already, more beds
            would be free than there are, there are too many kinds of rooms, or it may not be for
            those whom it says it is for.
    """
    hospital = city.hospitals.get(event.hospital_id)
    if hospital is None:
        raise Rejected("hospital_id", "is not a hospital of this city")
    if hospital.reported_at is not None and event.at < hospital.reported_at:
        raise Crossed("at", "is older than this hospital's last report")
    short_before = tiers.bed_shortfalls(city)
    decontamination = event.decontamination
    changed = replace(
        hospital,
        status=event.status or hospital.status,
        rooms={**hospital.rooms, **(event.rooms or {})},
        counted_at={**hospital.counted_at, **dict.fromkeys(event.rooms or (), event.at)},
        capacity={**hospital.capacity, **(event.capacity or {})},
        reported_at=event.at,
    )
    if decontamination is not None:
        changed = replace(
            changed,
            decontamination_status=decontamination.status,
            bays=hospital.bays if decontamination.bays is None else decontamination.bays,
        )
    for field in ("rooms", "capacity"):
        if len(getattr(changed, field)) > MOST_ROOM_KINDS:
            reason = f"are more than {MOST_ROOM_KINDS} kinds with those reported before"
            raise Rejected(field, reason)
    _check_counts(changed, event)
    city.put(changed)
    if event.service is not None:
        tiers.report_service(city, changed, event.service, at=event.at)
    tiers.step(city)
    if tiers.bed_shortfalls(city) != short_before:
        report_duties(city)


def _check_counts(hospital: Hospital, event: HospitalReported) -> None:
    """Refuse more free beds of a kind than there are; of an unknown number any may be free."""
    for room in sorted({*(event.rooms or {}), *(event.capacity or {})}):
        free, there = hospital.rooms.get(room, 0), hospital.capacity.get(room)
        if there is None or free <= there:
            continue
        if event.rooms is not None and room in event.rooms:
            raise Early(f"rooms.{room}", f"{free} free are more than the {there} there are")
        raise Early(f"capacity.{room}", f"{there} are fewer than the {free} that are free")


def _service_for(destination: Destination) -> HospitalService:
    """Return whom a hospital must be for: cases never share one with others (work plans)."""
    return "cases" if destination == "designated_hospital" else "ordinary"


def rank_for(destination: Destination, hospital: Hospital, district: str) -> int | None:
    """Return how well a hospital fits a destination of a district's patient, None where it is none.

    It must be in service for such patients; the lower, the better.
    """
    if hospital.service != _service_for(destination):
        return None
    return _rank(destination, hospital, district)


def _rank(destination: Destination, hospital: Hospital, district: str) -> int | None:
    """Return how well a hospital's roles fit a destination, None when they do not."""
    own = _OF_THE_JURISDICTION if district in hospital.jurisdiction else _OF_THE_CITY
    if destination == "designated_hospital":
        if "designated" in hospital.roles:
            return own
        if "reserve_designated" in hospital.roles:
            return _RESERVE
        return _TEMPORARY if "temporary" in hospital.roles else None
    if _ROLE.get(destination, destination) not in hospital.roles:
        return None
    return own if destination == "home" else 0
