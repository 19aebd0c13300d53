"""A random day read twice: by the service, and by a reader that shares no code with it."""

import ast
import sys
from collections import Counter
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dispatch.indicators.computation import compute
from dispatch.indicators.figures import Figure
from dispatch.policy.pack import load_pack
from dispatch.topics.envelope import Logged, time_said
from tests.unit.domain.city_builder import MIDDLE, START, WEST
from tests.unit.indicators import second_reading
from tests.unit.indicators.random_day import RandomDay
from tests.unit.indicators.second_reading import Reading

SEEDS = [2, pytest.param(1, marks=pytest.mark.thorough)]
SCOPES: list[dict[str, Any]] = [
    {},
    {"begins": START + timedelta(hours=6), "ends": START + timedelta(hours=18)},
    {"district": WEST},
    {"district": MIDDLE, "ends": START + timedelta(hours=12.5)},
]
# What stands for a need without a doubt (domain, the pack's needs).
NEEDS = {"胸痛大汗": "cardiac", "车祸外伤": "trauma", "孕38周要生了": "obstetrics"}


@cache
def lived(seed: int) -> RandomDay:
    day = RandomDay(seed)
    day.live()
    return day


def by_the_service(log: list[dict[str, Any]], **scope: Any) -> dict[str, Any]:
    events = [
        Logged(
            position=each["position"],
            id=each["id"],
            topic=each["topic"],
            key=each["key"],
            type=each["type"],
            at=time_said(each["data"]) or START,
            data=each["data"],
        )
        for each in log
    ]
    figures = compute(events, load_pack("covid-19"), **scope)
    return {each.indicator.name: as_read(each) for each in figures}


def as_read(figure: Figure) -> Any:
    """Return a figure as the second reading has it: what is counted by its last events."""
    if figure.indicator.family == "time":
        details = figure.details
        return {
            "share": figure.value,
            "target": figure.indicator.target,
            "number": details["met"] + details["breached"],
            **{rank: details[rank] for rank in ("p50", "p90", "p95")},
            "longest": details["max"],
            "breaches": sorted(each.events[-1].position for each in figure.findings),
        }
    standing = ("cases_in_treatment", "suspected_in_isolation", "contacts_under_management")
    if figure.indicator.family == "fleet" or figure.indicator.name in standing:
        return figure.value
    assert figure.value == len(figure.findings)
    return sorted(each.events[-1].position for each in figure.findings)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scope", SCOPES, ids=["all", "range", "district", "both"])
def test_both_readings_come_to_the_same_figures(seed: int, scope: dict[str, Any]) -> None:
    log = lived(seed).log()
    assert Reading(log, **scope).figures() == by_the_service(log, **scope)


def test_the_day_has_everything_in_it() -> None:
    day = lived(2)
    log = day.log()
    missing = {
        "call.linked", "link.proposed", "link.refused", "call.decided", "screening.expired",
        "incident.held", "incident.overridden", "city.mode_changed", "batch.planned",
        "transfer.progressed", "hospital.chosen", "handover.closed", "handover.released",
        "handover.withdrawn", "disinfection.ordered", "disinfection.accepted",
        "departure.reported", "case.reported", "death.recorded", "infection.recorded",
        "order.amended", "observations.recorded", "service.changed", "survey.recorded",
    } - {each["type"] for each in log}  # fmt: skip
    kinds = Counter(e["data"]["kind"] for e in log if e["type"] == "escalation.raised")
    missing |= {"radio_out", "transport_declined", "capability_lacking"} - kinds.keys()
    evidence = {
        each["data"]["decision"]["inputs"]["evidence"] for each in log
        if each["type"] == "call.decided"
    }  # fmt: skip
    missing |= {"coded", "read", "unplaced", "unknown", "none"} - evidence
    assert not missing
    assert Reading(log).missed_screenings()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_must_not_be_is_not(seed: int) -> None:
    day = lived(seed)
    reading = Reading(day.log())
    assert not reading.linked_to_who_has_left()
    assert not reading.numbers_untold(day.city.inputs)
    assert not reading.lacking_unsaid()
    assert not reading.needs_unread(day.city.inputs, NEEDS)


def test_the_second_reader_knows_nothing_of_the_service() -> None:
    tree = ast.parse(Path(second_reading.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {*(each.name for node in imports for each in node.names), *froms}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
