"""Istanbul's two ways of disinfecting: what comes out, and that the rules were obeyed."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from dispatch import cli
from dispatch.checker import Invariant, check
from dispatch.domain.city import Rejected
from dispatch.policy.pack import load_pack
from dispatch.simulation.centre import Centre
from dispatch.simulation.istanbul import (
    Demand,
    Inputs,
    Regime,
    calls_of,
    city_of,
    demand_of,
    pack_of,
    read_inputs,
)
from dispatch.simulation.regimes import Measured, Outcome, Played, compare, measure, play
from dispatch.topics.disinfections import DisinfectionAccepted
from dispatch.topics.handovers import HandoverClosed
from dispatch.topics.orders import OrderIssued
from dispatch.topics.units import UnitReported

pytestmark = pytest.mark.thorough

INPUTS = read_inputs()
SHARED = demand_of(INPUTS, "shared")
MOUNTED = demand_of(INPUTS, "mounted")

Outcomes = dict[tuple[Regime, Demand], Outcome]


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    days: list[None] = []
    found = compare(INPUTS, seed=1, days=1, progress=lambda: days.append(None))
    assert len(days) == 4
    return {(outcome.regime, outcome.demand): outcome for outcome in found}


def small() -> Inputs:
    """Return a quarter of the slice: as many sites, a quarter of the ambulances."""
    return INPUTS.model_copy(update={"fleet": INPUTS.fleet.model_copy(update={"ambulances": 20})})


@pytest.fixture(scope="module", params=["shared", "mounted"])
def played(request: pytest.FixtureRequest) -> Played:
    return play(small(), request.param, MOUNTED, seed=2, day=0)


# -- what comes out


def test_each_regime_has_the_turnaround_observed_at_its_own_demand(outcomes: Outcomes) -> None:
    assert outcomes["shared", SHARED].turnaround == pytest.approx(51.9, rel=0.1)
    assert outcomes["mounted", MOUNTED].turnaround == pytest.approx(11.0, rel=0.1)


def test_a_turnaround_is_the_way_the_wait_and_the_service(outcomes: Outcomes) -> None:
    for outcome in outcomes.values():
        parts = outcome.way + outcome.wait + outcome.service
        assert outcome.turnaround == pytest.approx(parts, abs=0.01)
    assert outcomes["shared", SHARED].way > 5
    assert outcomes["mounted", MOUNTED].way == outcomes["mounted", MOUNTED].wait == 0


def test_the_queue_at_the_sites_grows_with_the_covid_cases(outcomes: Outcomes) -> None:
    assert outcomes["shared", MOUNTED].wait > 2 * outcomes["shared", SHARED].wait
    assert outcomes["mounted", MOUNTED].turnaround == pytest.approx(
        outcomes["mounted", SHARED].turnaround, rel=0.1
    )


@pytest.mark.parametrize("demand", [SHARED, MOUNTED])
def test_at_the_same_demand_the_device_on_the_vehicle_is_better(
    outcomes: Outcomes, demand: Demand
) -> None:
    shared, mounted = outcomes["shared", demand], outcomes["mounted", demand]
    assert mounted.dispatchable > shared.dispatchable + 0.03
    assert mounted.blocked < shared.blocked / 2
    assert mounted.busy < shared.busy
    assert mounted.queued <= shared.queued
    assert mounted.response_p50 <= shared.response_p50
    assert mounted.response_p90 <= shared.response_p90
    assert mounted.cases >= shared.cases
    assert mounted.covid_cases >= shared.covid_cases


@pytest.mark.parametrize(
    ("regime", "demand", "cases", "covid_cases"),
    [("shared", SHARED, 10.1, 1.7), ("mounted", MOUNTED, 10.8, 3.2)],
)
def test_each_regime_serves_the_cases_observed(
    outcomes: Outcomes, regime: Regime, demand: Demand, cases: float, covid_cases: float
) -> None:
    assert outcomes[regime, demand].cases == pytest.approx(cases, rel=0.03)
    assert outcomes[regime, demand].covid_cases == pytest.approx(covid_cases, rel=0.05)


def test_the_rise_in_cases_is_one_of_demand_not_of_the_regime(outcomes: Outcomes) -> None:
    rise = outcomes["mounted", MOUNTED].cases - outcomes["shared", SHARED].cases
    assert rise == pytest.approx(10.8 - 10.1, abs=0.25)
    # At the earlier demand the sites were enough: the device brings time, and no further case.
    by_regime = outcomes["mounted", SHARED].cases - outcomes["shared", SHARED].cases
    assert by_regime == pytest.approx(0, abs=0.1)
    # At the later demand they would not have been.
    assert outcomes["shared", MOUNTED].queued > 0.03
    assert outcomes["mounted", MOUNTED].queued < 0.01


# -- that the rules were obeyed


def test_every_invariant_holds(outcomes: Outcomes) -> None:
    assert [outcome.violations for outcome in outcomes.values()] == [[]] * 4


def test_nobody_is_ordered_between_contaminated_handover_and_certificate(played: Played) -> None:
    blocked: set[str] = set()
    orders = Counter[str]()
    for told in played.history:
        match told.event:
            case HandoverClosed(disinfection="terminal") as closed:
                blocked.add(closed.unit_id)
            case DisinfectionAccepted() as accepted:
                blocked.remove(accepted.unit_id)
            case OrderIssued() as order:
                orders[order.unit_id] += 1
                assert order.unit_id not in blocked
    assert not blocked
    assert orders.total() > 200


def test_a_certificate_that_is_missing_is_found(played: Played) -> None:
    first = next(t for t in played.history if isinstance(t.event, DisinfectionAccepted))
    without = [told for told in played.history if told is not first]
    violations = check(
        without, played.inputs, packs={played.pack.name: played.pack}, now=played.ended_at
    )
    assert Invariant.NO_ORDER_BEFORE_DISINFECTION in {each.invariant for each in violations}
    measured = Measured()
    measure(small(), replace(played, history=without), measured)
    assert any(s.startswith("no_order_before_disinfection") for s in measured.violations)


def test_a_site_disinfects_no_more_than_it_has_bays_and_in_the_order_of_arrival() -> None:
    spells = play(small(), "shared", Demand(12.0, 9.0), seed=1, day=0).spells
    assert {spell.site_id for spell in spells} == {f"site-{number}" for number in range(1, 6)}
    assert any(spell.started_at > spell.arrived_at for spell in spells)
    bays = INPUTS.regimes["shared"].bays_a_site
    assert bays is not None
    for site_id in {spell.site_id for spell in spells}:
        here = sorted((s for s in spells if s.site_id == site_id), key=lambda s: s.arrived_at)
        starts = [spell.started_at for spell in here]
        assert starts == sorted(starts)
        for start in starts:
            assert sum(s.started_at <= start < s.ended_at for s in here) <= bays


def test_a_days_events_follow_from_the_seed_alone() -> None:
    one, same = (
        [told.event for told in play(small(), "shared", SHARED, seed=7, day=0).history]
        for _ in range(2)
    )
    assert one == same
    assert calls_of(small(), SHARED, seed=7, day=0) != calls_of(small(), SHARED, seed=8, day=0)


def test_both_regimes_get_the_same_calls_and_days_differ() -> None:
    calls = calls_of(small(), SHARED, seed=1, day=0)
    assert calls == calls_of(small(), SHARED, seed=1, day=0)
    day = INPUTS.start, INPUTS.start.replace(day=INPUTS.start.day + 1)
    within = [call for call in calls if day[0] <= call.received_at < day[1]]
    assert len(within) == 202
    assert sum(call.patient.case_status == "suspected" for call in within) == 34
    following = calls_of(small(), SHARED, seed=1, day=1)
    assert {call.call_id for call in calls} & {call.call_id for call in following}
    assert [c.call_id for c in calls] != [c.call_id for c in following]


@pytest.mark.parametrize("regime", ["shared", "mounted"])
def test_the_packs_are_istanbuls_and_the_shipped_one_stays(regime: Regime) -> None:
    ours, shipped = pack_of(INPUTS, regime), load_pack("covid-19")
    agent = ours.disinfection.required_agent
    assert ours.disinfection.minimums[agent].min_minutes == INPUTS.regimes[regime].service[0]
    assert shipped.disinfection.minimums[agent].min_minutes >= 30
    assert ours.rules == shipped.rules
    assert ours.name != shipped.name


def test_a_centre_refuses_what_the_desk_refuses() -> None:
    pack = pack_of(INPUTS, "shared")
    centre = Centre(city_of(INPUTS, pack), start=INPUTS.start)
    wrong = UnitReported.model_validate(
        {"unit_id": "U000", "at": INPUTS.start, "status": "on_scene"}
    )
    with pytest.raises(Rejected, match="available cannot be followed by on_scene"):
        centre.say(wrong, "U000")


# -- the command


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_command_shows_the_regimes_beside_what_was_observed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    outcomes: Outcomes,
    language: str,
) -> None:
    def known(*_: Any, **__: Any) -> list[Outcome]:
        return list(outcomes.values())

    monkeypatch.setattr("dispatch.cli.simulate.compare", known)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["--lang", language, "simulate", "regimes"]) == 0
    shown = capsys.readouterr().out
    for figure in ("51.9 (27.7–73.0)", "11.0 (6.0–24.1)", "10.1 (1.7)", "10.8 (3.2)"):
        assert figure in shown
    for outcome in outcomes.values():
        assert f"{outcome.turnaround:.1f} (" in shown
        assert f"{outcome.dispatchable:.1%}" in shown


def test_the_command_writes_json_and_fails_on_a_violation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, outcomes: Outcomes
) -> None:
    broken = replace(outcomes["shared", SHARED], violations=["one_assignment_a_unit: U1"])

    def known(*_: Any, **__: Any) -> list[Outcome]:
        return [broken]

    monkeypatch.setattr("dispatch.cli.simulate.compare", known)
    assert cli.run(["simulate", "regimes", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["outcomes"][0]["violations"] == broken.violations
    assert said["observed"]["mounted"]["turnaround"] == [11.0, 6.0, 24.1]
    assert cli.run(["simulate", "regimes"]) == 1
    assert "one_assignment_a_unit: U1" in capsys.readouterr().out
