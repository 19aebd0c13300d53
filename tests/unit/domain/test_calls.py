"""What consoles say, and what becomes of it."""

from datetime import timedelta

import pytest

from dispatch.domain.city import Duplicate, Unknown
from dispatch.topics.incidents import IncidentClosed
from tests.unit.domain.city_builder import SmallCity, call, kinds, only, unit

CHEST_PAIN = {"chief_complaint": "chest pain", "caller": {"phone": "110"}}


def test_a_call_that_comes_again_is_a_duplicate_and_with_another_content_refused() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    with pytest.raises(Duplicate):
        city.say(call("c1"))
    assert city.refusal(call("c1", patient_count=2)) == (
        "call_id: is taken by a call with another content"
    )


def test_a_call_from_another_city_or_from_the_future_is_refused() -> None:
    city = SmallCity(unit("U1"))
    assert city.refusal(call("c1", district="999999")).startswith("district: 999999 is not")
    late = city.now + timedelta(seconds=301)
    assert city.refusal(call("c1", received_at=late)).startswith("received_at: is more than 300 s")


def test_a_word_about_a_call_that_has_not_come_is_early() -> None:
    city = SmallCity(unit("U1"))
    for early in (
        city.overridden("c1", crew="regular"),
        city.held("c1"),
        city.resumed("c1"),
        city.cancelled("c1"),
        city.unlinked("c1"),
    ):
        with pytest.raises(Unknown):
            city.say(early)


def test_cancelling_an_ordered_run_frees_the_unit_for_the_head_of_the_queue() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.say(call("c2", chief_complaint="burn"))
    assert city.incident("c2").status == "waiting"
    events = city.cancel("c1")
    assert kinds(events)[:2] == ["incident.cancelled", "order.withdrawn"]
    assert city.incident("c1").outcome == "cancelled"
    assert city.assignment("U1").incident_id == "c2"


def test_cancelling_while_queued_closes_the_incident() -> None:
    city = SmallCity()
    city.say(call("c1"))
    events = city.cancel("c1")
    assert only(IncidentClosed, events).outcome == "cancelled"
    assert not city.city.waiting
    assert not city.timers


def test_a_call_whose_patient_was_met_is_not_cancelled() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "on_scene")
    assert city.refusal(city.cancelled("c1")).endswith("the crew has met the patient")


def test_a_linked_call_is_cancelled_alone_and_says_so_ever_after() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", **CHEST_PAIN))
    city.say(call("c2", **CHEST_PAIN))
    city.cancel("c2")
    assert city.incident("c1").status == "assigned"
    assert city.refusal(city.cancelled("c2")) == "call_id: is cancelled"
    city.hand_over("U1")
    assert "c2" not in city.city.calls
    assert city.refusal(city.cancelled("c2")) == "call_id: is cancelled"


def test_the_incident_ends_with_the_last_of_its_calls() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", **CHEST_PAIN))
    city.say(call("c2", **CHEST_PAIN))
    city.cancel("c1")
    assert city.incident("c1").status == "assigned"
    city.cancel("c2")
    assert city.incident("c1").outcome == "cancelled"
    assert city.unit("U1").status == "returning"


def test_unlinking_the_only_call_left_calls_the_former_incident_off() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", **CHEST_PAIN))
    city.say(call("c2", **CHEST_PAIN))
    city.cancel("c1")
    city.unlink("c2")
    assert city.incident("c1").outcome == "cancelled"
    assert city.assignment("U1").incident_id == "c2"
