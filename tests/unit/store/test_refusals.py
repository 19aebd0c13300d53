"""Who is refused too often, and which refusals are counted instead of kept."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.store.refusals import (
    KEPT_FOR,
    MOST_CROSSED,
    MOST_IN_WINDOW,
    MOST_KEPT,
    MOST_KEPT_OF_OTHERS,
    MOST_OF_OTHERS,
    MOST_SENDERS,
    WINDOW,
    Refusals,
    Sender,
)
from dispatch.topics.refused import Kind, kind_of

NOW = datetime(2022, 3, 1, tzinfo=UTC)
SENDER = Sender("calls", "console-1")
KIND = Kind("call.received", "district")
SECOND = timedelta(seconds=1)


def test_who_is_refused_more_than_its_share_within_the_window_has_too_many() -> None:
    refusals = Refusals()
    found = [refusals.too_many(SENDER, NOW) for _ in range(MOST_IN_WINDOW + 1)]
    assert found == [False] * MOST_IN_WINDOW + [True]
    assert not refusals.too_many(Sender("units", "console-1"), NOW)
    assert not refusals.too_many(SENDER, NOW + WINDOW)


@pytest.mark.parametrize("right", [1, MOST_IN_WINDOW // 2, 10 * MOST_IN_WINDOW])
def test_who_is_refused_often_is_so_three_times_as_often_as_right(right: int) -> None:
    refusals = Refusals()
    refusals.too_many(SENDER, NOW)
    for _ in range(right):
        refusals.accepted(SENDER)
    most = max(MOST_IN_WINDOW, 3 * right)
    found = [refusals.too_many(SENDER, NOW) for _ in range(most)]
    assert found == [False] * (most - 1) + [True]


def test_of_a_kind_the_first_in_an_hour_are_kept() -> None:
    refusals = Refusals()
    kept = [refusals.keep(SENDER, KIND, NOW + n * SECOND) for n in range(MOST_KEPT + 1)]
    assert kept == [True] * MOST_KEPT + [False]
    assert refusals.keep(SENDER, Kind("call.received", "key"), NOW)
    assert refusals.keep(Sender("calls", "console-2"), KIND, NOW)
    assert refusals.keep(SENDER, KIND, NOW + KEPT_FOR)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    refusals = Refusals()
    for _ in range(MOST_KEPT):
        refusals.keep(SENDER, KIND, NOW)
    assert refusals.keep(SENDER, KIND, NOW - SECOND)


def test_strangers_share_a_number_at_once_and_in_the_hour() -> None:
    at_once = Refusals()
    found = [at_once.too_many_of_others("calls", NOW) for _ in range(MOST_OF_OTHERS + 1)]
    assert found == [False] * MOST_OF_OTHERS + [True]
    slowly = Refusals()
    found = [
        slowly.too_many_of_others("calls", NOW + n * SECOND) for n in range(MOST_KEPT_OF_OTHERS + 1)
    ]
    assert found == [False] * MOST_KEPT_OF_OTHERS + [True]


def test_what_is_remembered_has_an_end() -> None:
    refusals = Refusals()
    for _ in range(MOST_IN_WINDOW):
        refusals.too_many(SENDER, NOW)
    for number in range(MOST_SENDERS):
        refusals.too_many(Sender("calls", f"{number}"), NOW)
    assert not refusals.too_many(SENDER, NOW)


def test_what_a_sender_makes_up_is_of_one_kind() -> None:
    assert kind_of("call.received", "patient.symptoms.3") == ("call.received", "patient")
    assert kind_of("call.received", "made up") == ("call.received", "other")
    assert kind_of("made.up", "district") == ("unknown", "other")
    assert kind_of("made.up", "ce_type") == ("unknown", "ce_type")


def test_what_was_noted_in_vain_is_taken_back() -> None:
    refusals = Refusals()
    for _ in range(MOST_IN_WINDOW):
        refusals.too_many(SENDER, NOW)
        refusals.keep(SENDER, KIND, NOW)
    refusals.settle()
    for _ in range(3):
        assert refusals.too_many(SENDER, NOW)
        assert not refusals.keep(SENDER, KIND, NOW)
        assert refusals.keep(SENDER, KIND, NOW + KEPT_FOR)
        refusals.accepted(SENDER, 1_000)
        refusals.abandon()
    assert refusals.too_many(SENDER, NOW)
    assert not refusals.keep(SENDER, KIND, NOW)


def test_what_crosses_is_no_refusal_until_it_is_more_than_a_fleet_has_to_say() -> None:
    refusals = Refusals()
    found = [refusals.crosses_too_often(SENDER, NOW) for _ in range(MOST_CROSSED + 1)]
    assert found == [False] * MOST_CROSSED + [True]
    assert not refusals.crosses_too_often(SENDER, NOW + WINDOW)
