import os
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.quality import travel
from benchmarks.quality.__main__ import DATA_VARIABLE
from benchmarks.quality.bound import least_mean
from benchmarks.quality.picture import draw
from benchmarks.quality.record import CALLS_FILE, Record, read_record
from benchmarks.quality.report import as_dict, show
from benchmarks.quality.responses import of_days, spread, waits_of
from benchmarks.quality.rules import RuleDispatcher
from benchmarks.quality.service import ServiceDispatcher, Setting
from benchmarks.quality.study import PLAIN, RULES, SIMPLER, Study, Tried, choose, study
from benchmarks.quality.world import World
from dispatch.errors import ConfigurationError
from tests.unit.benchmarks.quality.invented import PACK, drawn, read, row

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return read(tmp_path_factory.mktemp("record"), drawn(days=2, calls_a_day=110, crews=7, seed=5))


@pytest.fixture(scope="module")
def found(record: Record) -> Study:
    parts: list[str] = []
    result = study(record, PACK, seed=1, progress=parts.append)
    assert parts[0] == "travel"
    assert parts[-1] == "rules"
    return result


def test_every_way_serves_the_same_calls(found: Study) -> None:
    compared = {frozenset(waits.from_call) for waits in found.waits.values()}
    assert len(compared) == 1
    assert sum(found.compared.values()) == len(compared.pop())


def test_the_bound_is_below_every_way(found: Study) -> None:
    for name, by_days in found.figures.items():
        if name != "recorded":
            assert found.bound < by_days["even"].from_call.mean


def test_every_rule_is_tried_and_one_is_tested_under_both_models(found: Study) -> None:
    assert found.tried.keys() == RULES.keys() - {PLAIN}
    assert found.chosen in found.tried
    asked = {found.chosen, *SIMPLER}
    assert {(t.rule, t.model) for t in found.tested} == {
        (rule, model) for rule in asked for model in ("corrected", "pack")
    }
    for tested in found.tested:
        assert tested.mean_range[0] <= tested.mean_range[1]


def test_the_rule_that_gains_most_in_both_is_chosen() -> None:
    def tried(mean: float, p90: float) -> Tried:
        return Tried(mean=mean, p90=p90, grave=0.0, turned=0.0)

    rules = {"a": tried(-0.02, 0.02), "b": tried(-0.01, -0.01), "c": tried(-0.03, 0.02)}
    assert choose(rules) == "b"


def test_one_day_is_too_short(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least two days"):
        study(read(tmp_path, [row(1, 0.0)]), PACK, seed=1, progress=lambda _: None)


def test_all_is_told_in_tables_and_json(found: Study) -> None:
    console = Console(width=200)
    with console.capture() as capture:
        show(found, console)
    text = capture.get()
    for said in ("recorded", "service, epidemic", "bound", found.chosen, "R2"):
        assert said in text
    told = as_dict(found)
    assert told["bound_even"] == found.bound
    assert told["responses"]["service"]["even"]["from_call"]["count"] == found.compared["even"]


def test_the_picture_is_the_same_each_time(found: Study, record: Record, tmp_path: Path) -> None:
    pictures = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for picture in pictures:
        draw(found, record, picture)
    first, second = (picture.read_text(encoding="utf-8") for picture in pictures)
    assert first == second
    assert "order to crew on scene" in first


@pytest.fixture(scope="module")
def real() -> Record:
    folder = os.environ.get(DATA_VARIABLE)
    if folder is None or not (Path(folder) / CALLS_FILE).exists():
        pytest.skip(f"the record of San Francisco is not there: set {DATA_VARIABLE} to its folder")
    return read_record(Path(folder), PACK, days=2, seed=1)


def test_on_the_real_record_the_service_is_the_rule_and_above_the_bound(real: Record) -> None:
    usual = PACK.allocation.road_factor / PACK.allocation.speed_kmh * 3600
    model = travel.with_slope(travel.legs_of(real, usual), usual)
    service, rule = (
        waits_of(real.runs, World(real, model, dispatcher, seed=1).play())
        for dispatcher in (ServiceDispatcher(PACK, Setting(), seed=1), RuleDispatcher(RULES[PLAIN]))
    )
    assert service == rule
    even = spread(service.from_call, of_days(real.runs, "even"))
    assert least_mean(real, model, "even", seed=1) < even.mean
