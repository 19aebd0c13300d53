import random
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.quality import travel
from benchmarks.quality.record import Run
from benchmarks.quality.travel import Leg, Line, TravelModel, kilometres
from dispatch.domain.model import Position
from tests.unit.benchmarks.quality.invented import drawn, read, row


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read(tmp_path, [row(1, 0.0)]).runs[0]


def legs_with(run: Run, *, error_km: float, seed: int = 1) -> list[Leg]:
    """Return ways of 300 s and 100 s a kilometre whose distance is known with errors."""
    draw = random.Random(seed)
    found = []
    for number in range(2000):
        km = draw.uniform(0, 8)
        seconds = 300 + 100 * km + draw.gauss(0, 60)
        guesses = (km + draw.gauss(0, error_km), km + draw.gauss(0, error_km))
        leg = replace(run, day=1 + number % 2, urgent=number % 4 < 2)
        found.append(Leg(leg, seconds, *guesses))
    return found


def test_two_guesses_of_the_distance_put_the_slope_right(run: Run) -> None:
    legs = legs_with(run, error_km=2.0)
    assert travel.fit_plain(legs).ordinary.slope < 75
    assert travel.fit(legs).ordinary.slope == pytest.approx(100, abs=10)


def test_without_errors_both_fits_agree(run: Run) -> None:
    legs = legs_with(run, error_km=0.0)
    for model in (travel.fit_plain(legs), travel.fit(legs)):
        assert model.ordinary.slope == pytest.approx(100, abs=3)
        assert model.urgent.intercept == pytest.approx(300, abs=15)
        errors = travel.tested(legs, model)
        assert errors.legs == 1000
        assert errors.mae == pytest.approx(48, abs=5)
        assert errors.bias == pytest.approx(0, abs=6)
        assert errors.r2 > 0.9


def test_a_slope_given_keeps_the_mean(run: Run) -> None:
    legs = legs_with(run, error_km=0.0)
    model = travel.with_slope(legs, 50.0)
    assert model.ordinary.slope == 50.0
    mean = sum(leg.seconds for leg in travel.odd(legs)) / 1000
    said = sum(model.line(leg.run).at(leg.from_nearest) for leg in travel.odd(legs)) / 1000
    assert said == pytest.approx(mean, abs=1)


def test_the_level_alone_explains_nothing_of_ways_of_one_kind(run: Run) -> None:
    legs = legs_with(run, error_km=0.0)
    assert travel.tested(legs, travel.fit_level(legs)).r2 == pytest.approx(0, abs=0.02)


def test_an_hour_that_is_slower_is_known_from_the_odd_days(run: Run) -> None:
    legs = [
        replace(leg, run=replace(leg.run, hour=20), seconds=leg.seconds + 400) if n % 8 < 4 else leg
        for n, leg in enumerate(legs_with(run, error_km=0.0))
    ]
    model = travel.fit(legs)
    assert travel.tested_by_hour(legs, model).mae < 0.5 * travel.tested(legs, model).mae


def test_the_range_of_the_slope_holds_it(run: Run) -> None:
    low, high = travel.slope_range(legs_with(run, error_km=2.0), urgent=False, seed=1)
    assert low < 100 < high
    assert high - low < 40


def test_legs_are_of_crews_that_were_free_for_a_short_while(tmp_path: Path) -> None:
    # Free after 60 minutes: ordered 5 minutes later, and again after a long pause.
    record = read(tmp_path, [row(1, 0.0), row(2, 63.0), row(3, 200.0)])
    (leg,) = travel.legs_of(record, 100.0)
    assert leg.run.call_id == "00002"
    assert leg.seconds == 7.5 * 60
    assert leg.from_nearest == pytest.approx(kilometres(record.runs[0].end, leg.run.scene))


def test_a_record_is_fitted_back(tmp_path: Path) -> None:
    record = read(tmp_path, drawn(days=6, calls_a_day=150, crews=8, seed=2))
    legs = travel.legs_of(record, 120.0)
    assert len(legs) > 300
    model = travel.fit(legs)
    assert model.ordinary.slope > travel.fit_plain(legs).ordinary.slope


def test_who_drives_makes_no_difference_to_chance(run: Run) -> None:
    model = TravelModel("any", Line(100, 50), Line(200, 100), (0.5, 1.0, 1.5))
    assert model.factor(run, 1) == model.factor(replace(run, unit_id="U9"), 1)
    assert {model.factor(run, seed) for seed in range(30)} == {0.5, 1.0, 1.5}


def test_a_way_is_along_the_line_of_its_urgency(run: Run) -> None:
    model = TravelModel("any", Line(100, 50), Line(200, 100), (1.0,))
    north = Position(run.scene.latitude + 1 / 111.195, run.scene.longitude)
    assert model.seconds(north, replace(run, urgent=True)) == 150
    assert model.seconds(north, replace(run, urgent=False), 2.0) == 600
    assert model.back_seconds(north, run.scene) == 100
