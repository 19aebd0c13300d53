"""A contaminated unit carries nobody until its certificate is accepted."""

import json
from datetime import timedelta
from typing import Any

import pytest

from dispatch.domain import disinfection
from dispatch.domain.city import Rejected
from dispatch.domain.handling import answer_rejected
from dispatch.domain.model import Handover, Job
from dispatch.policy.pack import load_pack
from dispatch.store import codec
from dispatch.topics import for_everybody
from dispatch.topics.announcement import Reason
from dispatch.topics.disinfections import (
    CleaningOrdered,
    CleaningRecorded,
    DisinfectionAccepted,
    DisinfectionOrdered,
    DisinfectionRejected,
)
from dispatch.topics.handovers import HandoverAnnounced
from dispatch.topics.hospitals import DisinfectionCertifiedByHospital
from dispatch.topics.orders import OrderAmended, OrderWithdrawn
from tests.unit.domain.city_builder import (
    ALL_NO,
    UNDETERMINED,
    SmallCity,
    at,
    call,
    case,
    escalated,
    every,
    febrile,
    hospital,
    kinds,
    only,
    transfer_unit,
    unit,
)


def contaminated(*more: Any, **options: Any) -> SmallCity:
    """Return a city whose unit U1 has just handed over a febrile patient without exclusion."""
    city = SmallCity(unit("U1"), *more, **options)
    city.say(febrile("c0", UNDETERMINED))
    city.hand_over("U1")
    return city


def test_the_job_goes_to_the_receiving_hospital_or_the_nearest_centre_and_says_what_to_do() -> None:
    city = SmallCity(transfer_unit("T1"), unit("U1"))
    city.say(case("c1"))
    ordered = only(DisinfectionOrdered, city.hand_over("T1"))
    assert ordered.centre_id == "designated"
    assert ordered.required_agent == "chlorine_wipe"
    assert ordered.carried["case_status"] == "confirmed"
    assert {"stretcher", "cabin_surfaces"} <= set(ordered.equipment)
    assert "double yellow" in ordered.waste["en"]
    minimum = next(m for m in ordered.minimums if m["agent"] == "chlorine_wipe")
    assert (minimum["min_concentration"], minimum["min_minutes"]) == (1000, 30)
    city.say(febrile("c2", UNDETERMINED))  # its hospital has no centre
    assert only(DisinfectionOrdered, city.hand_over("U1")).centre_id == "designated"


def centre(city: SmallCity) -> str | None:
    """Return where T1 is disinfected after a case that it brings to the designated hospital."""
    city.say(case("c1"))
    return only(DisinfectionOrdered, city.hand_over("T1")).centre_id


@pytest.mark.parametrize("status", ["full", "exceeded", "inactive"])
def test_a_centre_that_takes_no_vehicle_is_passed_over(status: str) -> None:
    city = SmallCity(transfer_unit("T1"))
    city.report_hospital("designated", decontamination={"status": status})
    assert centre(city) == "second"


def test_the_receiving_hospitals_centre_comes_first_whatever_its_bays_until_it_says_so() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.report_hospital("designated", decontamination={"status": "open", "bays": 0})
    assert centre(city) == "designated"


def test_another_centre_has_a_bay_free_for_this_vehicle() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    for each in ("designated", "second"):
        city.report_hospital(each, decontamination={"status": "open", "bays": 1})
    for call_id, longitude in (("c1", 111.6), ("c2", 111.64)):
        place = {"latitude": 40.8, "longitude": longitude}
        city.say(febrile(call_id, UNDETERMINED, location=place))  # its hospital has no centre
    ordered = [only(DisinfectionOrdered, city.hand_over(f"U{n}")) for n in (1, 2)]
    assert [each.centre_id for each in ordered] == ["designated", "second"]


def test_where_all_centres_are_full_the_nearest_that_works_is_taken() -> None:
    city = SmallCity(transfer_unit("T1"))
    city.report_hospital("designated", decontamination={"status": "inactive"})
    for each in ("second", "reserve"):
        city.report_hospital(each, decontamination={"status": "full"})
    assert centre(city) == "second"


