"""Supplies must last the pack's days at full load; less is an alert, once a change."""

from datetime import timedelta
from typing import Any

from dispatch.topics.announcement import Announcement
from dispatch.topics.beds import SuppliesAlerted, SuppliesRestored
from dispatch.topics.hospitals import SuppliesReported
from tests.unit.domain.city_builder import SmallCity, escalated, kinds, only


def report(city: SmallCity, **items: tuple[float, float]) -> list[Announcement]:
    return city.say(reported(city, **items))


def reported(city: SmallCity, **items: tuple[float, float]) -> SuppliesReported:
    levels: dict[str, Any] = {
        item: {"stock": stock, "daily_use": daily} for item, (stock, daily) in items.items()
    }
    return SuppliesReported.model_validate(
        {"hospital_id": "general", "at": city.now, "items": levels}
    )


def test_supplies_for_thirty_days_are_enough_and_for_less_an_alert() -> None:
    city = SmallCity()
    assert report(city, gowns=(3_000, 100), masks=(90, 3)) == []
    events = report(city, gowns=(2_990, 100))
    told = only(SuppliesAlerted, events)
    assert (told.hospital_id, told.required_days, told.short) == ("general", 30, {"gowns": 29.9})
    assert escalated(events) == ["supplies_short"]


def test_the_same_shortage_is_alerted_once_and_another_one_again() -> None:
    city = SmallCity()
    report(city, gowns=(10, 1))
    assert report(city, gowns=(9, 1)) == []
    told = only(SuppliesAlerted, report(city, masks=(0, 1)))
    assert told.short == {"gowns": 9, "masks": 0}
    assert only(SuppliesAlerted, report(city, gowns=(30, 1))).short == {"masks": 0}


def test_the_end_of_a_shortage_is_told_once() -> None:
    city = SmallCity()
    report(city, gowns=(10, 1), masks=(10, 1))
    events = report(city, gowns=(40, 1), masks=(40, 1))
    assert kinds(events) == ["supplies.restored"]
    assert only(SuppliesRestored, events).hospital_id == "general"
    assert report(city, masks=(50, 1)) == []


def test_an_unknown_hospital_and_an_older_report_are_refused() -> None:
    city = SmallCity()
    city.pass_time(60)
    report(city, gowns=(40, 1))
    earlier = reported(city, gowns=(1, 1)).model_copy(
        update={"at": city.now - timedelta(seconds=1)}
    )
    assert city.refusal(earlier) == "at: is older than this hospital's last report of supplies"
    stranger = earlier.model_copy(update={"hospital_id": "nowhere"})
    assert city.refusal(stranger) == "hospital_id: is not a hospital of this city"
    assert city.city.hospitals["general"].supplies == {"gowns": (40, 1)}
