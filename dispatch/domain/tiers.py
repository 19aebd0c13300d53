"""Tiers of hospitals for cases: designated, reserve, temporary; the next is called in half full.

A hospital is emptied as a whole: cases and ordinary patients never share one. Whom it is for
(`Hospital.service`) changes here alone. Source: work plans; domain, transfers and hospitals.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib import resources
from itertools import pairwise
from typing import Any, Final

from dispatch.domain import clocks
from dispatch.domain.city import City, Early, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.model import CITY, Hospital
from dispatch.topics.beds import ServiceChanged, TierStepped
from dispatch.topics.codes import ClockKind, TierName
from dispatch.topics.hospitals import HospitalService

_DATA: Final = tomllib.loads(
    resources.files("dispatch.domain").joinpath("transitions.toml").read_text(encoding="utf-8")
)
SERVICE: Final[Mapping[str, frozenset[str]]] = {
    before: frozenset(after) for before, after in _DATA["service"].items()
}
# Whose beds for cases a city owes; a temporary hospital has beds for mild cases alone.
_OWED_BY: Final = frozenset({"designated", "reserve_designated"})
_STOOD_DOWN: Final = frozenset({"ordinary", "standby"})
# In the order in which they are called in; a city need not have each.
_TIERS: Final[tuple[TierName, ...]] = ("designated", "reserve_designated", "temporary")
_IN_SERVICE_CLOCK: Final[Mapping[TierName, ClockKind]] = {
    "reserve_designated": "reserve_in_service",
    "temporary": "temporary_in_service",
}


@dataclass(frozen=True, slots=True)
class Tier:
    """The beds for cases of the hospitals of a role that are in service, taken and promised."""

    role: TierName
    occupied: int
    capacity: int

    @property
    def share(self) -> float:
        """How full it is (0 to 1); a tier without beds is not full."""
        return self.occupied / self.capacity if self.capacity else 0.0


def tier(city: City, role: TierName) -> Tier:
    """Return how full the hospitals of a role are now that are in service for cases."""
    serving = [
        hospital
        for hospital in city.hospitals.values()
        if role in hospital.roles and hospital.service == "cases"
    ]
    rooms = city.pack.tiers.room_kinds
    return Tier(
        role,
        sum(_occupied(city, hospital, rooms) for hospital in serving),
        sum(hospital.capacity.get(room, 0) for hospital in serving for room in rooms),
    )


def step(city: City) -> None:
    """Call the next tier in where one has reached the pack's share of its capacity, once.

    Where no tier is left to be called in, somebody must look: told once, until all have left.
    """
    tiers = _tiers(city)
    for before, role in pairwise(tiers):
        called_by = tier(city, before)
        if called_by.share < city.pack.tiers.step_share:
            continue
        for hospital in list(city.hospitals.values()):
            if role in hospital.roles and hospital.called_at is None:
                _call_in(city, hospital, role, called_by)
    if tiers:
        _tell_if_last(city, tier(city, tiers[-1]))


def report_service(
    city: City, hospital: Hospital, service: HospitalService, *, at: datetime
) -> None:
    """Take over whom a hospital is for now; its limits are met at `at` (aware UTC), or stopped.

    Raises:
        Rejected: the one may not follow the other, the hospital is still needed for cases, or
            patients are there who must not share it with those to come.
    """
    if service == hospital.service:
        return
    _check_service(city, hospital, service)
    _check_empty(city, hospital, service)
    stands_down = service in _STOOD_DOWN
    city.put(
        replace(hospital, service=service, called_at=None if stands_down else hospital.called_at)
    )
    _tell_service(city, hospital, service, "the hospital reports it")
    hospital_id = hospital.hospital_id
    if stands_down:
        for kind in ("reserve_emptied", *_IN_SERVICE_CLOCK.values()):
            clocks.stop(city, kind, CITY, hospital_id, "the hospital is not needed any more")
    elif service == "emptied":
        clocks.meet(city, "reserve_emptied", CITY, hospital_id, at)
    elif service == "cases":
        for kind in _IN_SERVICE_CLOCK.values():
            clocks.meet(city, kind, CITY, hospital_id, at)


def bed_shortfalls(city: City) -> list[dict[str, Any]]:
    """Return where the city has fewer beds for cases, or ICU beds of them, than it owes.

    Beds for cases are those of the designated and reserve hospitals, in service or not (work
    plans: at least 10 % of the general beds, 10 % of them in intensive care).
    """
    policy = city.pack.tiers
    of_tiers = [h for h in city.hospitals.values() if not _OWED_BY.isdisjoint(h.roles)]
    general = _beds(city.hospitals.values(), policy.general)
    for_cases = _beds(of_tiers, policy.room_kinds)
    intensive = _beds(of_tiers, policy.intensive)
    return [
        {"district": None, "duty": duty, "has": part / whole}
        for duty, part, whole, owed in (
            ("case_bed_share", for_cases, general, policy.case_bed_share),
            ("intensive_share", intensive, for_cases, policy.intensive_share),
        )
        if whole and part / whole < owed
    ]


def _beds(hospitals: Iterable[Hospital], rooms: Iterable[str]) -> int:
    kinds = tuple(rooms)
    return sum(hospital.capacity.get(room, 0) for hospital in hospitals for room in kinds)


def _occupied(city: City, hospital: Hospital, rooms: Iterable[str]) -> int:
    """Return how many beds of some kinds are taken or promised, where their number is known."""
    return sum(
        hospital.capacity[room]
        - hospital.rooms.get(room, 0)
        + city.promised(hospital.hospital_id, room)
        for room in rooms
        if room in hospital.capacity
    )


def _call_in(city: City, hospital: Hospital, role: TierName, called_by: Tier) -> None:
    """Tell a hospital by when it must be empty and in service; one that is already, is not told."""
    if hospital.service == "cases":
        return
    because = f"the {called_by.role} tier is at {called_by.occupied} of {called_by.capacity} beds"
    reserve = role == "reserve_designated"
    to_be_emptied = reserve and hospital.service != "emptied"
    empties_now = reserve and hospital.service == "ordinary"
    called = replace(
        hospital,
        called_at=city.now,
        service="emptying" if empties_now else hospital.service,
    )
    city.put(called)
    in_service = _IN_SERVICE_CLOCK[role]
    city.emit(
        TierStepped(
            hospital_id=hospital.hospital_id,
            at=city.now,
            step="reserve_called" if reserve else "temporary_opened",
            tier=called_by.role,
            occupied=called_by.occupied,
            capacity=called_by.capacity,
            share=round(called_by.share, 4),
            emptied_by=_limit(city, "reserve_emptied") if to_be_emptied else None,
            in_service_by=_limit(city, in_service),
        ),
        key=hospital.hospital_id,
    )
    if empties_now:
        _tell_service(city, hospital, "emptying", because)
    for kind in (*(("reserve_emptied",) if to_be_emptied else ()), in_service):
        clocks.start(
            city, kind, owner=CITY, subject=hospital.hospital_id, district=hospital.district
        )


def _tiers(city: City) -> list[TierName]:
    """Return the tiers that the city has, each calls in the one after it."""
    return [role for role in _TIERS if any(role in h.roles for h in city.hospitals.values())]


def _tell_if_last(city: City, last: Tier) -> None:
    """Escalate that the last tier fills up, once, and again only after it has been empty."""
    hospitals = [each for each in city.hospitals.values() if last.role in each.roles]
    told = [each for each in hospitals if each.last_tier_told_at is not None]
    if told and last.occupied == 0:
        for hospital in told:
            city.put(replace(hospital, last_tier_told_at=None))
    if told or last.share < city.pack.tiers.step_share:
        return
    for hospital in hospitals:
        city.put(replace(hospital, last_tier_told_at=city.now))
    escalate(
        city,
        "last_tier_filling",
        None,
        last.role,
        f"the {last.role} tier is at {last.occupied} of {last.capacity} beds, and the city has "
        "no tier after it to be called in",
    )


def _limit(city: City, kind: ClockKind) -> datetime:
    return city.now + timedelta(seconds=city.pack.clocks[kind].limit_seconds)


def _check_service(city: City, hospital: Hospital, service: HospitalService) -> None:
    """Refuse what may not follow, and a stand-down of a hospital whose beds are still needed."""
    if service not in SERVICE[hospital.service]:
        legal = ", ".join(sorted(SERVICE[hospital.service]))
        raise Early(
            "service", f"{hospital.service} cannot be followed by {service} (legal: {legal})"
        )
    if service == "standby" and "temporary" not in hospital.roles:
        raise Rejected("service", "standby is for temporary hospitals alone")
    if service not in _STOOD_DOWN:
        return
    for before, role in pairwise(_tiers(city)):
        full = tier(city, before)
        if role in hospital.roles and full.share >= city.pack.tiers.step_share:
            raise Early(
                "service",
                f"the hospital is needed for cases: the {before} tier is at "
                f"{full.occupied} of {full.capacity} beds",
            )


def _check_empty(city: City, hospital: Hospital, service: HospitalService) -> None:
    """Refuse to change whom a hospital is for while it has, or expects, those it was for.

    What is not known of its beds does not stand in the way.
    """
    for_cases = frozenset(city.pack.tiers.room_kinds)
    if hospital.service == "cases":
        rooms, whose = hospital.capacity.keys() & for_cases, "cases"
    elif service in ("emptied", "cases"):
        rooms, whose = hospital.capacity.keys() - for_cases, "ordinary patients"
    else:
        return
    there = _occupied(city, hospital, rooms)
    if there > 0:
        raise Early("service", f"{there} beds are taken by or promised to {whose}")


def _tell_service(city: City, hospital: Hospital, service: HospitalService, because: str) -> None:
    city.emit(
        ServiceChanged(
            hospital_id=hospital.hospital_id,
            at=city.now,
            service=service,
            before=hospital.service,
            because=because,
        ),
        key=hospital.hospital_id,
    )
