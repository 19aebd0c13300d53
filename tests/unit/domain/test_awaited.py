"""What a due timer waits for: inputs that could still change what it does, and no others."""

from collections.abc import Mapping
from typing import get_args

import pytest

from dispatch.domain import awaited, clocks
from dispatch.domain.handling import _TIMERS
from dispatch.domain.model import Timer
from dispatch.topics import INPUT_TOPICS
from dispatch.topics.codes import ClockKind
from tests.unit.domain.city_builder import (
    START,
    UNDETERMINED,
    SmallCity,
    febrile,
    unit,
    usual_hospitals,
    wanted,
)


class Unread:
    """Unread records with these keys; `everywhere`: in every partition of a topic."""

    def __init__(self, keys: Mapping[str, set[str]], *, everywhere: bool = False) -> None:
        self._keys, self._everywhere = keys, everywhere

    def somewhere(self, topic: str) -> bool:
        return topic in self._keys

    def at_all(self, topic: str) -> bool:
        return topic in self._keys

    def everywhere(self, topic: str) -> bool:
        return self._everywhere and topic in self._keys

    def of(self, topic: str, key: str) -> bool:
        return self._everywhere or key in self._keys.get(topic, ())


def due(kind: str, subject: str) -> Timer:
    return Timer(timer_id=f"{kind}/{subject}", kind=kind, subject=subject, due_at=START)


def test_every_timer_and_every_clock_says_what_it_waits_for() -> None:
    assert {*awaited.TOPICS, clocks.TIMER} == {*_TIMERS, awaited.PARKED}
    assert awaited.CLOCK_TOPICS.keys() == set(get_args(ClockKind))
    named = {
        topic
        for topics in (*awaited.TOPICS.values(), *awaited.CLOCK_TOPICS.values())
        for topic in topics
    }
    assert named <= {topic.name for topic in INPUT_TOPICS}


@pytest.mark.parametrize("kind", ["screening", "transfer_wait", "queue"])
def test_the_clock_of_an_order_waits_for_all_that_its_timers_wait_for(kind: str) -> None:
    """Or it would be breached before the timer that has the order given in its last second."""
    topics = awaited.CLOCK_TOPICS["accepted_to_order"]
    for topic, whose in awaited.TOPICS[kind].items():
        assert topics[topic] in (whose, awaited.ANYBODY)


@pytest.fixture
def city() -> SmallCity:
    """A city with a run of U1 for c1, announced to a hospital, and a transfer that is offered."""
    city = SmallCity(unit("U1"), hospitals=usual_hospitals())
    city.say(febrile("c1", UNDETERMINED))
    city.say(city.acknowledged("U1"))
    city.say(wanted("t1"))
    return city


@pytest.mark.parametrize(
    ("kind", "subject", "own", "others"),
    [
        ("screening", "c1", {"calls": {"c1"}}, {"calls": {"c2"}, "hospitals": {"general"}}),
        ("hold", "c1", {"calls": {"c1"}}, {"calls": {"c2"}, "units": {"U1"}}),
        ("setting_out", "U1", {"units": {"U1"}}, {"units": {"U2"}, "calls": {"c1"}}),
        ("order_unanswered", "c1/A1", {"units": {"U1"}}, {"units": {"U2"}, "hospitals": {"x"}}),
        ("order_unanswered", "c1/A1", {"calls": {"c1"}}, {"calls": {"c2"}, "city": {"city"}}),
        ("clock", "c1/order_to_rolling/c1/A1", {"units": {"U1"}}, {"units": {"U2"}}),
        ("clock", "c1/survey", {"commission": {"c1"}}, {"commission": {"c2"}, "calls": {"c1"}}),
        ("clock", "city/reserve_emptied/R1", {"hospitals": {"R1"}}, {"hospitals": {"R2"}}),
        ("report", "c1/case", {"commission": {"c1"}}, {"commission": {"c2"}, "units": {"U1"}}),
        ("queue", "c1", {"units": {"any"}}, {"hospitals": {"general"}, "commission": {"c1"}}),
        ("transfer_search", "t1", {"transfers": {"t1"}}, {"transfers": {"t2"}, "units": {"U1"}}),
        ("batch_due", "b1", {"transfers": {"b1"}}, {"transfers": {"b2"}, "calls": {"b1"}}),
        # What is not in memory may be about anybody.
        ("handover_next", "c9/A1/H1", {"hospitals": {"any"}}, {"commission": {"c9"}}),
        ("known_case", "c1/case", {}, {"calls": {"c1"}, "commission": {"c1"}}),
    ],
)
def test_a_timer_waits_for_those_whom_it_is_about(
    city: SmallCity,
    kind: str,
    subject: str,
    own: dict[str, set[str]],
    others: dict[str, set[str]],
) -> None:
    timer = due(kind, subject)
    assert awaited.waits(city.city, timer, Unread(own)) == bool(own)
    assert not awaited.waits(city.city, timer, Unread(others))


