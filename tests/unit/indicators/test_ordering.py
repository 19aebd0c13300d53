"""An order that differs from the decision is an error; what the rules allow is counted apart."""

import pytest

from tests.unit.indicators.log_builder import Log

ERRORS = "dispatch_errors"
CONFIRMED = "confirmed"


def test_orders_that_follow_the_decision_are_right() -> None:
    log = Log()
    log.decided("c1")
    log.ordered("c1", 1)
    log.decided("c2", 2, case_status=CONFIRMED)
    log.ordered("c2", 3, crew="transfer", ppe="full")
    figures = log.figures()
    apart = ("regular_instead_of_transfer", "transfer_as_last_resort", "dispatcher_overrides")
    assert [figures[name].value for name in (ERRORS, *apart)] == [0, 0, 0, 0]
    assert figures["dispatcher_overrides"].met is None


def test_a_wrong_crew_is_one_error_with_both_events() -> None:
    log = Log()
    decided = log.decided("c1", case_status=CONFIRMED)
    log.ordered("c1", 1, crew="regular", ppe="full")
    figure = log.figures()[ERRORS]
    assert log.whys(ERRORS) == ["wrong_crew"]
    assert [each.id for each in figure.events] == [decided.id, "e2"]


def test_too_little_protection_is_one_error_though_two_events_tell_it() -> None:
    log = Log()
    log.decided("c1", case_status=CONFIRMED)
    log.ordered("c1", 1, crew="transfer", ppe="enhanced")
    assert log.whys(ERRORS) == ["lower_ppe"]


def test_more_protection_is_none() -> None:
    log = Log()
    log.decided("c1")
    log.ordered("c1", 1, ppe="full")
    assert log.figures()[ERRORS].value == 0


def test_a_crew_told_to_wear_less_than_the_console_knows() -> None:
    log = Log()
    log.decided("c1", case_status=CONFIRMED)
    about = {"assignment_id": "c1/A1", "incident_id": "c1", "unit_id": "U1"}
    log.add("incidents", "c1", "incident.assigned", 1, crew="transfer", ppe="full", why=[], **about)
    log.add("orders", "U1", "order.issued", 1, crew="transfer", ppe={"level": "standard"}, **about)
    assert log.whys(ERRORS) == ["lower_ppe"]


def test_an_order_while_it_is_still_asked_is_an_error() -> None:
    log = Log()
    log.decided("c1", symptoms=("fever",))
    log.ordered("c1", 0.5)
    assert log.whys(ERRORS) == ["not_decided"]


def test_only_what_was_known_at_the_time_counts() -> None:
    log = Log()
    log.decided("c1")
    log.ordered("c1", 1)
    log.decided("c1", 2, case_status=CONFIRMED)
    assert log.figures()[ERRORS].value == 0


@pytest.mark.parametrize(
    ("fallback", "case_status", "condition", "crew", "ppe"),
    [
        ("regular_instead_of_transfer", CONFIRMED, "stable", "regular", "full"),
        ("transfer_as_last_resort", "none", "critical", "transfer", "standard"),
    ],
)
def test_a_fallback_is_counted_apart(
    fallback: str, case_status: str, condition: str, crew: str, ppe: str
) -> None:
    log = Log()
    log.decided("c1", case_status=case_status, condition=condition)
    log.ordered("c1", 1, crew=crew, ppe=ppe, why=("only_one_left", fallback))
    figures = log.figures()
    assert figures[ERRORS].value == 0
    assert figures[fallback].value == 1


def test_another_vehicle_is_counted_beside_the_crew_and_excuses_none() -> None:
    log = Log()
    log.decided("c1", case_status=CONFIRMED)
    log.ordered("c1", 1, crew="transfer", ppe="full", why=("any_vehicle",))
    both = ("regular_instead_of_transfer", "any_vehicle")
    log.ordered("c1", 2, number=2, ppe="full", why=both)
    assert [log.figures()[name].value for name in (ERRORS, *both)] == [0, 1, 2]
    log.ordered("c1", 3, number=3, ppe="full", why=("any_vehicle",))
    assert log.whys(ERRORS) == ["wrong_crew"]


def test_a_fallback_does_not_excuse_protection() -> None:
    log = Log()
    log.decided("c1", case_status=CONFIRMED)
    log.ordered("c1", 1, ppe="enhanced", why=("regular_instead_of_transfer",))
    assert log.whys(ERRORS) == ["lower_ppe"]


@pytest.mark.parametrize("by_unit", [True, False])
def test_the_dispatchers_word_is_counted_apart(by_unit: bool) -> None:
    log = Log()
    log.decided("c1", case_status=CONFIRMED)
    log.add(
        "incidents", "c1", "incident.overridden", 1, incident_id="c1", by="d", reason="r",
        unit_id="U1" if by_unit else None, crew=None if by_unit else "regular", hospital_id=None,
    )  # fmt: skip
    log.ordered("c1", 1, ppe="full", why=("dispatcher_choice",) if by_unit else ())
    figures = log.figures()
    assert figures[ERRORS].value == 0
    assert figures["dispatcher_overrides"].value == 1


def test_in_routine_mode_transfer_crews_share_the_daily_work() -> None:
    log = Log()
    log.decided("c1")
    log.ordered("c1", 1, crew="transfer")
    assert log.figures(mode="routine")[ERRORS].value == 0
    assert log.whys(ERRORS, mode="epidemic") == ["wrong_crew"]
    log.add(
        "fleet", "city", "city.mode_changed", 2, mode="routine", before="epidemic", by="d",
        reason="r",
    )  # fmt: skip
    log.decided("c2", 3)
    log.ordered("c2", 4, crew="transfer")
    assert log.figures(mode="epidemic")[ERRORS].value == 1
