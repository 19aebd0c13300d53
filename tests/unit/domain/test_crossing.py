"""Reports that don't follow from their unit's status: early, crossed, or of what is behind it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.domain.city import Crossed, Duplicate, Early, Rejected
from tests.unit.domain.city_builder import RUN, SmallCity, call, case, transfer_unit, unit


def seconds(city: SmallCity, more: float) -> datetime:
    return city.now + timedelta(seconds=more)


def refused(city: SmallCity, status: str, **more: Any) -> type[Exception]:
    """Return how a report of U1 is refused."""
    with pytest.raises((Rejected, Duplicate)) as refusal:
        city.report("U1", status, **more)
    return refusal.type


@pytest.fixture
def city() -> SmallCity:
    """A city where U1 is ordered to c1, and a minute has passed."""
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.pass_time(30)
    return city


@pytest.mark.parametrize("status", RUN[1:])
def test_what_comes_later_on_a_run_is_early(city: SmallCity, status: str) -> None:
    assert refused(city, status) is Early


def test_what_no_crew_reports_is_never_legal(city: SmallCity) -> None:
    city.report("U1", "rolling")
    assert refused(city, "ordered") is Rejected
    assert refused(city, "handed_over") is Rejected


def test_what_is_behind_the_unit_is_known(city: SmallCity) -> None:
    city.report("U1", "rolling", "on_scene")
    city.pass_time(60)
    assert refused(city, "rolling", at=seconds(city, -90)) is Duplicate
    # Later than what followed from it: that is an error.
    assert refused(city, "rolling", at=seconds(city, -1)) is Early


def test_what_is_of_the_run_before_is_known_and_may_cross_with_an_order(city: SmallCity) -> None:
    assert refused(city, "available", at=seconds(city, -60)) is Duplicate
    # The crew has not seen its order.
    assert refused(city, "available") is Crossed
    city.report("U1", "rolling")
    assert refused(city, "available") is Early


def test_a_report_of_a_run_crosses_with_its_withdrawal(city: SmallCity) -> None:
    city.cancel("c1")
    city.pass_time(5)
    assert refused(city, "rolling") is Crossed
    city.pass_time(city.pack.events.future_tolerance_seconds)
    assert refused(city, "on_scene") is Early


def test_a_run_that_nobody_has_ordered_is_early() -> None:
    assert refused(SmallCity(unit("U1")), "rolling") is Early


def test_an_acknowledgement_crosses_with_the_withdrawal_of_its_order(city: SmallCity) -> None:
    acknowledged = city.acknowledged("U1")
    city.cancel("c1")
    with pytest.raises(Crossed, match="has ended"):
        city.say(acknowledged)


def test_an_acknowledgement_that_comes_after_a_report_tells_its_own_time(city: SmallCity) -> None:
    acknowledged = city.acknowledged("U1")
    city.pass_time(10)
    city.report("U1", "rolling")
    assert city.assignment("U1").acknowledged_at == city.now
    city.say(acknowledged)
    assert city.assignment("U1").acknowledged_at == seconds(city, -10)
    with pytest.raises(Duplicate):
        city.say(acknowledged)


def test_after_its_certificate_a_unit_has_its_disinfection_behind_it() -> None:
    city = SmallCity(transfer_unit("U1"))
    city.say(case("c1"))
    city.run_to("U1", "at_hospital")
    city.hand_over("U1")
    began = city.now
    assert refused(city, "returning") is Early
    city.pass_time(3_600)
    city.say(city.certificate("U1", started_at=began, ended_at=city.now))
    assert city.city.units["U1"].status == "returning"
    assert refused(city, "disinfecting", at=began) is Duplicate
    city.report("U1", "available")
    assert refused(city, "returning", at=seconds(city, -1)) is Duplicate
    city.pass_time(1)
    assert refused(city, "disinfecting") is Early
