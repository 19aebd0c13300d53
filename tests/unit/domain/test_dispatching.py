"""From a decision to a unit on its way: decide, order, queue, swap; nothing waits silently."""

from dispatch.topics.incidents import CallDecided
from dispatch.topics.screenings import ScreeningExpired
from tests.unit.domain.city_builder import (
    ALL_NO,
    POSITIVE,
    UNDETERMINED,
    SmallCity,
    call,
    case,
    escalated,
    febrile,
    only,
    transfer_unit,
    unit,
)


def test_a_patient_who_is_only_asked_about_has_a_deadline_and_then_a_crew() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1"))
    assert city.incident("c1").status == "screening"
    events = city.pass_time(60)
    assert only(ScreeningExpired, events).unasked == [
        "travel", "residence", "close_contact", "exposure",
    ]  # fmt: skip
    assert only(CallDecided, events).decision["rule"] == "R5T"
    assert city.assignment("U1").ppe == "enhanced"


def test_symptoms_learnt_in_the_first_minute_leave_the_unit_on_its_way() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.answer("c1", symptoms=["fever"])
    assert city.incident("c1").status == "screening"
    city.answer("c1", epidemiology=UNDETERMINED)
    assert city.incident("c1").status == "assigned"
    assert city.assignment("U1").rule == "R6"


def test_a_unit_forced_on_one_of_several_patients_leaves_the_others_in_the_queue() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", patient_count=3))
    assert city.incident("c1").status == "waiting"
    city.city.load([unit("U2")])
    city.override("c1", unit_id="U2")
    assert len(city.incident("c1").assignments) == 2
    assert city.incident("c1").status == "waiting"
    assert "queue/c1" in city.timers


def test_a_swap_within_an_incident_that_waits_for_more_leaves_it_waiting() -> None:
    city = SmallCity(unit("U1"), transfer_unit("T1"))
    city.say(febrile("c1", ALL_NO, patient_count=2))
    assert city.incident("c1").status == "waiting"
    city.answer("c1", epidemiology=POSITIVE)
    assert "queue/c1" in city.timers or city.incident("c1").status == "assigned"


def test_a_forced_unit_replaces_one_that_has_not_met_its_patient() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1", patient_count=2))
    first, second = (city.city.assignments[f"c1/A{n}"].unit_id for n in (1, 2))
    city.run_to(first, "on_scene")
    (other,) = {"U1", "U2", "U3"} - {first, second}
    city.override("c1", unit_id=other)
    assert city.unit(first).status == "on_scene"
    assert city.unit(second).status == "returning"


def test_a_patient_who_turns_critical_in_the_queue_is_escalated_sooner() -> None:
    city = SmallCity()
    city.say(call("c1"))
    city.answer("c1", condition="critical")
    assert escalated(city.pass_time(60)) == ["waiting_for_unit"]
    assert escalated(city.pass_time(60)) == ["waiting_for_unit"]


def test_the_wait_for_a_transfer_crew_ends_with_what_it_was_for() -> None:
    city = SmallCity(transfer_unit("T1", status="disinfecting", job_id="j"))
    city.say(case("c1"))
    assert city.incident("c1").waiting_for == "transfer_crew"
    city.answer("c1", case_status="none", symptoms=["fever"], epidemiology=ALL_NO)
    assert city.incident("c1").waiting_for == "unit"
    assert "transfer_wait/c1" not in city.timers
