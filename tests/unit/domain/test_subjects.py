"""Whom an input waits for, and whom an effect is about."""

from typing import Any

import pytest

from dispatch.domain import subjects
from dispatch.topics import INPUT_TOPICS
from dispatch.topics.announcement import Reason
from dispatch.topics.calls import Call, CallLinkConfirmed
from dispatch.topics.city import CityModeSwitched
from dispatch.topics.transfers import TransferBatchRequested, TransferRequested
from tests.unit.domain.city_builder import (
    START,
    UNDETERMINED,
    SmallCity,
    febrile,
    unit,
    usual_hospitals,
    wanted,
)

OPENING = (Call, TransferRequested, TransferBatchRequested)


@pytest.mark.parametrize(
    "kind", [kind for topic in INPUT_TOPICS for kind in topic.events if kind not in OPENING]
)
def test_every_input_waits_for_somebody_but_the_citys_own(kind: type[Any]) -> None:
    named: dict[str, Any] = {name: f"{name[:3]}7/A1" for name in kind.model_fields if "_id" in name}
    waits_for = subjects.waits_for(kind.model_construct(None, **named))
    assert (waits_for is None) == (kind is CityModeSwitched)


def test_it_waits_for_what_it_names_and_else_for_its_sender() -> None:
    city = SmallCity(unit("U1"), hospitals=usual_hospitals())
    city.say(febrile("c1", UNDETERMINED))
    assert subjects.waits_for(city.acknowledged("U1")) == "c1"
    assert subjects.waits_for(city.reported("U1", status="rolling")) == "unit/U1"
    assert subjects.waits_for(city.cancelled("c1")) == "c1"
    said = {"call_id": "c2", "at": START, "by": "d", "reason": "r", "incident_id": "c1"}
    assert subjects.waits_for(CallLinkConfirmed.model_validate(said)) == "c2"


def test_an_effect_is_about_all_whose_records_it_changes() -> None:
    city = SmallCity(unit("U1"), hospitals=usual_hospitals())
    about: list[set[str]] = []
    city.say(febrile("c1", UNDETERMINED))
    city.say(febrile("c2"))
    assert city.city.incidents["c1"].calls == ("c1", "c2")
    # What is said of a linked call may be about what its incident has come to.
    city.do(lambda now: about.append(subjects.touched(now)))
    assert about == [set()]
    city.city.begin(now=city.now, cause="x")
    city.city.put(city.city.assignments["c1/A1"])
    assert subjects.touched(city.city) == {"c1", "c2", "unit/U1"}
    city.city.begin(now=city.now, cause="y")
    assert subjects.touched(city.city) == set()


def test_an_offer_is_about_its_hospital_and_its_transfer() -> None:
    city = SmallCity(unit("U1"), hospitals=usual_hospitals())
    city.say(wanted("t1"))
    (offer,) = city.city.offers.values()
    city.city.begin(now=city.now, cause="x")
    city.city.put(offer)
    assert subjects.touched(city.city) == {"t1", f"hospital/{offer.hospital_id}"}


def test_a_unit_that_a_dispatcher_has_chosen_is_waited_for_where_it_is_the_reason() -> None:
    city = SmallCity(unit("U1"), hospitals=usual_hospitals())
    forced = city.overridden("c1", unit_id="U1")
    busy = [Reason(field="unit_id", reason="is on a run")]
    assert subjects.waits_for(forced, busy) == "unit/U1"
    assert subjects.waits_for(forced, [Reason(field="call_id", reason="is held")]) == "c1"
    assert subjects.waits_for(forced) == "c1"