def test_a_vehicle_is_disinfected_at_its_base_where_no_centre_works() -> None:
    city = SmallCity(transfer_unit("T1"))
    for each in ("designated", "second", "reserve"):
        city.report_hospital(each, decontamination={"status": "inactive"})
    assert centre(city) is None


def test_a_pack_may_send_the_vehicle_to_its_base() -> None:
    city = contaminated(pack=load_pack("influenza-a-h1n1-2009"))
    assert city.job("U1").centre_id is None
    weak = {"agent": "peracetic_acid", "concentration": 1.9, "contact_minutes": 60.0}
    city.pass_time(3_600)
    times = {"started_at": city.now - timedelta(hours=1)}
    assert "2 percent" in city.refusal(city.certificate("U1", **weak, **times))
    city.say(city.certificate("U1", **weak | {"concentration": 2.0}, **times))
    assert city.unit("U1").job_id is None


def test_no_job_follows_a_run_whose_disinfection_is_routine() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", ALL_NO))
    assert "disinfection.ordered" not in kinds(city.hand_over("U1"))
    city.report("U1", "returning", "available")


def test_a_blocked_unit_is_not_ordered_whatever_it_reports() -> None:
    city = contaminated()
    city.say(call("c1"))
    for status in ("returning", "available"):
        with pytest.raises(Rejected):
            city.report("U1", status)
    city.report("U1", "disinfecting")
    city.report("U1", "out_of_service")
    assert "not disinfected" in city.refusal(city.reported("U1", status="available"))
    assert city.incident("c1").status == "waiting"
    assert "not disinfected" in city.refusal(city.overridden("c1", unit_id="U1"))


def test_an_accepted_certificate_gives_the_unit_to_the_head_of_the_queue() -> None:
    city = contaminated()
    city.say(call("c1"))
    events = city.disinfect("U1")
    assert only(DisinfectionAccepted, events).operator == "o1"
    assert city.assignment("U1").incident_id == "c1"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"concentration": 999.9}, "concentration: 999.9 is below the minimum of 1000 mg/L"),
        ({"contact_minutes": 29.0}, "contact_minutes: 29 is below the minimum of 30 minutes"),
        (
            {"contact_minutes": 31.0},
            "contact_minutes: 31 is longer than the 30 minutes from started_at to ended_at",
        ),
        (
            {"agent": "soap"},
            (
                "agent: soap is none of those that the job allows "
                "(chlorine_wipe: 1000 mg/L, 30 min; chlorine_aerosol: 500 mg/L, 60 min; "
                "hydrogen_peroxide: 3 percent, 60 min; peracetic_acid: 0.5 percent, 60 min)"
            ),
        ),
        ({"agent": "chlorine_aerosol", "contact_minutes": 30.0}, "contact_minutes: 30 is below"),
        ({"job_id": "c0/A9/D"}, "job_id: is not a disinfection job"),
    ],
)
def test_a_certificate_that_falls_short_leaves_the_unit_blocked(
    changes: dict[str, Any], why: str
) -> None:
    city = contaminated()
    city.pass_time(1_800)
    assert city.refusal(city.certificate("U1", **changes)).startswith(why)
    assert city.unit("U1").job_id == "c0/A1/D"


def test_a_certificate_for_another_vehicle_is_refused() -> None:
    city = contaminated(unit("U2"))
    wrong = city.certificate("U2", job_id="c0/A1/D")
    assert city.refusal(wrong) == "unit_id: the job is for another vehicle, U1"


def test_the_times_of_a_certificate_make_sense() -> None:
    city = contaminated()
    city.pass_time(1_800)
    for changes, why in (
        ({"ended_at": city.now - timedelta(hours=1)}, "ended_at: is not after started_at"),
        ({"ended_at": city.now + timedelta(seconds=301)}, "ended_at: is in the future"),
        # The crew's clock may be behind, by as much as the pack tolerates.
        ({"started_at": city.now - timedelta(minutes=35, seconds=1)}, "started_at: is before the"),
    ):
        assert city.refusal(city.certificate("U1", **changes)).startswith(why)
    city.say(city.certificate("U1", started_at=city.now - timedelta(minutes=35)))


