"""Supplies: what hospitals have must last the pack's days at full load (work plans)."""

from dataclasses import replace
from typing import Final

from dispatch.domain.city import City, Crossed, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Hospital
from dispatch.topics.beds import SuppliesAlerted, SuppliesRestored
from dispatch.topics.hospitals import SuppliesReported

# Of a hospital: every one that is short is named in what is published.
MOST_ITEMS: Final = 500


def report_supplies(city: City, event: SuppliesReported) -> None:
    """Take over a hospital's supplies; tell when other items fall short, or none any more.

    Raises:
        Rejected: the hospital is unknown, a newer report has been taken over already, or these
            are too many items with those known.
    """
    hospital = city.hospitals.get(event.hospital_id)
    if hospital is None:
        raise Rejected("hospital_id", "is not a hospital of this city")
    if hospital.supplies_at is not None and event.at < hospital.supplies_at:
        raise Crossed("at", "is older than this hospital's last report of supplies")
    if len(hospital.supplies.keys() | event.items.keys()) > MOST_ITEMS:
        raise Rejected("items", f"are more than {MOST_ITEMS} with those reported before")
    reported = {item: (level.stock, level.daily_use) for item, level in event.items.items()}
    changed = replace(hospital, supplies={**hospital.supplies, **reported}, supplies_at=event.at)
    city.put(changed)
    short_before, short = _short(city, hospital), _short(city, changed)
    if short.keys() == short_before.keys():
        return
    required = city.pack.supplies.days
    if not short:
        city.emit(
            SuppliesRestored(hospital_id=hospital.hospital_id, at=city.now, required_days=required),
            key=hospital.hospital_id,
        )
        return
    city.emit(
        SuppliesAlerted(
            hospital_id=hospital.hospital_id, at=city.now, required_days=required, short=short
        ),
        key=hospital.hospital_id,
    )
    items = ", ".join(f"{item} for {days:g} days" for item, days in short.items())
    escalate(
        city,
        "supplies_short",
        None,
        hospital.hospital_id,
        f"supplies of hospital {hospital.hospital_id} last less than {required:g} days: {items}",
    )


def _short(city: City, hospital: Hospital) -> dict[str, float]:
    """Return how many days those items last that last too short, by item."""
    days = {item: stock / daily for item, (stock, daily) in sorted(hospital.supplies.items())}
    return {
        item: round(lasts, 1) for item, lasts in days.items() if lasts < city.pack.supplies.days
    }
