"""A missed screening is counted once; one asked in time, or not due, is not."""

from tests.unit.indicators.log_builder import NEGATIVE, Log

MISSED = "missed_screenings"
FEVER = ("fever",)


def test_a_crew_that_meets_a_patient_with_items_unasked() -> None:
    log = Log()
    log.decided("c1", symptoms=FEVER, condition="critical")
    run = log.ordered("c1", 1, ppe="enhanced")
    log.progressed(run, 9)
    log.progressed(log.ordered("c1", 10, number=2, unit="U2", ppe="enhanced"), 15)
    figure = log.figures()[MISSED]
    assert figure.value == 1
    assert figure.met is False
    assert log.types(figure) == ["call.decided", "incident.progressed"]
    assert log.whys(MISSED) == ["unasked_on_scene"]


def test_a_deadline_that_passes_counts_once_also_when_the_crew_comes() -> None:
    log = Log()
    log.decided("c1", symptoms=FEVER)
    log.add("screenings", "c1", "screening.expired", 1, call_id="c1", unasked=["travel"])
    log.decided("c1", 1, symptoms=FEVER)
    log.progressed(log.ordered("c1", 1, ppe="enhanced"), 9)
    assert log.whys(MISSED) == ["deadline_passed"]


def test_answers_before_the_crew_is_there_are_in_time() -> None:
    log = Log()
    log.decided("c1", symptoms=FEVER, condition="critical")
    run = log.ordered("c1", 1, ppe="enhanced")
    log.decided("c1", 2, symptoms=FEVER, condition="critical", answers=NEGATIVE)
    log.progressed(run, 9)
    assert log.figures()[MISSED].value == 0


def test_without_symptoms_nobody_must_be_asked() -> None:
    log = Log()
    log.decided("c1")
    log.progressed(log.ordered("c1", 1), 9)
    assert log.figures()[MISSED].value == 0


def test_what_was_said_in_words_or_is_not_known_must_be_asked_about_too() -> None:
    log = Log()
    log.decided("c1", complaint="发热咳嗽三天")
    log.decided("c2", symptoms=("发烧三天",))
    log.decided("c3", symptoms=("glow",))
    log.decided("c4", symptoms=("unknown",), condition="critical")
    log.decided("c5", complaint="没有发烧,腿摔了")
    log.decided("c6", complaint="发热咳嗽三天", answers=NEGATIVE)
    for number in range(1, 7):
        log.progressed(log.ordered(f"c{number}", 1, unit=f"U{number}"), 9)
    assert log.whys(MISSED) == ["unasked_on_scene"] * 4


def test_symptoms_that_show_after_the_crew_has_come_were_not_the_callers() -> None:
    log = Log()
    log.decided("c1")
    log.progressed(log.ordered("c1", 1), 9)
    log.decided("c1", 10, symptoms=FEVER, condition="critical")
    log.progressed(log.ordered("c1", 11, number=2, unit="U2", ppe="enhanced"), 20)
    assert log.figures()[MISSED].value == 0


def test_an_institution_that_calls_is_asked_and_one_that_has_patients_moved_is_not() -> None:
    log = Log()
    for incident, kind in (("c1", None), ("t1", "febrile")):
        log.decided(incident, symptoms=FEVER, institution=True, transfer_kind=kind)
        log.progressed(log.ordered(incident, 1, crew="transfer", ppe="full"), 9)
    assert [finding.about for finding in log.figures()[MISSED].findings] == ["c1"]


def test_a_call_that_was_cancelled_before_anybody_came_is_not_missed() -> None:
    log = Log()
    log.decided("c1", symptoms=FEVER)
    log.closed("c1", 0.5)
    assert log.figures()[MISSED].value == 0