def test_a_certificate_of_a_clock_that_is_fast_is_set_back() -> None:
    city = contaminated()
    city.pass_time(1_800)
    fast = timedelta(hours=2)
    times = {"at": city.now + fast, "ended_at": city.now + fast}
    short = city.certificate("U1", **times, started_at=city.now + fast - timedelta(minutes=29))
    assert city.refusal(short).startswith("contact_minutes: 30 is longer than the 29 minutes")
    begun = city.now + fast - timedelta(minutes=30)
    accepted = only(
        DisinfectionAccepted, city.say(city.certificate("U1", **times, started_at=begun))
    )
    assert accepted.started_at == city.now - timedelta(minutes=30)
    assert accepted.ended_at == city.now


def test_a_disinfection_that_was_done_while_nobody_listened_is_accepted() -> None:
    city = SmallCity(unit("U1"))
    city.say(case("c0"))
    city.override("c0", crew="regular")
    city.pass_time(30)
    city.run_to("U1", "at_hospital")
    record = city.handover("U1")
    signed_at = city.now + timedelta(minutes=2)
    # The service was away: everything is heard ninety minutes later.
    city.pass_time(5_400)
    city.say(city.crew_signs(record).model_copy(update={"at": signed_at}))
    city.say(city.hospital_signs(record))
    job = city.known(Job, "c0/A1/D")
    assert (job.ordered_at, job.since) == (city.now, signed_at)
    done = {
        "started_at": signed_at + timedelta(minutes=5),
        "ended_at": signed_at + timedelta(minutes=36),
        "at": signed_at + timedelta(minutes=37),
    }
    before = city.certificate("U1", **done | {"started_at": signed_at - timedelta(minutes=6)})
    assert city.refusal(before).startswith("started_at: is before the vehicle was free for it")
    city.say(city.certificate("U1", **done))
    assert (city.unit("U1").job_id, city.unit("U1").status) == (None, "returning")


def test_a_clock_that_is_slow_is_compared_with_itself() -> None:
    city = SmallCity(unit("U1"))
    city.say(case("c0"))
    city.override("c0", crew="regular")
    city.pass_time(30)
    city.run_to("U1", "at_hospital")
    record = city.handover("U1")
    slow = timedelta(hours=1)
    city.say(city.crew_signs(record).model_copy(update={"at": city.now - slow}))
    city.say(city.hospital_signs(record))
    city.pass_time(2_400)
    times = {"at": city.now - slow, "ended_at": city.now - slow}
    begun = city.now - slow - timedelta(minutes=31)
    city.say(city.certificate("U1", **times, started_at=begun))
    assert city.unit("U1").job_id is None


def test_a_disinfection_after_a_run_that_was_given_up_counts_from_when_the_crew_says() -> None:
    city = SmallCity(unit("U1"))
    city.say(case("c0"))
    city.override("c0", crew="regular")
    city.pass_time(30)
    city.run_to("U1", "on_scene")
    gave_up_at = city.now + timedelta(minutes=1)
    city.pass_time(3_600)
    city.report("U1", "out_of_service", at=gave_up_at)
    done = {
        "started_at": gave_up_at + timedelta(minutes=5),
        "ended_at": gave_up_at + timedelta(minutes=36),
    }
    city.say(city.certificate("U1", **done))
    assert city.unit("U1").job_id is None


def test_a_second_certificate_for_the_same_job_is_refused() -> None:
    city = contaminated()
    certificate = city.certificate("U1", started_at=city.now, ended_at=city.now)
    city.disinfect("U1")
    assert city.refusal(certificate) == "job_id: has an accepted certificate already"


def test_a_refused_certificate_is_answered_to_crew_and_centre() -> None:
    city = contaminated()
    weak = city.certificate("U1", concentration=1.0)
    answer_rejected(
        city.city,
        event_type=weak.event_type,
        sender={"unit_id": "U1"},
        rejected=[Reason(field="concentration", reason="is below")],
        event=weak,
    )
    told = [emission.event for emission in city.city.changes.emissions]
    assert kinds(told) == ["unit.rejected", "disinfection.rejected"]
    assert only(DisinfectionRejected, told).job_id == "c0/A1/D"