def test_a_handover_waits_for_its_hospital_and_an_offer_for_its_own(city: SmallCity) -> None:
    for offer in city.city.offers.values():
        timer = due("offer", offer.offer_id)
        assert awaited.waits(city.city, timer, Unread({"hospitals": {offer.hospital_id}}))
        assert not awaited.waits(city.city, timer, Unread({"hospitals": {"another"}}))
    for handover in city.city.handovers.values():
        timer = due("handover_remind", handover.handover_id)
        assert awaited.waits(city.city, timer, Unread({"hospitals": {handover.hospital_id}}))
        assert awaited.waits(city.city, timer, Unread({"units": {"U1"}}))
        assert not awaited.waits(city.city, timer, Unread({"hospitals": {"another"}}))
    assert city.city.offers
    assert city.city.handovers


def test_every_call_of_an_incident_may_answer_for_it(city: SmallCity) -> None:
    city.say(febrile("c2"))
    assert city.city.incidents["c1"].calls == ("c1", "c2")
    assert awaited.waits(city.city, due("screening", "c1"), Unread({"calls": {"c2"}}))


def test_the_trip_of_a_batch_hears_of_its_batch(city: SmallCity) -> None:
    timer = due("order_unanswered", "b7.T1/A1")
    assert awaited.waits(city.city, timer, Unread({"transfers": {"b7"}}))
    assert not awaited.waits(city.city, timer, Unread({"transfers": {"b8"}}))


@pytest.mark.parametrize("topic", ["calls", "transfers", "units", "hospitals"])
def test_what_is_not_legal_yet_waits_for_whatever_could_make_it_so(
    city: SmallCity, topic: str
) -> None:
    timer = due(awaited.PARKED, "console#17")
    assert awaited.waits(city.city, timer, Unread({topic: {"anybody"}}))
    assert not awaited.waits(city.city, timer, Unread({"commission": {"c1"}, "city": {"city"}}))


@pytest.mark.parametrize("topic", ["calls", "transfers", "units", "hospitals"])
def test_what_is_parked_waits_on_for_whatever_is_unread_at_all(topic: str) -> None:
    assert awaited.parked_wait_on(Unread({topic: set()}))
    assert not awaited.parked_wait_on(Unread({"commission": {"c1"}, "city": {"city"}}))


def test_whole_kinds_wait_while_no_partition_of_their_topic_is_read() -> None:
    assert awaited.kinds_that_wait(Unread({"commission": {"c1"}})) == []
    assert awaited.kinds_that_wait(Unread({"commission": {"c1"}}, everywhere=True)) == ["report"]
    # A word of any unit may serve the queue.
    assert set(awaited.kinds_that_wait(Unread({"units": {"U1"}}))) == {
        *("transfer_wait", "queue", "batch", "batch_due", "parked"),
    }
    assert clocks.TIMER not in awaited.kinds_that_wait(
        Unread({topic.name: set() for topic in INPUT_TOPICS}, everywhere=True)
    )
