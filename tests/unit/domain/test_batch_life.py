"""The rules of batches hold after every step: institutions, hospitals, crews, planner, clock."""

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatch.domain import batches
from dispatch.domain.batch_problems import problem
from dispatch.domain.batch_progress import TIMERS, needs_plan
from dispatch.domain.city import Duplicate, Rejected
from dispatch.domain.model import (
    Batch,
    Entity,
    Handover,
    Hospital,
    Offer,
    Reservation,
    Transfer,
)
from dispatch.planning.plan import Plan, check_plan
from dispatch.planning.solve import solve
from dispatch.store import codec
from dispatch.topics.fields import Content
from dispatch.topics.hospitals import HospitalReported
from dispatch.topics.placements import BatchProgressed
from dispatch.topics.transfers import (
    TransferBatchAmended,
    TransferBatchCancelled,
    TransferBatchRequested,
)
from tests.unit.domain.city_builder import (
    POSITIVE,
    RUN,
    WEST,
    SmallCity,
    at,
    febrile,
    hospital,
    transfer_unit,
    unit,
)

SEVERITIES = st.sampled_from(["critical", "severe", "ordinary", "mild"])
PATIENTS = st.dictionaries(
    st.sampled_from(["p1", "p2", "p3", "p4", "p5"]), SEVERITIES, min_size=1, max_size=4
)
UNITS = st.sampled_from(["T1", "T2", "N1"])
HOSPITALS = st.sampled_from(["d1", "d2", "site"])
BATCHES = st.sampled_from(["b1", "b1", "b1", "b2", "b3"])
YES = st.sampled_from([True, True, True, False])
# Rooms that a hospital reports: none, few, enough.
FREE = st.sampled_from([None, None, 0, 1, 4])

R = TypeVar("R", bound=Entity)


def receiving(hospital_id: str, longitude: float) -> Hospital:
    rooms = {"isolation": 2, "negative_pressure": 1, "icu": 1}
    return hospital(
        hospital_id, "designated", rooms=rooms, position=at(longitude), service="cases", bays=1
    )