def test_a_unit_blocked_for_too_long_is_escalated() -> None:
    city = contaminated()
    assert escalated(city.pass_time(7_200)) == ["disinfection_overdue"]


def test_a_contaminated_run_that_is_aborted_blocks_the_unit_too() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.run_to("U1", "on_scene")
    events = city.end("U1", "empty", "died_on_scene")
    assert only(DisinfectionOrdered, events).unit_id == "U1"
    assert city.incident("c1").outcome == "empty"


# -- from the crew's signature on


def signed_by_crew(*more: Any) -> SmallCity:
    """Return a city whose unit U1 waits for the hospital's signature, its crew's given."""
    city = SmallCity(unit("U1"), *more)
    city.say(febrile("c0", UNDETERMINED))
    city.run_to("U1", "at_hospital")
    city.say(city.crew_signs(city.handover("U1")))
    return city


def test_the_job_is_told_with_the_crews_signature_and_begins_with_the_hospitals() -> None:
    city = signed_by_crew()
    assert only(DisinfectionOrdered, city.step).job_id == "c0/A1/D"
    job = city.city.jobs["c0/A1/D"]
    assert (job.owed, city.unit("U1").job_id, city.unit("U1").status) == (True, None, "at_hospital")
    assert "legal: none" in city.refusal(city.reported("U1", status="disinfecting"))
    events = city.say(city.hospital_signs(city.handover("U1")))
    assert every(DisinfectionOrdered, events) == []
    assert (city.unit("U1").status, city.unit("U1").job_id) == ("handed_over", "c0/A1/D")
    assert not city.job("U1").owed
    assert "not disinfected" in city.refusal(city.reported("U1", status="returning"))
    city.report("U1", "disinfecting")
    city.disinfect("U1")
    assert city.unit("U1").status == "returning"


def test_a_vehicle_may_be_disinfected_while_its_crew_waits_for_the_hospital() -> None:
    city = signed_by_crew()
    city.pass_time(1_800)
    accepted = city.say(city.certificate("U1", job_id="c0/A1/D"))
    assert kinds(accepted) == ["disinfection.accepted"]
    assert city.unit("U1").status == "at_hospital"
    assert "already" in city.refusal(city.certificate("U1", job_id="c0/A1/D"))
    events = city.say(city.hospital_signs(city.handover("U1")))
    assert every(DisinfectionOrdered, events) == []
    assert city.unit("U1").job_id is None
    city.report("U1", "returning", "available")


def test_a_case_found_after_the_crews_signature_is_a_job_at_once() -> None:
    city = SmallCity(unit("U1"))
    city.say(call("c0"))
    city.run_to("U1", "at_hospital")
    handover = city.handover("U1")
    assert "disinfection.ordered" not in kinds(city.say(city.crew_signs(handover)))
    assert only(DisinfectionOrdered, city.say(city.found(handover))).job_id == "c0/A1/D"
    assert "disinfection.ordered" not in kinds(city.say(city.hospital_signs(handover)))
    assert city.job("U1").job_id == "c0/A1/D"


def test_a_bay_is_taken_from_the_crews_signature_on() -> None:
    city = signed_by_crew()
    assert city.city.taken_bays == {"designated": 1}


# -- what a job was ordered with


def test_a_job_keeps_the_minimums_that_it_was_ordered_with() -> None:
    city = contaminated()
    city.city.pack = load_pack("influenza-a-h1n1-2009")
    city.pass_time(3_600)
    times = {"started_at": city.now - timedelta(hours=1)}
    strong = {"agent": "hydrogen_peroxide", "concentration": 3.0, "contact_minutes": 60.0}
    assert "below the minimum of 3 percent" in city.refusal(
        city.certificate("U1", **times, **strong | {"concentration": 2.9})
    )
    # Of this one the pack in force asks for more.
    mild = {"agent": "peracetic_acid", "concentration": 0.5, "contact_minutes": 60.0}
    city.say(city.certificate("U1", **times, **mild))
    assert city.unit("U1").job_id is None


