"""Who is set apart as one process knows it, while others know more and transactions fail."""

from datetime import UTC, datetime

import pytest

from dispatch.store import set_apart as module
from dispatch.store.inbound import read
from dispatch.store.refusals import MOST_IN_WINDOW, OTHERS, WINDOW, Sender
from dispatch.store.set_apart import SetApart
from dispatch.topics.envelope import Record

NOW = datetime(2022, 3, 1, tzinfo=UTC)
TOPIC = "hospitals"


def record(source: str, offset: int = 0) -> Record:
    return Record(TOPIC, 0, offset, 0, None, b"", (("ce_source", source.encode()),))


def refuse(apart: SetApart, source: str, count: int = MOST_IN_WINDOW + 1) -> None:
    for offset in range(count):
        inbound = read(record(source, offset), topic=TOPIC)
        apart.counts(inbound, inbound.reasons, NOW)


def test_what_others_say_meanwhile_outlasts_a_transaction_that_has_not_been() -> None:
    apart = SetApart()
    refuse(apart, "flood")
    apart.hear([Sender(TOPIC, "flood")], NOW, apart.written)
    apart.abandon()
    assert apart.number_of([record("flood")]) == 1


def test_who_was_set_apart_in_a_transaction_is_so_when_it_is_final() -> None:
    apart = SetApart()
    refuse(apart, "flood")
    assert apart.newly_apart(record("flood")) == Sender(TOPIC, "flood")
    assert apart.number_of([record("flood")]) == 0
    apart.settle()
    assert apart.newly_apart(record("flood")) is None
    assert apart.number_of([record("flood")]) == 1
    apart.hear([], NOW + WINDOW, apart.written)
    assert apart.number_of([record("flood")]) == 1
    apart.hear([], NOW + 2 * WINDOW, apart.written)
    assert apart.number_of([record("flood")]) == 0


def test_what_was_looked_up_before_something_was_written_lets_nobody_go() -> None:
    apart = SetApart()
    apart.hear([Sender(TOPIC, "flood")], NOW, apart.written)
    apart.hear([], NOW, apart.written - 1)
    assert apart.number_of([record("flood")]) == 1
    apart.hear([], NOW, apart.written)
    assert apart.number_of([record("flood")]) == 0


def test_of_those_who_are_known_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SENDERS", 2)
    apart = SetApart()
    for source in ("a", "b", "a", "c"):
        apart.taken.append(record(source))
        apart.settle()
    apart.hear([Sender(TOPIC, OTHERS)], NOW, apart.written)
    assert [apart.number_of([record(source)]) for source in "abc"] == [0, 1, 0]
