"""What the fault bench finds beside the checker: a planted case of each, none in a clean run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from dispatch.checker import Input
from dispatch.simulation.seen import Seen
from tests.faults import findings
from tests.faults.poison import KINDS, Bad, bad_input

NOW = datetime(2022, 12, 23, 8, 0, tzinfo=UTC)


def seen(number: int, kind: str = "call.decided", key: str | None = "C1", **data: Any) -> Seen:
    said = {"call_id": key, "because": "the call came in", **data}
    return Seen(
        topic="incidents",
        key=key,
        type=kind,
        sequence=number,
        id=f"e{number}",
        cause="console#c1",
        value=orjson.dumps(said),
        wall=0.0,
    )


def row(event: Seen, **changes: Any) -> dict[str, Any]:
    return {
        "position": 7,
        "event_id": event.id,
        "topic": event.topic,
        "key": event.key,
        "sequence": event.sequence,
        "type": event.type,
        "cause": event.cause,
        "data": event.value.decode(),
        **changes,
    }


def test_a_reader_drops_what_is_not_newer() -> None:
    first, second, third = seen(1), seen(2), seen(3)
    assert findings.as_a_reader([first, second, first, second, third]) == (
        [first, second, third],
        2,
    )


def test_a_reader_drops_what_comes_late_for_good() -> None:
    assert findings.as_a_reader([seen(1), seen(3), seen(2)]) == ([seen(1), seen(3)], 0)


def test_inputs_that_the_brokers_lost() -> None:
    assert not list(findings.lost_by_brokers({"calls": 2}, {"calls": 3}))
    (found,) = findings.lost_by_brokers({"calls": 3, "units": 1}, {"calls": 2, "units": 1})
    assert found.kind == findings.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("outcome", "waiting", "found"),
    [
        ("parked", set(), 1),
        ("parked", {"console#a1"}, 0),
        ("accepted", set(), 0),
        ("rejected", set(), 0),
    ],
)
def test_a_parked_input_waits_or_comes_to_an_end(
    outcome: str, waiting: set[str], found: int
) -> None:
    inputs = [Input("console#a1", "call.answered", "calls", "C1", outcome)]
    assert len(list(findings.parked_without_end(inputs, waiting))) == found


@pytest.mark.parametrize(
    "changes",
    [{"key": "C2"}, {"sequence": 9}, {"cause": "console#c9"}, {"topic": "orders"}, {"data": "{}"}],
)
def test_an_event_that_is_another_in_the_log(changes: dict[str, Any]) -> None:
    assert findings.otherwise_in_the_log(seen(1), row(seen(1))) is None
    found = findings.otherwise_in_the_log(seen(1), row(seen(1), **changes))
    assert found is not None
    assert found.kind == findings.UNPUBLISHED


def test_an_event_of_the_log_that_is_not_on_kafka() -> None:
    found = findings.otherwise_in_the_log(None, row(seen(1)))
    assert found is not None
    assert found.kind == findings.UNPUBLISHED


def test_an_id_with_two_contents() -> None:
    first = seen(1, a=1, b=2)
    in_another_order = replace(first, value=orjson.dumps(dict(reversed(first.data.items()))))
    assert not list(findings.two_contents([first, in_another_order]))
    (found,) = findings.two_contents([first, replace(first, value=b"{}")])
    assert found.kind == findings.TWO_CONTENTS
    assert len(found.events) == 2
    assert len(list(findings.two_contents([first, replace(first, sequence=2)]))) == 1


@pytest.mark.parametrize("kind", ["order.issued", "call.linked", "incident.closed", "call.decided"])
def test_what_happened_twice(kind: str) -> None:
    once = seen(1, kind, assignment_id="C1/A1")
    assert not list(findings.doubled([once]))
    (found,) = findings.doubled([once, replace(once, id="e2", sequence=2)])
    assert found.kind == findings.DOUBLED


def test_a_second_decision_for_another_reason_is_none_too_many() -> None:
    assert not list(findings.doubled([seen(1), seen(2, because="an answer came in")]))


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_needs_a_dead_letter_with_its_reason(kind: str) -> None:
    bad = bad_input(kind, "bad1", NOW)
    assert not list(findings.poison_not_refused([_letter(bad, bad.field)], [bad]))
    for history in ([], [_letter(bad, "something_else")]):
        (found,) = findings.poison_not_refused(history, [bad])
        assert found.kind == findings.POISON


def test_a_call_that_was_aborted_has_no_effect() -> None:
    assert not list(findings.aborted_in_effect([seen(1, key="C2")], {"C1"}))
    (found,) = findings.aborted_in_effect([seen(1, key="C2"), seen(1, key="C1")], {"C1"})
    assert found.kind == findings.ABORTED


def test_a_record_that_cant_be_read_needs_a_dead_letter() -> None:
    letter = seen(1, "input.rejected", topic="p.calls", partition=3, offset=7)
    assert not list(findings.unreadable_not_kept([letter], [("calls", 3, 7)], "p."))
    for place in (("calls", 3, 8), ("calls", 2, 7), ("units", 3, 7)):
        (found,) = findings.unreadable_not_kept([letter], [place], "p.")
        assert found.kind == findings.UNREADABLE


def test_one_answer_in_a_hundred_may_be_slow() -> None:
    assert not list(findings.slow_answers([], []))
    assert not list(findings.slow_answers([0.1] * 99 + [9.0], []))
    (found,) = findings.slow_answers([0.1] * 98 + [9.0] * 2, [0.1])
    assert found.kind == findings.SLOW


def test_on_a_busy_machine_answers_may_be_as_much_slower_as_they_are_anyway() -> None:
    assert not list(findings.slow_answers([3.9] * 100, [1.0] * 100))
    assert len(list(findings.slow_answers([4.1] * 100, [1.0] * 100))) == 1


def test_an_order_at_a_time_that_is_not_the_citys() -> None:
    within = timedelta(minutes=70)
    order = seen(1, "order.issued", at="2022-12-23T09:00:00Z")
    assert not list(findings.not_the_citys(order, NOW, within=within))
    for hours in (2, -3):
        at = NOW + timedelta(hours=hours)
        order = seen(1, "order.issued", at=at.isoformat())
        (found,) = findings.not_the_citys(order, NOW, within=within)
        assert found.kind == findings.NOT_THE_CITYS


def _letter(bad: Bad, field: str) -> Seen:
    said = {
        "key_base64": findings.base64_of(bad.key),
        "value_base64": findings.base64_of(bad.value),
        "headers_base64": [(name, findings.base64_of(value)) for name, value in bad.headers],
        "reasons": [{"field": field, "reason": "is wrong"}],
    }
    return replace(seen(1, "input.rejected"), value=orjson.dumps(said))
