"""Every invariant: a clean history passes, and each planted violation is caught by its own."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from dispatch.checker import Input, Invariant, Violation, check, own_topics_that_differ
from dispatch.policy.decision import Facts, decide
from dispatch.policy.pack import load_pack
from dispatch.topics import Parties, own_topic_of

START = datetime(2022, 12, 23, 8, 0, tzinfo=UTC)
PACK = load_pack("covid-19")
IDS = count()
PARTIES = Parties(units=frozenset({"U1", "U2"}))


@dataclass(frozen=True)
class Event:
    topic: str
    key: str | None
    type: str
    sequence: int
    data: dict[str, Any]
    cause: str = "console#c1"
    id: str = field(default_factory=lambda: f"e{next(IDS)}")


class History:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.inputs = [Input("console#c1", "call.received", "calls", "C1", "accepted")]

    def add(self, topic: str, key: str, kind: str, minute: float, **data: Any) -> Event:
        sequence = 1 + sum((e.topic, e.key) == (topic, key) for e in self.events)
        said = {"at": at(minute), **data}
        event = Event(topic, key, kind, sequence, said)
        self.events.append(event)
        return event

    def decided(self, call_id: str, minute: float = 0, symptoms: tuple[str, ...] = ()) -> Event:
        decision = decide(
            Facts(call_id, START, "public", None, "stable", symptoms, "none", {}), PACK, START
        )
        return self.add(
            "incidents", call_id, "call.decided", minute,
            call_id=call_id, incident_id=call_id, decision=decision.as_dict(),
        )  # fmt: skip

    def ordered(self, incident: str, number: int, unit: str, minute: float) -> str:
        name = f"{incident}/A{number}"
        about = {"assignment_id": name, "incident_id": incident, "unit_id": unit}
        self.add("incidents", incident, "incident.assigned", minute, **about)
        self.add("orders", unit, "order.issued", minute, **about)
        return name

    def announced(self, assignment: str, hospital: str, place: int, minute: float) -> str:
        name = f"{assignment}/H1"
        self.add(
            "handovers", hospital, "handover.announced", minute, handover_id=name,
            assignment_id=assignment, hospital_id=hospital, reserve="isolation", place=place,
        )  # fmt: skip
        return name

    def reserved(self, name: str, hospital: str, place: int, minute: float) -> None:
        self.add(
            "beds", hospital, "bed.reserved", minute, reservation_id=name, hospital_id=hospital,
            patient_id=f"patient of {name}", room="isolation", place=place,
        )  # fmt: skip

    def bed(self, kind: str, name: str, hospital: str, minute: float) -> None:
        field = "reservation_id" if kind == "released" else "promise_id"
        self.add("beds", hospital, f"bed.{kind}", minute, hospital_id=hospital, **{field: name})

    def brought(self, assignment: str, hospital: str, minute: float, **beds: int) -> None:
        """Announce the patients of reservations, by the place where each is brought."""
        self.add(
            "handovers", hospital, "handover.announced", minute, handover_id=f"{assignment}/H1",
            assignment_id=assignment, hospital_id=hospital, reserve="isolation", place=None,
            beds=[
                {"patient_id": f"patient of T1/{name}", "room": "isolation", "place": place}
                for name, place in beds.items()
            ],
        )  # fmt: skip

    def handed_over(
        self,
        assignment: str,
        unit: str,
        hospital: str,
        minute: float,
        disinfection: str,
        *,
        end: str = "closed",
    ) -> None:
        incident = assignment.partition("/")[0]
        about = {"assignment_id": assignment, "incident_id": incident, "unit_id": unit}
        self.add(
            "handovers", hospital, f"handover.{end}", minute,
            handover_id=f"{assignment}/H1", disinfection=disinfection, **about,
        )  # fmt: skip
        for status in ("on_scene", "handed_over"):
            self.add("incidents", incident, "incident.progressed", minute, status=status, **about)
        if disinfection == "terminal":
            self.add(
                "disinfections", unit, "disinfection.ordered", minute,
                job_id=f"{assignment}/D", **about,
            )  # fmt: skip
        self.closed(incident, minute)

    def disinfected(self, assignment: str, unit: str, minute: float) -> None:
        self.add(
            "disinfections", unit, "disinfection.accepted", minute,
            job_id=f"{assignment}/D", unit_id=unit,
        )  # fmt: skip

    def closed(self, incident: str, minute: float) -> None:
        self.add(
            "incidents", incident, "incident.closed", minute,
            incident_id=incident, outcome="completed", calls=[incident],
        )  # fmt: skip

    def check(self, minute: float = 1000) -> list[Violation]:
        now = START + timedelta(minutes=minute)
        return check(self.events, self.inputs, packs={PACK.name: PACK}, now=now)


def at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def kinds(violations: list[Violation]) -> set[Invariant]:
    return {violation.invariant for violation in violations}


@pytest.fixture
def history() -> History:
    """Return a run that ends well: C1 by U1, disinfected, then C2 by U1."""
    history = History()
    history.decided("C1")
    run = history.ordered("C1", 1, "U1", 1)
    history.announced(run, "H1", 1, 1)
    history.handed_over(run, "U1", "H1", 50, "terminal")
    history.disinfected(run, "U1", 90)
    history.decided("C2", 90)
    run = history.ordered("C2", 1, "U1", 90)
    history.announced(run, "H1", 1, 90)
    history.handed_over(run, "U1", "H1", 140, "routine")
    return history


def test_a_clean_history_passes(history: History) -> None:
    assert history.check() == []


@pytest.mark.parametrize("kind", ["unit.changed", "incident.progressed"])
def test_a_call_linked_to_a_run_that_has_left(history: History, kind: str) -> None:
    topic, key = ("fleet", "U1") if kind == "unit.changed" else ("incidents", "C4")
    history.decided("C4", 150)
    run = history.ordered("C4", 1, "U1", 150)
    about = {"assignment_id": run, "incident_id": "C4", "unit_id": "U1"}
    history.add("incidents", "C5", "call.linked", 169, call_id="C5", incident_id="C4")
    history.add(topic, key, kind, 170, status="transporting", **about)
    assert history.check(171) == []
    history.add("incidents", "C6", "call.linked", 171, call_id="C6", incident_id="C4")
    (found,) = history.check(172)
    assert found.invariant == Invariant.NO_LINK_TO_ONE_THAT_LEFT
    assert [event.type for event in found.events] == [kind, "call.linked"]


def test_an_event_delivered_again_counts_once(history: History) -> None:
    history.events.append(history.events[0])
    assert history.check() == []


def test_a_unit_on_two_assignments(history: History) -> None:
    history.decided("C3", 100)
    history.ordered("C3", 1, "U1", 100)
    (found, *_) = history.check(101)
    assert found.invariant == Invariant.ONE_ASSIGNMENT_A_UNIT
    assert [e.data["assignment_id"] for e in found.events] == ["C2/A1", "C2/A1", "C3/A1"]


def test_a_unit_released_and_ordered_at_once_is_on_one(history: History) -> None:
    history.decided("C3", 140)
    history.ordered("C3", 1, "U1", 140)
    assert history.check() == []


def test_an_incident_closed_twice(history: History) -> None:
    history.closed("C1", 60)
    (found,) = history.check()
    assert found.invariant == Invariant.ONE_OUTCOME_A_CALL
    assert [e.type for e in found.events] == ["incident.closed"] * 2


def test_an_accepted_call_that_is_never_decided(history: History) -> None:
    history.inputs.append(Input("console#c9", "call.received", "calls", "C9", "accepted"))
    assert Invariant.ONE_OUTCOME_A_CALL in kinds(history.check())


def test_a_call_that_nobody_cares_for(history: History) -> None:
    history.decided("C3", 150)
    assert kinds(history.check()) == {Invariant.ONE_OUTCOME_A_CALL}


@pytest.mark.parametrize(
    ("kind", "said", "late"),
    [
        ("incident.queued", {}, False),
        ("incident.held", {"until": at(200)}, True),
    ],
)
def test_a_call_may_wait_inside_its_deadline(
    history: History, kind: str, said: dict[str, Any], late: bool
) -> None:
    history.decided("C3", 150)
    history.add("incidents", "C3", kind, 150, incident_id="C3", **said)
    assert history.check(199) == []
    assert bool(history.check(201)) is late


def test_a_call_decided_anew_goes_on_waiting(history: History) -> None:
    history.decided("C3", 150)
    history.add("incidents", "C3", "incident.queued", 150, incident_id="C3")
    history.decided("C3", 151)
    assert history.check(199) == []


def test_a_call_whose_unit_was_taken_away_waits_for_another(history: History) -> None:
    history.decided("C3", 150)
    history.add("incidents", "C3", "incident.queued", 150, incident_id="C3")
    name = history.ordered("C3", 1, "U9", 151)
    assert history.check(199) == []
    history.add(
        "orders", "U9", "order.withdrawn", 152, assignment_id=name, incident_id="C3", unit_id="U9"
    )
    assert kinds(history.check(199)) == {Invariant.ONE_OUTCOME_A_CALL}
    history.add("incidents", "C3", "incident.queued", 152, incident_id="C3")
    assert history.check(199) == []


@pytest.mark.parametrize("status", ["requested", "offered", "diverted", "unplaced"])
def test_a_transfer_may_be_arranged_until_a_hospital_has_accepted(
    history: History, status: str
) -> None:
    history.decided("T3", 150)
    history.add("placements", "T3", "transfer.progressed", 150, transfer_id="T3", status=status)
    assert history.check(199) == []
    history.add("placements", "T3", "transfer.progressed", 151, transfer_id="T3", status="accepted")
    assert kinds(history.check(199)) == {Invariant.ONE_OUTCOME_A_CALL}


def test_an_accepted_request_without_effect(history: History) -> None:
    history.inputs.append(Input("clinic#t9", "transfer.requested", "transfers", "T9", "accepted"))
    found = history.check()
    assert kinds(found) == {Invariant.ONE_OUTCOME_A_CALL, Invariant.NO_INPUT_LOST}


def test_an_offer_withdrawn_that_was_never_made(history: History) -> None:
    history.add("handovers", "H1", "offer.withdrawn", 150, offer_id="T1/O1", hospital_id="H1")
    assert kinds(history.check()) == {Invariant.CAUSAL_ORDER}


def test_a_call_may_be_asked_about_until_its_deadline(history: History) -> None:
    history.decided("C3", 150, symptoms=("fever",))
    history.add("screenings", "C3", "screening.requested", 150, call_id="C3", deadline=at(151))
    assert history.check(150.5) == []
    assert kinds(history.check(152)) == {Invariant.ONE_OUTCOME_A_CALL}


def test_a_linked_call_shares_the_outcome_of_its_incident(history: History) -> None:
    history.add("incidents", "C3", "call.linked", 2, call_id="C3", incident_id="C1")
    history.inputs.append(Input("console#c3", "call.received", "calls", "C3", "accepted"))
    history.events[-1] = replace(history.events[-1], cause="console#c3")
    assert history.check() == []


def test_a_call_whose_link_was_undone_needs_an_outcome_of_its_own(history: History) -> None:
    history.add("incidents", "C3", "call.linked", 2, call_id="C3", incident_id="C1")
    history.add("incidents", "C3", "link.undone", 3, call_id="C3", incident_id="C1")
    history.decided("C3", 3)
    assert Invariant.ONE_OUTCOME_A_CALL in kinds(history.check())


def test_an_order_before_the_certificate(history: History) -> None:
    for index, event in enumerate(history.events):
        if event.type == "disinfection.accepted":
            history.events[index] = replace(event, data={**event.data, "at": at(91)})
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ORDER_BEFORE_DISINFECTION
    assert [e.type for e in found.events] == [
        "handover.closed",
        "order.issued",
        "disinfection.accepted",
    ]


def test_a_vehicle_let_go_unsigned_ends_its_run_and_its_room_and_is_disinfected(
    history: History,
) -> None:
    history.decided("C3", 200)
    run = history.ordered("C3", 1, "U2", 200)
    history.announced(run, "H2", 1, 200)
    history.handed_over(run, "U2", "H2", 240, "terminal", end="released")
    history.decided("C4", 250)
    history.announced(history.ordered("C4", 1, "U3", 250), "H2", 1, 250)
    assert history.check() == []
    history.decided("C5", 260)
    history.ordered("C5", 1, "U2", 260)
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ORDER_BEFORE_DISINFECTION
    assert [e.type for e in found.events] == ["handover.released", "order.issued"]


def test_a_run_that_is_turned_away_at_the_door_comes_to_a_hospital_twice(history: History) -> None:
    history.decided("C3", 200)
    history.ordered("C3", 1, "U2", 200)
    run = {"incident_id": "C3", "assignment_id": "C3/A1", "unit_id": "U2"}

    def progress(minute: float, *statuses: str) -> None:
        for status in statuses:
            history.add("incidents", "C3", "incident.progressed", minute, status=status, **run)

    def amended(minute: float, **changed: str) -> None:
        history.add("incidents", "C3", "incident.amended", minute, changed=changed, **run)

    progress(210, "rolling", "on_scene", "transporting", "at_hospital")
    amended(211, hospital_id="H2")
    progress(212, "transporting", "at_hospital")
    assert history.check() == []
    # It goes on to no other hospital now.
    amended(213, ppe="full")
    progress(214, "transporting")
    (found,) = history.check()
    assert found.sentence == "C3/A1 comes to transporting after at_hospital"


def test_a_contaminated_unit_without_a_job(history: History) -> None:
    history.decided("C3", 200)
    run = history.ordered("C3", 1, "U2", 200)
    history.announced(run, "H2", 1, 200)
    history.handed_over(run, "U2", "H2", 240, "terminal")
    history.events = [
        e for e in history.events
        if (e.type, e.data.get("unit_id")) != ("disinfection.ordered", "U2")
    ]  # fmt: skip
    assert kinds(history.check()) == {Invariant.NO_ORDER_BEFORE_DISINFECTION}


def swapped(
    history: History,
    later: float,
    *,
    condition: str = "stable",
    why: tuple[str, ...] = (),
    arrived: bool = False,
) -> None:
    """Add C3, whose crew U7, which may have arrived, is swapped for U8 that comes so much later."""
    history.decided("C3", 200)
    policy = {"pack": PACK.name, "version": PACK.version}
    for number, unit in ((1, "U7"), (2, "U8")):
        name = f"C3/A{number}"
        about = {"assignment_id": name, "incident_id": "C3", "unit_id": unit}
        taken = {"instead_of": "C3/A1", "later_seconds": later} if number == 2 else {}
        minute = 200 + 5 * (number - 1)
        told = {"instead_of": None, "why": [*why]} | taken
        history.add("incidents", "C3", "incident.assigned", minute, **about, **told)
        history.add(
            "orders", unit, "order.issued", minute, condition=condition, policy=policy, **about
        )
    about = {"assignment_id": "C3/A1", "incident_id": "C3", "unit_id": "U7"}
    if arrived:
        history.add("incidents", "C3", "incident.progressed", 204, status="on_scene", **about)
    history.add("orders", "U7", "order.withdrawn", 205, **about)
    history.add("incidents", "C3", "incident.released", 205, outcome="swapped", **about)


@pytest.mark.parametrize(
    ("later", "condition", "allowed"),
    [(-900, "stable", True), (600, "stable", True), (601, "stable", False),
     (0, "critical", True), (1, "critical", False), (1, "unknown", False)],
)  # fmt: skip
def test_a_swap_may_come_as_late_as_the_pack_allows(
    history: History, later: float, condition: str, allowed: bool
) -> None:
    swapped(history, later, condition=condition)
    expected = set() if allowed else {Invariant.NO_SWAP_TOO_LATE}
    assert kinds(history.check(210)) == expected


def test_for_one_that_must_be_disinfected_another_may_come_later(history: History) -> None:
    swapped(history, 1_800, why=("only_one_left", "other_not_disinfected"))
    assert history.check(210) == []


def test_the_dispatcher_may_choose_a_crew_that_comes_later(history: History) -> None:
    swapped(history, 9_000)
    assert kinds(history.check(210)) == {Invariant.NO_SWAP_TOO_LATE}
    history.add("incidents", "C3", "incident.overridden", 205, incident_id="C3", by="d1")
    assert history.check(210) == []


def test_nobody_is_swapped_who_has_reached_the_patient(history: History) -> None:
    swapped(history, 0, arrived=True)
    (found,) = history.check(210)
    assert found.invariant == Invariant.NO_SWAP_TOO_LATE
    assert "had reached the patient" in found.sentence


@pytest.mark.parametrize("status", ["on_scene", "transporting"])
def test_what_a_crew_was_heard_to_have_done_after_its_run_was_not_known(
    history: History, status: str
) -> None:
    swapped(history, 0)
    about = {"assignment_id": "C3/A1", "incident_id": "C3", "unit_id": "U7"}
    history.add("incidents", "C6", "call.linked", 205, call_id="C6", incident_id="C3")
    history.add("incidents", "C3", "incident.progressed", 204, status=status, **about)
    assert history.check(210) == []


def test_a_swap_without_an_order_in_its_place_is_found(history: History) -> None:
    swapped(history, 0)
    for index, event in enumerate(history.events):
        if event.data.get("instead_of") == "C3/A1":
            history.events[index] = replace(event, data={**event.data, "instead_of": None})
    assert kinds(history.check(210)) == {Invariant.NO_SWAP_TOO_LATE}


def test_swaps_from_before_they_were_told_so_are_left_out(history: History) -> None:
    swapped(history, 9_000)
    for index, event in enumerate(history.events):
        known = {k: v for k, v in event.data.items() if k not in ("instead_of", "later_seconds")}
        history.events[index] = replace(event, data=known)
    assert history.check(210) == []


def test_a_room_promised_twice(history: History) -> None:
    history.decided("C3", 100)
    run = history.ordered("C3", 1, "U2", 100)
    history.announced(run, "H1", 1, 100)
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ROOM_TWICE
    assert [e.data["handover_id"] for e in found.events] == ["C2/A1/H1", "C2/A1/H1", "C3/A1/H1"]


def test_beds_reserved_let_go_taken_and_freed_are_a_clean_history(history: History) -> None:
    history.reserved("T1/B1", "H1", 1, 140)
    history.reserved("T1/B2", "H1", 2, 140)
    history.bed("released", "T1/B2", "H1", 145)
    history.reserved("T1/B3", "H1", 2, 145)
    history.brought("C2/A1", "H1", 150, B1=1, B3=2)
    history.bed("occupied", "T1/B1", "H1", 160)
    history.bed("occupied", "T1/B3", "H1", 160)
    history.reserved("T2/B1", "H1", 1, 160)
    history.bed("vacated", "T1/B1", "H1", 900)
    assert history.check() == []


def test_a_bed_reserved_while_it_is_promised_to_a_handover(history: History) -> None:
    history.reserved("T1/B1", "H1", 1, 95)
    history.bed("released", "T1/B1", "H1", 150)
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ROOM_TWICE
    assert found.sentence.endswith("promised to T1/B1 while it was promised to C2/A1/H1")


def test_a_bed_reserved_twice(history: History) -> None:
    history.reserved("T1/B1", "H1", 1, 150)
    history.reserved("T9/B1", "H1", 1, 160)
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ROOM_TWICE
    assert [e.data["reservation_id"] for e in found.events] == ["T1/B1", "T9/B1"]


@pytest.mark.parametrize(
    "beds", [{"B1": 2}, {"B2": 1}, {"B3": 3}, {"B4": 4}],
    ids=["another bed", "another patient's bed", "a bed let go", "a bed taken"],
)  # fmt: skip
def test_a_patient_brought_to_a_bed_that_is_not_kept_for_them(
    history: History, beds: dict[str, int]
) -> None:
    history.reserved("T1/B1", "H1", 1, 140)
    history.reserved("T1/B3", "H1", 3, 140)
    history.bed("released", "T1/B3", "H1", 141)
    history.reserved("T1/B4", "H1", 4, 140)
    history.bed("occupied", "T1/B4", "H1", 141)
    history.brought("C3/A1", "H1", 150, **beds)
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ROOM_TWICE
    assert "which is not kept for them" in found.sentence


def test_two_vehicles_that_bring_a_patient_to_the_same_bed(history: History) -> None:
    history.reserved("T1/B1", "H1", 1, 140)
    history.brought("C2/A2", "H1", 150, B1=1)
    history.brought("C2/A3", "H1", 151, B1=1)
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ROOM_TWICE
    assert "was promised to C2/A3/H1 while it was promised to C2/A2/H1" in found.sentence


@pytest.mark.parametrize(
    ("first", "second"),
    [("occupied", "occupied"), ("occupied", "released"), ("released", "occupied"),
     ("vacated", "vacated")],
)  # fmt: skip
def test_a_bed_that_is_let_go_taken_or_freed_again(
    history: History, first: str, second: str
) -> None:
    history.reserved("T1/B1", "H1", 1, 150)
    history.bed(first, "T1/B1", "H1", 151)
    history.bed(second, "T1/B1", "H1", 152)
    (found,) = history.check()
    assert found.invariant == Invariant.NO_ROOM_TWICE
    assert found.sentence == f"the bed of T1/B1 was {second} after it was {first}"


@pytest.mark.parametrize("outcome", [None, "rejected"])
def test_an_input_that_vanished(history: History, outcome: str | None) -> None:
    history.inputs.append(Input("crew#9", "unit.reported", "units", "U1", outcome))
    assert kinds(history.check()) == {Invariant.NO_INPUT_LOST}


def test_a_refused_input_is_in_the_dead_letters(history: History) -> None:
    history.inputs.append(Input("crew#9", "unit.reported", "units", "U1", "rejected"))
    reasons = [{"field": "unit_id", "reason": "is not a unit of this city"}]
    letter = history.add("dead-letters", "U1", "input.rejected", 5, reasons=reasons)
    history.events[-1] = replace(letter, cause="crew#9")
    assert history.check() == []
    history.events[-1] = replace(history.events[-1], data={"at": at(5), "reasons": []})
    assert kinds(history.check()) == {Invariant.NO_INPUT_LOST}


def test_an_accepted_call_without_effect(history: History) -> None:
    history.events = [replace(event, cause="timer/x") for event in history.events]
    assert kinds(history.check()) == {Invariant.NO_INPUT_LOST}


def test_a_gap_in_a_stream(history: History) -> None:
    history.add("fleet", "U1", "unit.changed", 1)
    history.events[-1] = replace(history.events[-1], sequence=2)
    assert kinds(history.check()) == {Invariant.CAUSAL_ORDER}


def test_a_stream_out_of_order(history: History) -> None:
    history.add("fleet", "U1", "unit.changed", 1)
    history.add("fleet", "U1", "unit.changed", 2)
    history.events[-2:] = reversed(history.events[-2:])
    assert kinds(history.check()) == {Invariant.CAUSAL_ORDER}


def test_an_effect_before_its_cause(history: History) -> None:
    history.add(
        "orders", "U3", "order.withdrawn", 5, assignment_id="C7/A1", incident_id="C7", unit_id="U3"
    )
    assert kinds(history.check()) == {Invariant.CAUSAL_ORDER}


def test_a_run_that_goes_back(history: History) -> None:
    history.add(
        "incidents", "C1", "incident.progressed", 60,
        assignment_id="C1/A1", incident_id="C1", unit_id="U1", status="rolling",
    )  # fmt: skip
    (found,) = history.check()
    assert found.invariant == Invariant.CAUSAL_ORDER
    assert [e.data["status"] for e in found.events] == ["handed_over", "rolling"]


@pytest.mark.parametrize(
    "altered",
    [
        {"rule": "R1"},
        {"policy": {"pack": "covid-19", "version": "1900.1"}},
        {"policy": {"pack": "unknown", "version": "1"}},
    ],
)
def test_a_decision_that_does_not_replay(history: History, altered: dict[str, Any]) -> None:
    first = history.events[0]
    decision = {**first.data["decision"], **altered}
    history.events[0] = replace(first, data={**first.data, "decision": decision})
    (found,) = history.check()
    assert found.invariant == Invariant.DECISIONS_REPLAY
    assert found.events == (history.events[0],)


def on_own_topics(history: History) -> list[Event]:
    own = (
        (event, own_topic_of(event.topic, event.key, event.data, PARTIES))
        for event in history.events
    )
    return [replace(event, topic=topic) for event, topic in own if topic is not None]


def test_own_topics_that_hold_what_they_should(history: History) -> None:
    copies = on_own_topics(history)
    assert copies
    assert list(own_topics_that_differ(history.events, copies + copies[:1], PARTIES)) == []


def test_an_own_topic_that_lacks_an_event(history: History) -> None:
    *copies, last = on_own_topics(history)
    (found,) = own_topics_that_differ(history.events, copies, PARTIES)
    assert found.invariant == Invariant.OWN_TOPICS
    assert found.sentence == f"{last.topic} lacks an event of its own"
    assert [event.id for event in found.events] == [last.id]


def test_an_own_topic_with_an_event_of_another_hospital(history: History) -> None:
    copies = on_own_topics(history)
    strange = replace(copies[0], topic="handovers.H9")
    (found,) = own_topics_that_differ(history.events, [*copies, strange], PARTIES)
    assert found.sentence == "handovers.H9 has an event that is not its own"


def test_an_own_topic_in_another_order(history: History) -> None:
    history.add("handovers", "H7", "handover.announced", 1, hospital_id="H7")
    history.add("handovers", "H7", "handover.reminded", 2, hospital_id="H7")
    copies = on_own_topics(history)
    assert list(own_topics_that_differ(history.events, copies, PARTIES)) == []
    (found,) = own_topics_that_differ(
        history.events, [*copies[:-2], copies[-1], copies[-2]], PARTIES
    )
    assert found.sentence == "handovers.H7 is in another order"


def test_events_of_two_vehicles_have_no_order_between_them(history: History) -> None:
    centres = Parties(hospitals=frozenset({"H7"}))
    for unit_id, minute in (("U8", 1), ("U9", 2)):
        history.add("disinfections", unit_id, "disinfection.ordered", minute, centre_id="H7")
    events = history.events[-2:]
    copies = [replace(event, topic="disinfections.H7") for event in reversed(events)]
    assert list(own_topics_that_differ(events, copies, centres)) == []
    assert len(list(own_topics_that_differ(events, copies[:1], centres))) == 1


def with_condition(history: History, condition: str, minute: float, call_id: str = "C3") -> Event:
    decision = decide(
        Facts(call_id, START, "public", None, condition, (), "none", {}),  # type: ignore[arg-type]
        PACK,
        START + timedelta(minutes=minute),
    )
    return history.add(
        "incidents", call_id, "call.decided", minute,
        call_id=call_id, incident_id=call_id, decision=decision.as_dict(),
    )  # fmt: skip


def amended(history: History, run: str, minute: float, unit: str = "U3", **changed: Any) -> Event:
    return history.add(
        "orders", unit, "order.amended", minute,
        assignment_id=run, incident_id=run.partition("/")[0], unit_id=unit, changed=changed,
    )  # fmt: skip


def untold(history: History) -> list[Violation]:
    return [each for each in history.check(130) if each.invariant == Invariant.CREWS_TOLD]


def on_its_way(history: History) -> str:
    with_condition(history, "stable", 100)
    return history.ordered("C3", 1, "U3", 101)


def test_a_crew_that_is_not_told_that_its_patient_became_critical(history: History) -> None:
    on_its_way(history)
    decided = with_condition(history, "critical", 110)
    (found,) = untold(history)
    assert found.sentence == "unit U3 was not told that the patient of C3/A1 has become critical"
    assert found.events[-1] == decided


def test_a_crew_that_is_told_of_something_else_only(history: History) -> None:
    run = on_its_way(history)
    with_condition(history, "critical", 110)
    amended(history, run, 110, symptoms=["fever"])
    assert len(untold(history)) == 1


def test_a_crew_that_is_told_later_is_told_too_late(history: History) -> None:
    run = on_its_way(history)
    with_condition(history, "critical", 110)
    amended(history, run, 111, condition="critical")
    assert len(untold(history)) == 1


def test_a_crew_that_is_told_in_time(history: History) -> None:
    run = on_its_way(history)
    with_condition(history, "critical", 110)
    amended(history, run, 110, condition="critical")
    # It stays so: nothing new.
    with_condition(history, "critical", 115)
    assert untold(history) == []
    with_condition(history, "stable", 116)
    amended(history, run, 116, condition="stable")
    with_condition(history, "critical", 117)
    assert len(untold(history)) == 1


@pytest.mark.parametrize("over", ["order.withdrawn", "order.ended"])
def test_a_crew_whose_order_is_over_need_not_be_told(history: History, over: str) -> None:
    run = on_its_way(history)
    history.add("orders", "U3", over, 105, assignment_id=run, incident_id="C3", unit_id="U3")
    with_condition(history, "critical", 110)
    assert untold(history) == []


def test_a_crew_ordered_after_the_change_need_not_be_told_of_it(history: History) -> None:
    with_condition(history, "stable", 100)
    with_condition(history, "critical", 110)
    history.ordered("C3", 1, "U3", 111)
    assert untold(history) == []


NUMBER = "13800000001"


def numbers(history: History, *orders: Event) -> list[str]:
    now = START + timedelta(minutes=130)
    packs = {PACK.name: PACK}
    found = check(history.events, history.inputs, packs=packs, now=now, orders=orders)
    return [each.sentence for each in found if each.invariant == Invariant.CREWS_TOLD]


def told_number(kind: str, *told: str | None, run: str = "C3/A1") -> Event:
    contacts = [{"role": "caller", "name": None, "phone": number} for number in told]
    said = {"contacts": contacts}
    return Event(
        "orders.U3", "U3", kind, 1,
        {"at": at(101), "assignment_id": run, "incident_id": run.partition("/")[0], "unit_id": "U3"}
        | (said if kind == "order.issued" else {"changed": said}),
    )  # fmt: skip


def given(history: History, call_id: str) -> None:
    history.inputs.append(
        Input("console#n", "call.received", "calls", call_id, "accepted", numbers=(NUMBER,))
    )


def test_a_number_that_is_not_in_the_order(history: History) -> None:
    on_its_way(history)
    given(history, "C3")
    said = ["a number that call C3 gave is not in the order C3/A1"]
    assert numbers(history, told_number("order.issued")) == said
    assert numbers(history, told_number("order.issued", None, "13900000000")) == said
    assert numbers(history, told_number("order.issued", NUMBER)) == []
    later = told_number("order.issued"), told_number("order.amended", NUMBER)
    assert numbers(history, *later) == []


def test_the_number_of_a_linked_call_belongs_to_its_incidents_order(history: History) -> None:
    on_its_way(history)
    given(history, "C4")
    history.add("incidents", "C4", "call.linked", 105, call_id="C4", incident_id="C3")
    assert numbers(history, told_number("order.issued", "13900000000")) == [
        "a number that call C4 gave is not in the order C3/A1"
    ]
    history.add("orders", "U3", "order.ended", 104, assignment_id="C3/A1", incident_id="C3")
    assert numbers(history, told_number("order.issued", "13900000000")) == []


def test_the_number_of_a_call_that_was_parted_again_does_not(history: History) -> None:
    on_its_way(history)
    given(history, "C4")
    history.add("incidents", "C4", "call.linked", 105, call_id="C4", incident_id="C3")
    history.add("incidents", "C4", "link.undone", 106, call_id="C4", incident_id="C3")
    assert numbers(history, told_number("order.issued")) == []
