"""The units of the city: every change of one is told, and what the fleet owes each district."""

from collections import Counter
from dataclasses import replace
from typing import Any

from dispatch.domain import tiers
from dispatch.domain.allocation import Fleet
from dispatch.domain.city import City
from dispatch.domain.model import Unit
from dispatch.topics.fleet import UnitChanged
from dispatch.topics.reports import DutiesReported


def change_unit(city: City, unit: Unit, *, assumed: bool = False, **changes: Any) -> Unit:
    """Replace a unit and tell everybody of its new status, which it has since now.

    Where a crew has said so itself, `status_at` says since when; `assumed` says that nobody has.
    """
    if "status" in changes:
        changes = {"status_at": city.now} | changes
    changed = replace(unit, **changes)
    city.put(changed)
    city.emit(
        UnitChanged(
            unit_id=unit.unit_id,
            at=city.now,
            status=changed.status,
            before=unit.status,
            staffed=changed.staffed,
            assignment_id=changed.assignment_id,
            job_id=changed.job_id,
            reason=changed.reason,
            assumed=assumed,
        ),
        key=unit.unit_id,
    )
    return changed


def fleet_of(city: City) -> Fleet:
    """Return the fleet as the choice of a unit sees it now."""
    policy = city.pack.allocation
    return Fleet(
        units=city.roster,
        districts=city.districts,
        mode=city.mode,
        now=city.now,
        travel=city.travel,
        policy=policy,
    )


def report_duties(city: City) -> None:
    """Report where a district has no negative-pressure ambulance, and the city's shares.

    These are of such ambulances and of beds for cases. Source: 120 plan §1; 国卫医发〔2020〕19号
    (at least 40 % by 2025); work plans.
    """
    sealed = [unit for unit in city.units.values() if unit.vehicle == "negative_pressure"]
    equipped = Counter(unit.district for unit in sealed)
    duty = city.pack.fleet
    shortfalls: list[dict[str, Any]] = [
        {"district": code, "duty": "negative_pressure_per_district", "has": equipped[code]}
        for code in sorted(city.districts)
        if equipped[code] < duty.negative_pressure_per_district
    ]
    share = equipped.total() / max(1, len(city.units))
    if share < duty.negative_pressure_share:
        shortfalls.append({"district": None, "duty": "negative_pressure_share", "has": share})
    shortfalls += tiers.bed_shortfalls(city)
    city.emit(
        DutiesReported(
            at=city.now,
            negative_pressure_share=share,
            shortfalls=shortfalls,
            negative_pressure={
                code: sorted(unit.unit_id for unit in sealed if unit.district == code)
                for code in sorted(city.districts)
            },
        ),
        key="duties",
    )
