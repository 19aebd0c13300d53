"""The life of a unit: legal transitions, reports, how a run ends and what follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.city import Early, Rejected
from dispatch.domain.lifecycle import REPORTED, RUN_END, check_transition
from dispatch.domain.model import Incident
from dispatch.topics.handovers import HandoverAnnounced, HandoverUpdated
from dispatch.topics.incidents import DeathRecorded, IncidentClosed, IncidentReleased
from dispatch.topics.orders import OrderIssued
from dispatch.topics.units import UnitStatus
from tests.unit.domain.city_builder import (
    UNDETERMINED,
    SmallCity,
    at,
    call,
    escalated,
    febrile,
    only,
    unit,
)

STATUSES = tuple(REPORTED)
REPORTABLE = frozenset().union(*REPORTED.values())


@given(st.sampled_from(STATUSES), st.sampled_from(STATUSES))
def test_a_transition_is_legal_by_the_data_or_refused_by_name(before: str, after: str) -> None:
    city = SmallCity(unit("U1", status=before))
    said = city.reported("U1", status=after)
    if after in REPORTED[before]:
        check_transition(city.city, city.city.units["U1"], said)
    else:
        kind = Early if after in REPORTABLE else Rejected
        with pytest.raises(kind, match=f"{before} cannot be followed by {after}"):
            check_transition(city.city, city.city.units["U1"], said)


def test_the_data_know_every_status_and_nobody_reports_what_the_service_decides() -> None:
    assert set(STATUSES) == set(UnitStatus.__args__)  # type: ignore[attr-defined]
    for after in REPORTED.values():
        assert after <= set(STATUSES)
        assert not after & {"ordered", "handed_over"}


def test_an_illegal_transition_changes_nothing_and_names_what_is_legal() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    assert city.refusal(city.reported("U1", status="transporting")) == (
        "status: ordered cannot be followed by transporting (legal: out_of_service, rolling)"
    )


def test_a_unit_nobody_knows_is_refused() -> None:
    city = SmallCity(unit("U1"))
    assert city.refusal(city.reported("U9", staffed=True)).startswith("unit_id: is not a unit")


@pytest.mark.parametrize("reason", [r for r, another in RUN_END["aborted"].items() if not another])
def test_an_aborted_run_is_recorded_as_aborted_and_ends_the_incident(reason: str) -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    events = city.end("U1", "aborted", reason)
    assert only(IncidentReleased, events).outcome == "aborted"
    assert only(IncidentClosed, events).outcome == "aborted"
    assert city.unit("U1").status == "returning"


def test_three_patients_of_whom_one_is_brought_one_gone_and_one_run_aborted() -> None:
    city = SmallCity(*(unit(f"U{n}") for n in range(1, 5)))
    city.say(call("c1", patient_count=3))
    assert len(city.incident("c1").assignments) == 3
    first, second, third = (city.city.assignments[f"c1/A{n}"].unit_id for n in (1, 2, 3))
    city.run_to(first, "on_scene")
    city.run_to(second, "on_scene")
    city.end(second, "empty", "patient_left")
    city.end(third, "aborted", "vehicle_fault")
    fourth = city.city.assignments["c1/A4"].unit_id
    assert fourth not in {first, third}
    city.hand_over(first)
    assert city.incident("c1").status == "assigned"
    events = city.hand_over(fourth)
    assert only(IncidentClosed, events).outcome == "completed"


def test_a_unit_that_breaks_down_with_a_patient_leaves_it_where_it_stands() -> None:
    city = SmallCity(unit("U1"), unit("U2", station=at(111.62)))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "transporting")
    city.report("U1", position=at(111.615))
    events = city.report("U1", "out_of_service", reason="engine")
    assert escalated(events) == ["run_aborted"]
    assert city.job("U1").assignment_id == "c1/A1"
    order = only(OrderIssued, events)
    assert (order.unit_id, order.scene.source, order.scene.longitude) == ("U2", "unit", 111.615)
    assert only(HandoverAnnounced, events).handover_id == "c1/A2/H1"


def test_the_other_patients_of_an_incident_stay_where_they_were_found() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1", patient_count=2))
    city.run_to("U1", "transporting")
    city.report("U1", position=at(111.615))
    city.report("U1", "out_of_service")
    city.report("U1", "available")
    assert city.assignment("U1").place.source == "unit"
    city.hand_over("U1")
    city.report("U1", "returning")
    assert city.assignment("U1").place.source == "caller"


def test_a_patient_left_on_the_way_is_not_forgotten_when_the_next_unit_fails_too() -> None:
    city = SmallCity(unit("U1"), unit("U2"), unit("U3"))
    city.say(call("c1"))
    city.run_to("U1", "transporting")
    city.report("U1", position=at(111.615))
    city.report("U1", "out_of_service")
    city.end(city.city.assignments["c1/A2"].unit_id, "refused", "vehicle_fault")
    assert city.city.assignments["c1/A3"].place.position == at(111.615)


def test_a_unit_at_the_hospital_keeps_its_run_until_both_have_signed() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    city.run_to("U1", "at_hospital")
    refusal = city.refusal(city.reported("U1", status="out_of_service"))
    assert refusal.endswith("(legal: none before both have signed)")
    for ending in (("aborted", "vehicle_fault"), ("empty", "patient_left")):
        assert "has arrived" in city.refusal(city.ended("U1", *ending))


def test_a_status_said_again_is_a_sign_of_life_that_brings_a_position() -> None:
    city = SmallCity(unit("U1"))
    assert city.report("U1", "available", position=at(111.615)) == []
    assert city.city.units["U1"].position == at(111.615)
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    assert city.report("U1", "rolling") == []


# -- a death in the crew's care


def test_a_death_is_recorded_and_the_run_goes_on() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "transporting")
    events = city.say(city.died("U1"))
    recorded = only(DeathRecorded, events)
    assert (recorded.incident_id, recorded.status) == ("c1", "transporting")
    assert only(HandoverUpdated, events).reason == "the patient has died"
    city.hand_over("U1")
    assert city.known(Incident, "c1").outcome == "completed"


def test_a_death_on_scene_is_recorded_and_the_crew_ends_the_run() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "on_scene")
    assert only(DeathRecorded, city.say(city.died("U1"))).status == "on_scene"
    city.end("U1", "empty", "died_on_scene")
    assert city.unit("U1").status == "returning"


def test_a_death_is_recorded_once_for_each_patient_whom_the_crew_has_met() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    assert city.refusal(city.died("U1")) == "assignment_id: the crew has not met the patient"
    city.run_to("U1", "on_scene")
    said = city.died("U1")
    city.say(said)
    assert city.refusal(said) == "assignment_id: the death of the patient is recorded already"
    city.hand_over("U1")
    assert city.refusal(said) == "assignment_id: the death of the patient is recorded already"
    city.pass_time(city.pack.events.future_tolerance_seconds + 1)
    died = said.model_copy(update={"at": city.now})
    assert city.refusal(died) == "assignment_id: has ended (completed)"