def test_a_job_from_before_minimums_were_kept_asks_for_those_of_the_pack_in_force() -> None:
    city = contaminated()
    state = json.loads(codec.dump(city.job("U1")))
    for later in ("minimums", "owed"):
        del state[later]
    city.city.load([codec.load("Job", json.dumps(state))])
    assert city.job("U1").minimums is None
    city.pass_time(1_800)
    assert "1000 mg/L" in city.refusal(city.certificate("U1", concentration=999.0))
    city.say(city.certificate("U1"))


def test_a_job_comes_back_from_the_database_with_its_minimums() -> None:
    job = contaminated().job("U1")
    assert job.minimums is not None
    assert codec.load("Job", codec.dump(job)) == job


# -- cleaning after an ordinary run


def test_an_ordinary_run_leaves_a_cleaning_which_keeps_the_vehicle_from_nothing() -> None:
    city = left_routine()
    told = only(CleaningOrdered, (each.event for each in city.history))
    assert (told.unit_id, told.assignment_id) == ("U1", "c0/A1")
    assert "stretcher" in told.equipment
    recorded = only(CleaningRecorded, city.say(city.cleaned("U1", "c0/A1", agent="chlorine_wipe")))
    shared = for_everybody("cleaning.recorded", recorded.model_dump(mode="json"))
    assert (recorded.by, shared["by"]) == ("m1", "***")
    assert (recorded.by, recorded.agent, recorded.at) == ("m1", "chlorine_wipe", city.now)
    assert "recorded already" in city.refusal(city.cleaned("U1", "c0/A1"))
    city.report("U1", "returning", "available")


def test_a_run_whose_crew_met_nobody_leaves_no_cleaning() -> None:
    city = SmallCity(unit("U1"), unit("U2"))
    city.say(call("c1"))
    city.run_to("U1", "rolling")
    assert "cleaning.ordered" not in kinds(city.end("U1", "aborted", "vehicle_fault"))
    city.run_to("U2", "on_scene")
    assert "cleaning.ordered" in kinds(city.end("U2", "empty", "treated_on_scene"))


def test_a_cleaning_of_nothing_or_in_place_of_a_certificate_is_refused() -> None:
    city = contaminated(unit("U2"))
    assert "send the certificate" in city.refusal(city.cleaned("U1", "c0/A1"))
    assert "not an assignment" in city.refusal(city.cleaned("U2", "c0/A1"))
    assert "not an assignment" in city.refusal(city.cleaned("U1", "c9/A1"))
    city.say(call("c1"))
    assert "goes on" in city.refusal(city.cleaned("U2", "c1/A1"))


# -- a case that the hospital finds after the vehicle has left without terminal disinfection


def left_routine(*more: Any) -> SmallCity:
    designated = hospital("both", "designated", "ordinary", "fever_clinic", service="ordinary")
    city = SmallCity(unit("U1"), *more, hospitals=[designated])
    city.say(call("c0"))
    city.run_to("U1", "at_hospital")
    city.hand_over("U1")
    return city


def find(city: SmallCity) -> Any:
    return city.say(city.found(city.known(Handover, "c0/A1/H1")))


def test_a_vehicle_that_is_free_again_is_disinfected_before_it_carries_anyone() -> None:
    city = left_routine()
    city.report("U1", "returning", "available")
    assert only(DisinfectionOrdered, find(city)).job_id == "c0/A1/D"
    city.report("U1", "disinfecting")
    city.disinfect("U1")
    assert city.unit("U1").status == "returning"


def test_a_run_whose_patient_is_not_met_yet_goes_to_another_unit() -> None:
    city = left_routine(unit("U2", station=at(111.75)))
    city.report("U1", "returning")
    city.say(call("c1"))
    assert city.assignment("U1").incident_id == "c1"
    events = find(city)
    assert only(OrderWithdrawn, events).unit_id == "U1"
    assert city.assignment("U2").incident_id == "c1"
    assert city.job("U1").job_id == "c0/A1/D"


