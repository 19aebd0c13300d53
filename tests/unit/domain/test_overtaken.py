"""A dispatcher's word that has waited is of the situation in which it was said."""

import pytest

from dispatch.domain.city import Crossed, Early
from tests.unit.domain.city_builder import SmallCity, call, unit


def test_a_hold_given_while_a_unit_was_on_its_way_keeps_no_other_back() -> None:
    city = SmallCity(unit("U1"), unit("U2", status="off_duty"))
    city.say(call("c1"))
    city.pass_time(5)
    held, since = city.held("c1"), city.now
    with pytest.raises(Early, match="cannot be held"):
        city.say(held)
    city.pass_time(20)
    city.report("U1", "rolling")
    city.pass_time(280)
    city.report("U1", "out_of_service")
    assert city.incident("c1").status == "waiting"
    with pytest.raises(Crossed, match="a run has ended since this was said"):
        city.say(held, since)
    city.report("U2", "available")
    assert city.on_the_incident("c1") == ["U2"]


def test_a_hold_is_overtaken_by_the_unit_that_is_sent_instead() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    city.pass_time(5)
    held, since = city.held("c1"), city.now
    city.pass_time(5)
    city.report("U1", "out_of_service")
    assert city.on_the_incident("c1") == ["U2"]
    with pytest.raises(Crossed):
        city.say(held, since)


def test_a_newer_choice_of_a_unit_stands() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3", status="off_duty"))
    city.say(call("c1"))
    first = city.on_the_incident("c1")
    other = "U2" if first == ["U1"] else "U1"
    city.pass_time(5)
    old, since = city.overridden("c1", unit_id="U3"), city.now
    with pytest.raises(Early, match="cannot be forced"):
        city.say(old)
    city.pass_time(5)
    city.override("c1", unit_id=other)
    city.report(other, "rolling")
    city.report("U3", "available")
    with pytest.raises(Crossed, match="a unit has been ordered since this was said"):
        city.say(old, since)
    assert city.on_the_incident("c1") == [other]


def test_an_older_choice_of_a_hospital_is_overtaken_with_its_run() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    city.report_hospital("general", status="closed")
    city.pass_time(5)
    chosen, since = city.overridden("c1", hospital_id="general"), city.now
    with pytest.raises(Early, match="is closed"):
        city.say(chosen)
    city.pass_time(5)
    city.report("U1", "out_of_service")
    city.report_hospital("general", status="open")
    with pytest.raises(Crossed):
        city.say(chosen, since)


def test_a_choice_that_nothing_has_overtaken_takes_effect() -> None:
    city = SmallCity(unit("U1"), unit("U3", status="off_duty"))
    city.say(call("c1"))
    city.pass_time(5)
    chosen, since = city.overridden("c1", unit_id="U3"), city.now
    city.pass_time(5)
    city.report("U3", "available")
    city.say(chosen, since)
    assert city.on_the_incident("c1") == ["U3"]


def test_a_choice_that_was_read_before_its_call_is_not_overtaken_by_the_first_order() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    chosen, since = city.overridden("c1", unit_id="U2"), city.now
    city.pass_time(5)
    city.say(call("c1", received_at=since))
    city.say(chosen, since)
    assert city.on_the_incident("c1") == ["U2"]


def test_who_chooses_a_unit_for_a_patient_without_one_is_not_overtaken() -> None:
    city = SmallCity(unit("U1"), unit("U3", crew="transfer", status="off_duty"))
    city.say(call("c1"))
    city.pass_time(5)
    chosen, since = city.overridden("c1", unit_id="U3"), city.now
    city.pass_time(5)
    city.report("U1", "out_of_service")
    assert city.on_the_incident("c1") == []
    city.do(lambda domain: domain.put(unit("U3", crew="transfer")))
    city.say(chosen, since)
    assert city.on_the_incident("c1") == ["U3"]
