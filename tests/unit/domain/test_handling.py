"""Every input and every timer finds its rule."""

from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain import handling
from dispatch.domain.model import Handover, Timer
from dispatch.topics import INPUT_TOPICS
from dispatch.topics.announcement import Reason
from dispatch.topics.calls import Call
from dispatch.topics.transfers import TransferBatchRequested, TransferRequested
from tests.unit.domain.city_builder import (
    UNDETERMINED,
    SmallCity,
    call,
    febrile,
    kinds,
    unit,
)


def test_every_input_of_the_contract_has_its_rule() -> None:
    inputs = {event for topic in INPUT_TOPICS for event in topic.events}
    assert set(handling._INPUTS) | {Call, TransferRequested, TransferBatchRequested} == inputs


@pytest.mark.parametrize("kind", sorted(handling._TIMERS))
def test_a_timer_whose_subject_is_not_there_does_nothing(kind: str) -> None:
    city = SmallCity(unit("U1"))
    assert city.fire(Timer(timer_id="x", kind=kind, subject="c9/A1/H1", due_at=city.now)) == []


@pytest.mark.parametrize("kind", sorted(handling._TIMERS))
def test_a_timer_whose_subject_has_moved_on_does_nothing(kind: str) -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.say(city.acknowledged("U1"))
    city.hand_over("U1")
    city.say(city.result(city.known(Handover, "c1/A1/H1")))
    city.disinfect("U1")
    for subject in ("c1", "c1/A1", "c1/A1/H1", "c1/A1/D"):
        assert city.fire(Timer(timer_id="x", kind=kind, subject=subject, due_at=city.now)) == []
    assert not city.timers


def test_nothing_that_claims_to_be_from_the_future_takes_effect() -> None:
    city = SmallCity(unit("U1"), unit("U2", staffed=False))
    city.say(febrile("c1", UNDETERMINED))
    handover = city.handover("U1")
    late: dict[str, Any] = {"at": city.now + timedelta(seconds=301)}
    for event in (
        city.overridden("c1", crew="regular"),
        city.cancelled("c1"),
        city.acknowledges(handover),
        city.diverts(handover),
    ):
        assert city.refusal(event.model_copy(update=late)) == (
            "at: is more than 300 s in the future"
        )
    tolerated = {"at": city.now + timedelta(seconds=300)}
    city.say(city.acknowledges(handover).model_copy(update=tolerated))


def test_what_a_crew_says_counts_as_of_now_however_wrong_its_clock_is() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.pass_time(10)
    ahead: dict[str, Any] = {"at": city.now + timedelta(days=400)}
    events = city.say(city.acknowledged("U1").model_copy(update=ahead))
    assert kinds(events) == ["unit.warned", "incident.progressed"]
    assert city.assignment("U1").acknowledged_at == city.now
    behind: dict[str, Any] = {"at": city.now - timedelta(days=400)}
    city.say(city.reported("U1", status="rolling").model_copy(update=behind))
    # Nobody starts before being ordered.
    assert city.assignment("U1").reached == {"rolling": city.assignment("U1").ordered_at}
    city.say(city.ended("U1", "empty", "patient_left").model_copy(update=ahead))
    assert city.unit("U1").status == "returning"


@pytest.mark.parametrize(
    ("sender", "answer"),
    [
        ({"call_id": "c1"}, ["call.rejected"]),
        ({"unit_id": "U1"}, ["unit.rejected"]),
        ({"hospital_id": "general"}, ["hospital.rejected"]),
        # It has no topic of its own.
        ({"hospital_id": "nowhere"}, []),
        ({}, []),
    ],
)
def test_who_sent_a_refused_input_is_told(sender: dict[str, str], answer: list[str]) -> None:
    city = SmallCity()
    handling.answer_rejected(
        city.city,
        event_type="call.held",
        sender=sender,
        rejected=[Reason(field="body", reason="is empty")],
        event=None,
    )
    assert kinds(emission.event for emission in city.city.changes.emissions) == answer
    assert all(emission.key in sender.values() for emission in city.city.changes.emissions)