class BatchLife(RuleBasedStateMachine):
    """Two batches and more that compete for three crews and a few beds."""

    def __init__(self) -> None:
        super().__init__()
        self.city = SmallCity(
            transfer_unit("T1"),
            transfer_unit("T2", staffed=False),
            unit("N1", vehicle="negative_pressure"),
            hospitals=[
                receiving("d1", 111.66),
                receiving("d2", 111.70),
                hospital("site", "isolation_site", rooms={"isolation_site": 3}),
            ],
        )
        self.calls = 0
        self.batches = 0
        self.making: dict[str, tuple[int, Plan]] = {}

    # -- what happens

    @initialize(patients=PATIENTS, data=st.data(), at_once=st.booleans())
    def a_first_batch(self, patients: dict[str, str], data: st.DataObject, at_once: bool) -> None:
        self.a_batch(patients, "confirmed", None, None)
        if at_once:
            self.the_planner_plans(data, 1)
            self.every_hospital_accepts()

    @rule(
        patients=PATIENTS,
        kind=st.sampled_from(["confirmed", "confirmed", "close_contact"]),
        only=st.sampled_from([None, None, ["d1"], ["d2", "site"]]),
        soon=st.sampled_from([None, None, 1_800, 7_200]),
    )
    def a_batch(
        self, patients: dict[str, str], kind: str, only: list[str] | None, soon: int | None
    ) -> None:
        self.batches += 1
        body: dict[str, Any] = {
            "batch_id": f"b{self.batches}",
            "at": self.city.now,
            "institution_id": "clinic",
            "district": WEST,
            "location": {"latitude": 40.8, "longitude": 111.61},
            "kind": kind,
            "patients": self.described(patients),
            "by": "clinic-1",
        }
        if only is not None:
            body["hospitals"] = only
        if soon is not None:
            body["complete_by"] = self.city.now + timedelta(seconds=soon)
        self.say(TransferBatchRequested.model_validate(body))

    @rule(
        batch_id=BATCHES,
        patients=st.one_of(st.just({}), PATIENTS),
        withdrawn=st.lists(st.sampled_from(["p1", "p2", "p3"]), max_size=2),
    )
    def a_batch_changes(
        self, batch_id: str, patients: dict[str, str], withdrawn: list[str]
    ) -> None:
        if patients or withdrawn:
            self.say(
                TransferBatchAmended.model_validate(
                    {
                        "batch_id": batch_id,
                        "at": self.city.now,
                        "by": "clinic-1",
                        "reason": "known better",
                        "patients": self.described(patients),
                        "withdrawn": withdrawn,
                    }
                )
            )

    @rule(batch_id=BATCHES)
    def a_batch_is_called_off(self, batch_id: str) -> None:
        self.say(
            TransferBatchCancelled(
                batch_id=batch_id, at=self.city.now, by="clinic-1", reason="not needed"
            )
        )

    @rule(data=st.data(), times=st.integers(1, 3))
    def the_planner_plans(self, data: st.DataObject, times: int) -> None:
        """Most often it is quicker than anything else."""
        for _ in range(times):
            self.the_planner_begins(data)
            self.the_planner_ends(data)

    @rule(data=st.data())
    def the_planner_begins(self, data: st.DataObject) -> None:
        city = self.city.city
        waiting = sorted(
            each.batch_id
            for each in city.batches.values()
            if needs_plan(each) and each.batch_id not in self.making
        )
        if not waiting:
            return
        batch = city.batches[data.draw(st.sampled_from(waiting))]
        city.begin(now=self.city.now, cause="")
        asked = problem(city, batch)
        plan = solve(asked, seconds=60, workers=1)
        assert not check_plan(asked, plan)
        self.making[batch.batch_id] = (batch.revision, plan)

    @rule(data=st.data())
    def the_planner_ends(self, data: st.DataObject) -> None:
        if self.making:
            batch_id = data.draw(st.sampled_from(sorted(self.making)))
            revision, plan = self.making.pop(batch_id)
            self.city.do(lambda city: batches.adopt(city, batch_id, revision, plan))

    @rule(data=st.data(), unit_id=UNITS, hospital_id=HOSPITALS, what=st.integers(0, 3))
    def something_happens_while_a_plan_is_made(
        self, data: st.DataObject, unit_id: str, hospital_id: str, what: int
    ) -> None:
        self.the_planner_begins(data)
        if what == 0:
            self.say(self.city.reported(unit_id, staffed=False))
        elif what == 1:
            self.a_hospital_reports(hospital_id, closed=True, free=None)
        elif what == 2:
            self.a_hospital_reports(hospital_id, closed=False, free=0)
        else:
            self.a_batch({"p1": "severe"}, "confirmed", None, None)
            self.the_planner_begins(data)
        while self.making:
            self.the_planner_ends(data)

    @rule(data=st.data(), yes=YES)
    def a_hospital_answers(self, data: st.DataObject, yes: bool) -> None:
        known = self.every(Offer)
        if known:
            asked = [each for each in known if each.status == "open"]
            offer_id = data.draw(st.sampled_from(asked * 4 + known[-4:])).offer_id
            self.say(self.city.accepts(offer_id) if yes else self.city.refuses(offer_id))

    @rule()
    def every_hospital_accepts(self) -> None:
        for offer in self.every(Offer):
            if offer.status == "open":
                self.say(self.city.accepts(offer.offer_id))

    @rule(hospital_id=HOSPITALS, closed=st.sampled_from([False, False, True]), free=FREE)
    def a_hospital_reports(self, hospital_id: str, closed: bool, free: int | None) -> None:
        more: dict[str, Any] = {"status": "closed" if closed else "open"}
        if free is not None:
            rooms = self.city.city.hospitals[hospital_id].rooms
            more["rooms"] = dict.fromkeys(rooms, free)
        self.attempt(lambda: self.city.report_hospital(hospital_id, **more))

    @rule(hospital_id=st.sampled_from(["d1", "d2"]), cases=st.booleans())
    def a_hospital_is_for_others(self, hospital_id: str, cases: bool) -> None:
        now = self.city.city.hospitals[hospital_id].service
        steps = ["emptying", "emptied", "cases"] if cases else ["ordinary"]
        for step in steps[steps.index(now) + 1 if now in steps else 0 :]:
            self.say(
                HospitalReported.model_validate(
                    {"hospital_id": hospital_id, "at": self.city.now, "service": step}
                )
            )

    @rule(data=st.data())
    def a_handover_is_diverted(self, data: st.DataObject) -> None:
        known = self.every(Handover)
        if known:
            self.say(self.city.diverts(data.draw(st.sampled_from(known[-4:]))))

    @rule(unit_id=UNITS, times=st.integers(1, 8))
    def a_unit_goes_on(self, unit_id: str, times: int) -> None:
        for _ in range(times):
            self.next_of(unit_id)

    @rule()
    def everybody_goes_on(self) -> None:
        for unit_id in sorted(self.city.city.units):
            for _ in range(8):
                self.next_of(unit_id)

    @rule(unit_id=UNITS, status=st.sampled_from(["out_of_service", "off_duty", "available"]))
    def a_unit_comes_or_goes(self, unit_id: str, status: str) -> None:
        self.say(self.city.reported(unit_id, status=status))

    @rule(unit_id=UNITS, staffed=YES)
    def a_crew_comes_or_goes(self, unit_id: str, staffed: bool) -> None:
        self.say(self.city.reported(unit_id, staffed=staffed))

    @rule(
        unit_id=UNITS,
        ending=st.sampled_from(
            [
                ("refused", "vehicle_fault"),
                ("aborted", "vehicle_fault"),
                ("aborted", "patient_cancelled"),
                ("empty", "patient_left"),
            ]
        ),
    )
    def a_run_ends(self, unit_id: str, ending: tuple[str, str]) -> None:
        if self.city.unit(unit_id).assignment_id is not None:
            self.attempt(lambda: self.city.end(unit_id, *ending))

    @rule(condition=st.sampled_from(["stable", "critical"]))
    def a_call(self, condition: str) -> None:
        self.calls += 1
        self.say(
            febrile(
                f"c{self.calls}",
                POSITIVE,
                received_at=self.city.now,
                patient={"condition": condition},
            )
        )

    @rule(data=st.data(), what=st.sampled_from(["cancelled", "held", "resumed", "called_off"]))
    def a_word_on_a_trip(self, data: st.DataObject, what: str) -> None:
        self.say(getattr(self.city, what)(self.some_incident(data)))

    @rule(
        data=st.data(),
        choice=st.fixed_dictionaries(
            {}, optional={"unit_id": UNITS, "hospital_id": HOSPITALS}
        ).filter(bool),
    )
    def an_override(self, data: st.DataObject, choice: dict[str, Any]) -> None:
        self.say(self.city.overridden(self.some_incident(data), **choice))

    @rule(data=st.data())
    def a_case_is_found(self, data: st.DataObject) -> None:
        busy = sorted(u.unit_id for u in self.city.city.units.values() if u.assignment_id)
        if busy:
            self.attempt(lambda: self.city.find(data.draw(st.sampled_from(busy))))

    @rule(mode=st.sampled_from(["epidemic", "routine"]))
    def a_mode(self, mode: Any) -> None:
        self.attempt(lambda: self.city.switch(mode))

    @rule(seconds=st.sampled_from([1, 61, 130, 400, 1_900, 8_000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.city.pass_time(seconds)

    @precondition(lambda self: self.city.timers)
    @rule(data=st.data())
    def a_timer_fires_late_or_again(self, data: st.DataObject) -> None:
        timer = data.draw(st.sampled_from(sorted(self.city.timers.values(), key=str)))
        if timer.due_at <= self.city.now:
            self.city.fire(timer)

    # -- what holds

    @invariant()
    def units_are_on_one_run(self) -> None:
        runs = defaultdict(list)
        for run in self.city.city.assignments.values():
            if run.ended_at is None:
                runs[run.unit_id].append(run.assignment_id)
        for each in self.city.city.units.values():
            assert runs[each.unit_id] == ([each.assignment_id] if each.assignment_id else [])

    @invariant()
    def no_unit_is_planned_twice_at_a_time(self) -> None:
        planned = defaultdict(list)
        for batch in self.open_batches():
            if not needs_plan(batch):
                for trip in batch.trips:
                    if trip.status == "waiting":
                        planned[trip.unit_id].append((trip.depart_at, trip.free_at))
        for times in planned.values():
            times.sort()
            for (_, free_at), (depart_at, _) in pairwise(times):
                assert free_at <= depart_at

    @invariant()
    def beds_are_promised_once_and_to_who_still_needs_them(self) -> None:
        city = self.city.city
        standing = [each for each in city.reservations.values() if each.ended_at is None]
        promised = Counter((each.hospital_id, each.room, each.place) for each in standing)
        promised.update(
            (each.hospital_id, each.room, each.place)
            for each in city.handovers.values()
            if each.ended_at is None and each.place is not None
        )
        assert set(promised.values()) <= {1}
        for each in standing:
            assert f"reservation/{each.reservation_id}" in self.city.timers
            if each.owner in city.batches:
                batch = city.batches[each.owner]
                assert batch.ended_at is None
                assert each.patient_id not in batch.arrived
                if each.patient_id in batch.withdrawn:
                    # Let go with the next plan.
                    assert needs_plan(batch)
            else:
                assert city.transfers[each.owner].ended_at is None
        of = Counter((each.owner, each.patient_id) for each in standing)
        assert set(of.values()) <= {1}

    @invariant()
    def a_batch_counts_each_patient_once(self) -> None:
        for batch in self.every_batch():
            patients = [patient.patient_id for patient in batch.patients]
            assert len(set(patients)) == len(patients)
            started, withdrawn = set(batch.started), set(batch.withdrawn)
            for names in (batch.started, batch.withdrawn, batch.arrived):
                assert len(set(names)) == len(names)
            assert set(batch.arrived) <= started
            assert not started & withdrawn
            assert started | withdrawn <= set(patients)
            if batch.ended_at is not None:
                assert set(batch.arrived) | withdrawn == set(patients)
                assert batch.status in ("completed", "cancelled")

    @invariant()
    def the_last_word_to_an_institution_is_true(self) -> None:
        told = {
            emission.event.batch_id: emission.event
            for emission in self.city.history
            if isinstance(emission.event, BatchProgressed)
        }
        for batch in self.every_batch():
            last = told[batch.batch_id]
            assert last.status == batch.status
            assert last.arrived == len(batch.arrived)
            assert last.on_the_way == len(batch.started) - len(batch.arrived)
            staying = len(batch.withdrawn)
            assert last.arrived + last.on_the_way + last.waiting + last.unplaced + staying == len(
                batch.patients
            )
            assert last.waiting >= 0

    @invariant()
    def who_has_started_is_on_a_trip(self) -> None:
        city = self.city.city
        for batch in self.every_batch():
            moving = Counter(
                patient.patient_id
                for transfer in self.transfers_of(batch)
                if transfer.status != "cancelled"
                for patient in transfer.patients
            )
            # Whoever has died or declined on the way is on a trip that was called off.
            assert set(moving) == set(batch.started)
            assert set(moving.values()) <= {1}
            for trip in batch.trips:
                if trip.status == "started":
                    incident = city.incidents[f"{batch.batch_id}.T{trip.number}"]
                    assert incident.status != "closed"

    @invariant()
    def nothing_of_an_ended_batch_is_asked_or_kept(self) -> None:
        ended = {each.batch_id for each in self.every_batch() if each.ended_at is not None}
        for offer in self.every(Offer):
            assert offer.status != "open" or offer.owner not in ended
        for reservation in self.every(Reservation):
            assert reservation.ended_at is not None or reservation.owner not in ended
        for batch_id in ended:
            for kind in TIMERS:
                assert f"{kind}/{batch_id}" not in self.city.timers

    @invariant()
    def an_open_offer_has_its_beds_and_its_time(self) -> None:
        city = self.city.city
        for offer in city.offers.values():
            if offer.status == "open":
                assert f"offer/{offer.offer_id}" in self.city.timers
                batch = city.batches.get(offer.owner)
                if batch is not None and not needs_plan(batch):
                    held = Counter(
                        each.room
                        for each in city.owned(offer.owner)
                        if isinstance(each, Reservation)
                        and each.offer_id == offer.offer_id
                        and each.ended_at is None
                    )
                    assert held
                    assert all(held[room] <= offer.rooms[room] for room in held)

    @invariant()
    def no_batch_waits_silently(self) -> None:
        for batch in self.open_batches():
            if needs_plan(batch):
                assert f"batch/{batch.batch_id}" in self.city.timers
                continue
            waiting = [trip for trip in batch.trips if trip.status == "waiting"]
            gone = {*batch.started, *batch.withdrawn}
            unplaced = {who for who, _ in batch.unplaced} - gone
            assert bool(waiting) == (f"batch/{batch.batch_id}" in self.city.timers)
            assert bool(unplaced) == (f"batch_search/{batch.batch_id}" in self.city.timers)
            under_way = [trip for trip in batch.trips if trip.status == "started"]
            assert waiting or unplaced or under_way
            # Everybody is somewhere.
            planned = {patient for trip in waiting for patient in trip.beds}
            everybody = {patient.patient_id for patient in batch.patients}
            assert planned | unplaced | gone == everybody
            assert not planned & (unplaced | gone)

    @invariant()
    def a_plan_in_force_uses_what_is_there(self) -> None:
        city = self.city.city
        for batch in self.open_batches():
            if needs_plan(batch):
                continue
            for trip in batch.trips:
                if trip.status == "waiting":
                    planned = city.units[trip.unit_id]
                    assert planned.status not in ("out_of_service", "off_duty")
                    assert planned.staffed
                    receiving = city.hospitals[trip.hospital_id]
                    assert receiving.status != "closed"
                    if batch.kind == "confirmed":
                        assert receiving.service == "cases"

    def teardown(self) -> None:
        for (kind, _), entity in self.city._archive.items():
            assert codec.load(kind.__name__, codec.dump(entity)) == entity

    # -- the hands that do it

    def every(self, kind: type[R]) -> list[R]:
        """Return all records of a kind, in memory or forgotten, by their ids."""
        known = sorted(key for of, key in self.city._archive if of is kind)
        return [self.city.known(kind, key) for key in known]

    def every_batch(self) -> list[Batch]:
        return self.every(Batch)

    def open_batches(self) -> list[Batch]:
        return [
            each
            for each in self.city.city.batches.values()
            if each.ended_at is None and each.status != "cancelled"
        ]

    def transfers_of(self, batch: Batch) -> list[Transfer]:
        return [each for each in self.every(Transfer) if each.batch_id == batch.batch_id]

    def described(self, patients: dict[str, str]) -> list[dict[str, Any]]:
        return [
            {"patient_id": patient_id, "severity": severity, "mobility": "walking"}
            for patient_id, severity in patients.items()
        ]

    def some_incident(self, data: st.DataObject) -> str:
        known = sorted(self.city.city.incidents)
        return data.draw(st.sampled_from(known)) if known else "c1"

    def say(self, event: Content) -> None:
        self.attempt(lambda: self.city.say(event))

    def attempt(self, action: Any) -> None:
        try:
            action()
        except (Rejected, Duplicate):
            return

    def next_of(self, unit_id: str) -> None:
        now = self.city.unit(unit_id)
        if now.job_id is not None:
            self.attempt(lambda: self.city.disinfect(unit_id))
        elif now.status == "at_hospital":
            self.attempt(lambda: self.city.hand_over(unit_id))
        elif now.status == "ordered":
            self.say(self.city.reported(unit_id, status="rolling"))
        elif now.status in RUN:
            self.say(self.city.reported(unit_id, status=RUN[RUN.index(now.status) + 1]))
        elif now.status == "handed_over":
            self.say(self.city.reported(unit_id, status="returning"))
        elif now.status in ("returning", "out_of_service", "off_duty"):
            self.say(self.city.reported(unit_id, status="available"))


TestBatchLife = BatchLife.TestCase
TestBatchLife.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