def test_a_run_that_nobody_can_take_over_goes_on_and_is_disinfected_even_if_cancelled() -> None:
    city = left_routine()
    city.report("U1", "returning")
    city.say(call("c1"))
    events = find(city)
    assert "crew_exposed" in escalated(events)
    assert only(OrderAmended, events).disinfection == "terminal"
    city.answer("c1", symptoms=["fever"], epidemiology=ALL_NO)
    assert city.assignment("U1").disinfection == "terminal"
    assert only(DisinfectionOrdered, city.cancel("c1")).unit_id == "U1"


def test_the_last_room_of_a_hospital_passes_to_the_run_that_takes_over() -> None:
    only_one = hospital("only", "fever_clinic", rooms={"fever_clinic": 1})
    city = SmallCity(unit("U1"), unit("U2"), hospitals=[only_one])
    city.say(febrile("c1", UNDETERMINED))
    events = city.override("c1", unit_id="U2")
    assert escalated(events) == []
    assert [event.place for event in every(HandoverAnnounced, events)] == [1]


# -- the hospital's own centre


def of_the_hospital(city: SmallCity, hospital_id: str, **changes: Any) -> Any:
    body = city.certificate("T1").model_dump() | {"hospital_id": hospital_id}
    return DisinfectionCertifiedByHospital.model_validate(body | changes)


def at_its_centre() -> SmallCity:
    """Return a city with a vehicle that is being disinfected at the centre of `designated`."""
    city = SmallCity(transfer_unit("T1"))
    city.say(case("c1"))
    city.hand_over("T1")
    city.pass_time(1_800)
    assert city.job("T1").centre_id == "designated"
    return city


def test_a_hospital_certifies_the_jobs_of_its_own_centre() -> None:
    city = at_its_centre()
    events = city.say(of_the_hospital(city, "designated"))
    accepted = only(DisinfectionAccepted, events)
    assert (accepted.job_id, accepted.centre_id) == ("c1/A1/D", "designated")
    assert (city.unit("T1").status, city.unit("T1").job_id) == ("returning", None)


def test_a_vehicle_that_its_hospital_certifies_serves_who_waits() -> None:
    city = at_its_centre()
    city.say(case("c2"))
    assert "order.issued" in kinds(city.say(of_the_hospital(city, "designated")))


def test_a_hospital_certifies_no_other_centres_job_and_hears_which_are_its_own() -> None:
    city = at_its_centre()
    for another in ("second", "nowhere"):
        strange = of_the_hospital(city, another)
        why = "job_id: is not a job of this hospital's centre, which has none"
        assert city.refusal(strange) == why
        assert not disinfection.concerns_its_job(city.city, strange)
    unknown = of_the_hospital(city, "designated", job_id="c9/A1/D")
    assert city.refusal(unknown).endswith("(its own: c1/A1/D)")
    # Its own is held to all that a crew's is.
    weak = of_the_hospital(city, "designated", concentration=10.0)
    assert city.refusal(weak).startswith("concentration: ")
    assert "another vehicle" in city.refusal(of_the_hospital(city, "designated", unit_id="U9"))
    assert city.unit("T1").job_id == "c1/A1/D"


def test_the_hospital_and_the_crew_hear_why_a_certificate_of_the_hospital_was_refused() -> None:
    city = at_its_centre()

    def refuse(event: Any) -> list[str]:
        reasons = [Reason(field="agent", reason="no")]
        sender = {"hospital_id": event.hospital_id}
        return kinds(
            city.do(
                lambda of: answer_rejected(
                    of, event_type=event.event_type, sender=sender, rejected=reasons, event=event
                )
            )
        )

    told = refuse(of_the_hospital(city, "designated"))
    assert told == ["hospital.rejected", "disinfection.rejected"]
    # Whose job it is hears nothing of what a stranger has sent.
    assert refuse(of_the_hospital(city, "second")) == ["hospital.rejected"]
