from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from dispatch.demo.jinzhou.summary import Summary, render
from dispatch.language import LANGUAGES, speak
from dispatch.simulation.seen import Seen
from tests.unit.demo.jinzhou.intake import Played


def test_an_intake_as_it_should_be_has_no_failures(intake: Played) -> None:
    summary = intake.summary()
    assert summary.failures == []
    assert summary.as_dict()["ok"] is True
    assert (summary.patients, summary.in_beds) == (107, 107)
    assert {severity: sum(rooms.values()) for severity, rooms in summary.beds.items()} == {
        "critical": 3,
        "severe": 8,
        "ordinary": 63,
        "mild": 33,
    }
    assert (summary.rejected, summary.lost, summary.double_booked) == (0, 0, 0)
    # A broken-down vehicle had nobody on board; two went home in one that is wiped as usual.
    assert (summary.orders, summary.disinfections) == (109, 107)


def test_each_batch_stands_beside_its_bound_and_its_plan(intake: Played) -> None:
    batches = intake.summary().batches
    assert len(batches) == 27
    assert {(each.bound, each.planned) for each in batches} == {(150.0, 150.0)}
    realised = {each.batch_id: each.realised for each in batches}
    # What a plan doesn't know of: the hospital's answer, and the crews' getting ready.
    usual = [minutes for minutes in realised.values() if minutes is not None and minutes < 160]
    assert len(usual) == 25
    assert min(usual) > 150
    # Asked again. A broken-down vehicle costs no time: a regular crew is at hand in place of it.
    assert {name for name, minutes in realised.items() if minutes and minutes > 160} == {
        "HLD-B20",
        "HLD-B25",
    }
    assert {each.batch_id for each in batches if each.plans > 1} == {
        "HLD-B05",
        "HLD-B20",
        "HLD-B22",
        "HLD-B25",
    }


def test_a_patient_who_never_got_a_bed_is_found(intake: Played) -> None:
    summary = _without(intake, lambda seen: _takes_bed_of(seen, "HLD-B07/B2"))
    assert summary.in_beds == 106
    assert len(summary.misplaced) == 1
    assert summary.misplaced[0] in summary.failures


def test_a_critical_patient_in_a_bed_of_the_wrong_kind_is_found(intake: Played) -> None:
    speak("en")
    (promise,) = (
        seen.data["reservation_id"]
        for seen in intake.history
        if seen.type == "bed.reserved" and seen.data["patient_id"] == "HLD-031"
    )
    forged = [
        replace(seen, value=seen.value.replace(b'"icu"', b'"isolation"'))
        if _takes_bed_of(seen, promise)
        else seen
        for seen in intake.history
    ]
    found = intake.summary(forged).misplaced
    assert found == ["HLD-031 (critical) is in a bed of the wrong kind: isolation room"]


def test_a_hospital_that_lacks_what_a_patient_needs_is_found(intake: Played) -> None:
    speak("en")
    hospitals = tuple(
        each.model_copy(update={"capabilities": ("trauma", "surgery", "paediatrics")})
        for each in intake.stage.plan.hospital
    )
    plan = intake.stage.plan.model_copy(update={"hospital": hospitals})
    found = intake.summary(plan=plan).misplaced
    assert found == [
        "JZ-DESIGNATED lacks obstetrics for HLD-010",
        "JZ-DESIGNATED lacks obstetrics for HLD-054",
    ]


def test_a_vehicle_without_a_certificate_is_found(intake: Played) -> None:
    (job, *_) = [seen for seen in intake.history if seen.type == "disinfection.accepted"]
    summary = _without(intake, lambda seen: seen is job)
    assert len(summary.undisinfected) == 1
    assert summary.violations


def test_a_clock_that_ran_out_unheard_is_found(intake: Played) -> None:
    def ends_answer(seen: Seen) -> bool:
        ends = seen.type.startswith("clock.") and seen.type != "clock.started"
        return ends and seen.data["subject"] == "HLD-B03/O1"

    summary = _without(intake, ends_answer)
    (unheard,) = summary.clocks.unaccounted
    assert "HLD-B03/O1" in unheard
    assert unheard in summary.failures


def test_a_batch_that_was_not_completed_is_found(intake: Played) -> None:
    summary = _without(
        intake,
        lambda seen: (
            seen.type == "batch.progressed"
            and (seen.data["batch_id"], seen.data["status"]) == ("HLD-B27", "completed")
        ),
    )
    assert summary.batches[-1].realised is None
    assert any("HLD-B27" in failure for failure in summary.failures)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tables_show_batches_stories_and_verdict(intake: Played, language: str) -> None:
    speak(language)
    good = intake.summary()
    bad = _without(intake, lambda seen: seen.type == "clock.ended_late")
    console = Console(width=120, record=True)
    with console.capture() as capture:
        console.print(render(good))
        console.print(render(bad))
    shown = capture.get()
    assert "107 / 107" in shown
    assert "HLD-B27" in shown
    assert shown.count("✗") == 1
    verdicts = {
        "en": ("All stories happened", "Failed: A report is acknowledged late"),
        "zh": ("全部情节均已发生", "未通过：报告回执迟到"),
    }
    assert all(verdict in shown for verdict in verdicts[language])


def _takes_bed_of(seen: Seen, promise: str) -> bool:
    return seen.type == "bed.occupied" and seen.data["promise_id"] == promise


def _without(intake: Played, left_out: Callable[[Seen], bool]) -> Summary:
    return intake.summary([seen for seen in intake.history if not left_out(seen)])
