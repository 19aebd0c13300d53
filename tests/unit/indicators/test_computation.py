"""The range, the district, the order of the topics, the registry, and how long a log takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from dispatch.indicators.computation import Computation, as_logged, compute, registry
from dispatch.indicators.scope import Scope
from dispatch.policy.pack import load_pack, pack_names
from dispatch.topics.envelope import Logged
from tests.unit.indicators.log_builder import HERE, PACK, START, THERE, Log

SHANGHAI = timezone(timedelta(hours=8))
ERRORS = "dispatch_errors"


def wrong_orders(*minutes: float, district: str = HERE) -> Log:
    log = Log()
    for number, minute in enumerate(minutes):
        incident = f"c{district}{number}"
        log.decided(incident, 0, case_status="confirmed", district=district)
        log.ordered(incident, minute, unit=f"U{number}", ppe="full")
    return log


def test_the_range_is_half_open() -> None:
    log = wrong_orders(9, 10, 19, 20)
    begins, ends = START + timedelta(minutes=10), START + timedelta(minutes=20)
    assert [f.at for f in log.figures(begins=begins, ends=ends)[ERRORS].findings] == [
        START + timedelta(minutes=10),
        START + timedelta(minutes=19),
    ]
    assert log.figures(begins=begins, ends=begins)[ERRORS].value == 0


def test_months_of_another_time_zone_add_up() -> None:
    # 16:00 UTC on 31 March is midnight in Shanghai.
    march = datetime(2022, 3, 1, tzinfo=SHANGHAI)
    april = datetime(2022, 4, 1, tzinfo=SHANGHAI)
    turn = (april - START).total_seconds() / 60
    log = wrong_orders(turn - 1, turn, turn + 1)
    assert log.figures(begins=march, ends=april)[ERRORS].value == 1
    assert log.figures(begins=april)[ERRORS].value == 2
    assert log.figures()[ERRORS].value == 3


def test_what_began_before_the_range_counts_in_it() -> None:
    log = Log()
    log.decided("c1", symptoms=("fever",), condition="critical")
    log.progressed(log.ordered("c1", 1, ppe="enhanced"), 9)
    begins = START + timedelta(minutes=5)
    assert log.figures(begins=begins)["missed_screenings"].value == 1
    assert log.figures(ends=begins)["missed_screenings"].value == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"begins": datetime(2022, 3, 1)},  # noqa: DTZ001 - what is refused
        {"ends": datetime(2022, 3, 1)},  # noqa: DTZ001 - what is refused
        {"begins": START, "ends": START - timedelta(seconds=1)},
    ],
)
def test_a_range_without_a_zone_or_the_wrong_way_round_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"has no time zone|is before begins"):
        compute([], PACK, **wrong)


def test_a_district_has_its_own_figures() -> None:
    log = wrong_orders(1, 2)
    log.events += wrong_orders(1, district=THERE).events
    assert log.figures()[ERRORS].value == 3
    assert log.figures(district=HERE)[ERRORS].value == 2
    assert log.figures(district=THERE)[ERRORS].value == 1


def test_a_district_that_no_event_names_is_known_as_such() -> None:
    for district, known in ((HERE, True), ("999999", False), (None, True)):
        computation = Computation(PACK, Scope(district=district), "epidemic")
        for event in wrong_orders(1).events:
            computation.take(event)
        assert computation.scope.known is known


@pytest.mark.parametrize("name", pack_names())
def test_every_indicator_has_a_name_of_its_own_a_source_and_a_reader(name: str) -> None:
    pack = load_pack(name)
    figures = Computation(pack, Scope(), "epidemic").figures()
    known = registry(pack)
    assert len(figures) == len(known)
    assert all(indicator.source for indicator in known.values())
    assert set(pack.clocks) <= known.keys()
    # What is counted must be none, unless it is counted apart.
    for indicator in known.values():
        zero = indicator.family in ("zero", "six_none")
        assert (indicator.aim == "at_most" and indicator.target == 0) or not zero
        assert (indicator.target is None) is (indicator.family == "apart")


@dataclass(frozen=True)
class Consumed:
    topic: str
    key: str | None
    type: str
    id: str
    data: dict[str, Any]


def consumed(events: Sequence[Logged]) -> list[Consumed]:
    return [Consumed(e.topic, e.key, e.type, e.id, e.data) for e in events]


def test_a_history_read_topic_by_topic_gives_the_figures_of_the_log() -> None:
    log = Log()
    log.decided("c1", case_status="confirmed")
    run = log.ordered("c1", 1, crew="transfer", ppe="full")
    log.progressed(run, 9)
    log.occupied(f"{run}/H1", 40)
    log.handed_over(run, 40, disinfection="terminal", keeps_cases=True)
    log.closed("c1", 40)
    log.add("disinfections", "U1", "disinfection.accepted", 90, job_id="c1/A1/D", unit_id="U1")
    log.decided("c2", 90)
    log.ordered("c2", 90)
    by_topic = sorted(consumed(log.events), key=lambda event: event.topic, reverse=True)
    read = as_logged([*by_topic, by_topic[0]])
    assert len(read) == len(log.events)
    assert [event.position for event in read] == list(range(1, len(read) + 1))
    figures = {each.indicator.name: each.value for each in compute(read, PACK)}
    assert figures == {name: each.value for name, each in log.figures().items()}
    assert figures["spill_overs"] == 0
    assert figures["cases_in_treatment"] == 1


def test_a_crews_slow_clock_does_not_turn_the_order_round() -> None:
    log = Log()
    log.decided("c1", 10)
    log.progressed(log.ordered("c1", 11), 5)
    assert [event.type for event in as_logged(consumed(log.events))][-2:] == [
        "incident.progressed",
        "order.issued",
    ]


def many_events(number: int) -> list[Logged]:
    """Return a log of that many events: calls from the order to the certificate."""
    log = Log()
    minute, incident = 0.0, 0
    while len(log.events) < number:
        name, unit = f"c{incident}", f"U{incident % 50}"
        log.decided(name, minute)
        log.clock("started", name, minute, clock="accepted_to_order", limit_seconds=60)
        run = log.ordered(name, minute, unit=unit)
        log.clock("met", name, minute, clock="accepted_to_order", took_seconds=1.0)
        for status in ("rolling", "on_scene", "transporting", "at_hospital"):
            log.progressed(run, minute, status)
        log.occupied(f"{run}/H1", minute, room="emergency", status="none")
        log.handed_over(run, minute, unit=unit, disinfection="terminal")
        log.add(
            "disinfections", unit, "disinfection.accepted", minute, job_id=f"{run}/D", unit_id=unit
        )
        log.closed(name, minute)
        minute, incident = minute + 0.5, incident + 1
    return log.events[:number]


@pytest.mark.thorough
def test_two_hundred_thousand_events_take_seconds() -> None:
    events = many_events(200_000)
    began = time.process_time()
    figures = compute(events, PACK, begins=datetime(2022, 3, 2, tzinfo=UTC), district=HERE)
    took = time.process_time() - began
    # Measured: about one second; a pass that were not linear would take minutes.
    assert took < 10
    assert {each.indicator.name: each.value for each in figures}[ERRORS] == 0


def test_the_page_of_definitions_has_every_indicator() -> None:
    page = (Path(__file__).parents[3] / "docs" / "indicators.md").read_text(encoding="utf-8")
    assert [name for name in registry(PACK) if f"`{name}`" not in page] == []
