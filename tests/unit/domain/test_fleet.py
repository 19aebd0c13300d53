"""What the fleet owes each district, and who hears of a unit's changes."""

from dispatch.domain.fleet import change_unit, report_duties
from dispatch.domain.model import Unit
from dispatch.topics.fleet import UnitChanged
from dispatch.topics.reports import DutiesReported
from tests.unit.domain.city_builder import EAST, MIDDLE, SmallCity, only, transfer_unit, unit


def duties(*units: Unit) -> DutiesReported:
    city = SmallCity(*units).city
    report_duties(city)
    return only(DutiesReported, [emission.event for emission in city.changes.emissions])


def test_a_district_without_a_negative_pressure_vehicle_falls_short() -> None:
    report = duties(transfer_unit("T1"), transfer_unit("T2", district=MIDDLE), unit("U1"))
    assert report.shortfalls == [
        {"district": EAST, "duty": "negative_pressure_per_district", "has": 0}
    ]
    assert report.negative_pressure_share == 2 / 3
    assert report.negative_pressure[MIDDLE] == ["T2"]
    assert report.negative_pressure[EAST] == []


def test_too_small_a_share_of_negative_pressure_vehicles_falls_short() -> None:
    sealed = [transfer_unit(f"T{n}", district=d) for n, d in enumerate((MIDDLE, EAST))]
    report = duties(*sealed, transfer_unit("T9"), *(unit(f"U{n}") for n in range(5)))
    assert report.shortfalls == [
        {"district": None, "duty": "negative_pressure_share", "has": 3 / 8}
    ]


def test_a_city_without_units_owes_everything() -> None:
    assert len(duties().shortfalls) == 4


def test_every_change_of_a_unit_is_told_with_what_it_was_before() -> None:
    city = SmallCity(unit("U1")).city
    change_unit(city, city.units["U1"], status="off_duty", reason="end of shift")
    (emission,) = city.changes.emissions
    told = only(UnitChanged, [emission.event])
    assert (told.before, told.status, told.reason) == ("available", "off_duty", "end of shift")
    assert emission.key == "U1"
