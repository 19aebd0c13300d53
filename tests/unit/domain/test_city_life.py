"""The rules hold after every step of any life of a city: random inputs, legal and illegal."""

from collections import Counter, defaultdict
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dispatch.domain.city import Duplicate, Rejected
from dispatch.domain.handover import current, is_due
from dispatch.domain.incidents import active_assignments, units_needed, wanted_crew
from dispatch.domain.lifecycle import REPORTED
from dispatch.domain.model import Assignment, Clock, Handover, Incident, Job, Offer, Report
from dispatch.domain.roster import objection
from dispatch.policy.pack import load_pack
from dispatch.store import codec
from dispatch.topics.fields import Content
from tests.unit.domain.city_builder import (
    ALL_NO,
    EAST,
    MIDDLE,
    POSITIVE,
    UNDETERMINED,
    WEST,
    SmallCity,
    at,
    call,
    hospital,
    transfer_unit,
    unit,
    usual_hospitals,
    wanted,
)

CONDITIONS = st.sampled_from(["stable", "stable", "critical", "unknown"])
YES = st.sampled_from([True, True, True, False])
CASES = st.sampled_from(["none", "none", "none", "suspected", "confirmed"])
SYMPTOMS = st.sampled_from([[], ["fever"], ["cough", "fever"]])
HISTORIES = st.sampled_from([{}, {"travel": "no"}, ALL_NO, POSITIVE, UNDETERMINED])
STATUSES = st.sampled_from(sorted(REPORTED))
ENDINGS = st.sampled_from(
    [
        ("refused", "vehicle_fault"),
        ("aborted", "vehicle_fault"),
        ("aborted", "patient_cancelled"),
        ("empty", "patient_left"),
        ("empty", "vehicle_fault"),
    ]
)
NEXT = {
    "ordered": "rolling",
    "rolling": "on_scene",
    "on_scene": "transporting",
    "transporting": "at_hospital",
    "returning": "available",
    "out_of_service": "available",
    "off_duty": "available",
}


def fleet() -> list[Any]:
    return [
        unit("R1", vehicle="negative_pressure"),
        unit("R2", district=MIDDLE, station=at(111.7)),
        unit("R3", district=EAST, station=at(111.8)),
        transfer_unit("T1"),
        transfer_unit("T2", district=MIDDLE, station=at(111.7)),
    ]


class CityLife(RuleBasedStateMachine):
    """Consoles, crews, hospitals and the clock, each doing anything at any time."""

    pack_name: ClassVar[str] = "covid-19"

    def __init__(self) -> None:
        super().__init__()
        self.city = SmallCity(
            *fleet(),
            pack=load_pack(self.pack_name),
            hospitals=[
                *usual_hospitals(),
                hospital("small", "ordinary", position=at(111.61), rooms={"emergency": 1}),
                hospital("site", "isolation_site", rooms={"isolation_site": 5}),
                hospital("homes", "community", rooms={"follow_up": 3}),
                hospital("wards", "ordinary", district=EAST, rooms={"ward": 2}),
            ],
        )
        self.calls = 0
        self.transfers = 0
        self.refused = 0
        self.checked = 0
        self.ids: set[str] = set()
        self.decided: set[str] = set()
        self.closed: set[str] = set()
        self.escalated: set[str] = set()

    # -- what happens

    @rule(
        condition=CONDITIONS,
        case_status=CASES,
        symptoms=SYMPTOMS,
        history=HISTORIES,
        patients=st.sampled_from([None, 1, 1, 2, 3]),
        longitude=st.sampled_from([111.60, 111.60, 111.70, 111.85]),
        institution=st.sampled_from([None, None, None, "I1"]),
        phone=st.sampled_from([None, "1", "2"]),
    )
    def a_call(
        self,
        *,
        condition: str,
        case_status: str,
        symptoms: list[str],
        history: dict[str, str],
        patients: int | None,
        longitude: float,
        institution: str | None,
        phone: str | None,
    ) -> None:
        self.calls += 1
        caller: dict[str, Any] = {"kind": "public"}
        if institution is not None:
            caller = {
                "kind": "institution",
                "institution_id": institution,
                "can_admit_suspected": False,
            }
        if phone is not None:
            caller["phone"] = phone
        body: dict[str, Any] = {"patient_count": patients} if patients is not None else {}
        self.say(
            call(
                f"c{self.calls}",
                received_at=self.city.now,
                patient={
                    "condition": condition,
                    "case_status": case_status,
                    "symptoms": symptoms,
                },
                caller=caller,
                district={111.60: WEST, 111.70: MIDDLE}.get(longitude, EAST),
                location={"latitude": 40.8, "longitude": longitude},
                epidemiology=history,
                **body,
            )
        )

    @rule(
        data=st.data(),
        kind=st.sampled_from(
            ["confirmed", "confirmed", "febrile", "close_contact", "recovered", "in_patient"]
        ),
        history=HISTORIES,
        patients=st.lists(
            st.fixed_dictionaries(
                {"severity": st.sampled_from(["critical", "severe", "ordinary", "mild"])},
                optional={"needs": st.sampled_from([["oxygen"], ["ventilator"], ["paralysis"]])},
            ),
            min_size=1,
            max_size=3,
        ),
        wish=st.sampled_from([None, None, "reserve", "site"]),
    )
    def a_transfer(
        self,
        *,
        data: st.DataObject,
        kind: str,
        history: dict[str, str],
        patients: list[dict[str, Any]],
        wish: str | None,
    ) -> None:
        again = data.draw(st.sampled_from([False] * 9 + [True]))
        self.transfers += not again
        more: dict[str, Any] = {} if wish is None else {"hospital_id": wish}
        if history:
            more["epidemiology"] = history
        self.say(wanted(f"t{self.transfers}", *patients, at=self.city.now, kind=kind, **more))

    @rule(data=st.data(), proposal=st.sampled_from([None, "reserve", "small"]), yes=YES)
    def a_hospital_answers_an_offer(
        self, data: st.DataObject, proposal: str | None, yes: bool
    ) -> None:
        known = sorted(key for kind, key in self.city._archive if kind is Offer)
        if known:
            open_ones = [key for key in known if self.city.offer(key).status == "open"]
            offer_id = data.draw(st.sampled_from(open_ones * 4 + known[-4:]))
            self.say(self.city.accepts(offer_id) if yes else self.city.refuses(offer_id, proposal))

    @rule(data=st.data())
    def an_institution_cancels(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(max(1, self.transfers - 3), self.transfers + 1))
        self.say(self.city.called_off(f"t{number}"))

    @rule(
        data=st.data(),
        answers=st.fixed_dictionaries(
            {},
            optional={
                "condition": CONDITIONS,
                "case_status": CASES,
                "symptoms": SYMPTOMS,
                "epidemiology": HISTORIES,
            },
        ).filter(bool),
    )
    def an_answer(self, data: st.DataObject, answers: dict[str, Any]) -> None:
        self.attempt(lambda: self.city.answer(self.some_call(data), **answers))

    @rule(
        data=st.data(),
        what=st.sampled_from(["cancelled", "held", "resumed", "unlinked", "waived"]),
    )
    def a_word_of_the_dispatcher(self, data: st.DataObject, what: str) -> None:
        self.say(getattr(self.city, what)(self.some_call(data)))

    @rule(
        data=st.data(),
        choice=st.fixed_dictionaries(
            {},
            optional={
                "unit_id": st.sampled_from(["R1", "R2", "R3", "T1", "T2", "R9"]),
                "crew": st.sampled_from(["regular", "transfer"]),
                "hospital_id": st.sampled_from(["designated", "second", "small", "nowhere"]),
            },
        ).filter(bool),
    )
    def an_override(self, data: st.DataObject, choice: dict[str, Any]) -> None:
        self.say(self.city.overridden(self.some_call(data), **choice))

    @rule(data=st.data(), times=st.integers(1, 6))
    def a_unit_goes_on(self, data: st.DataObject, times: int) -> None:
        """The crew does what comes next, so that runs come to their end."""
        unit_id = data.draw(st.sampled_from(sorted(self.city.city.units)))
        for _ in range(times):
            self.next_of(unit_id)

    @rule(data=st.data(), status=STATUSES)
    def a_unit_reports_any_status(self, data: st.DataObject, status: str) -> None:
        unit_id = data.draw(st.sampled_from(sorted(self.city.city.units)))
        self.say(self.city.reported(unit_id, status=status))

    @rule(
        data=st.data(),
        staffed=st.sampled_from([None, None, True, False]),
        longitude=st.sampled_from([111.60, 111.66, 111.72]),
    )
    def a_unit_is_somewhere(
        self, data: st.DataObject, staffed: bool | None, longitude: float
    ) -> None:
        unit_id = data.draw(st.sampled_from(sorted(self.city.city.units)))
        more: dict[str, Any] = {} if staffed is None else {"staffed": staffed}
        self.say(self.city.reported(unit_id, position=at(longitude), **more))

    @rule(data=st.data(), ending=ENDINGS)
    def a_run_ends(self, data: st.DataObject, ending: tuple[str, str]) -> None:
        unit_id = self.busy_unit(data)
        if unit_id is not None:
            self.attempt(lambda: self.city.end(unit_id, *ending))

    @rule(data=st.data(), found=st.sampled_from(["suspected", "confirmed"]))
    def a_crew_finds_a_case(self, data: st.DataObject, found: str) -> None:
        unit_id = self.busy_unit(data)
        if unit_id is not None:
            self.attempt(lambda: self.city.find(unit_id, case_status=found))

    @rule(
        data=st.data(),
        what=st.sampled_from(["acknowledges", "diverts", "hospital_signs", "crew_signs", "found"]),
    )
    def a_hospital_or_crew_deals_with_a_handover(self, data: st.DataObject, what: str) -> None:
        known = sorted(key for kind, key in self.city._archive if kind is Handover)
        if known:
            handover = self.city.known(Handover, data.draw(st.sampled_from(known[-8:])))
            self.say(getattr(self.city, what)(handover))

    @rule(data=st.data(), positive=st.booleans())
    def a_result(self, data: st.DataObject, positive: bool) -> None:
        known = sorted(key for kind, key in self.city._archive if kind is Handover)
        if known:
            handover = self.city.known(Handover, data.draw(st.sampled_from(known[-8:])))
            self.say(self.city.result(handover, positive=positive))

    @rule(data=st.data(), measured=st.sampled_from([90, 900]))
    def a_crew_observes(self, data: st.DataObject, measured: int) -> None:
        unit_id = self.busy_unit(data)
        if unit_id is not None:
            self.say(self.city.observed(unit_id, heart_rate_per_minute=measured))

    @rule(data=st.data())
    def a_patient_dies(self, data: st.DataObject) -> None:
        unit_id = self.busy_unit(data)
        if unit_id is not None:
            self.attempt(lambda: self.city.say(self.city.died(unit_id)))

    @rule(data=st.data(), what=st.sampled_from(["acknowledges", "surveys"]))
    def the_commission_deals_with_a_report(self, data: st.DataObject, what: str) -> None:
        reports = sorted(key for kind, key in self.city._archive if kind is Report)
        if reports:
            report = self.city.known(Report, data.draw(st.sampled_from(reports[-8:])))
            if what == "acknowledges":
                self.say(self.city.report_acknowledged(report.report_id))
            else:
                self.say(self.city.surveyed(report.owner))

    @rule(data=st.data(), unit_id=st.sampled_from(["R1", "T1"]))
    def a_crew_is_infected(self, data: st.DataObject, unit_id: str) -> None:
        self.say(self.city.infected(self.some_call(data), unit_id))

    @rule(data=st.data(), weak=st.booleans())
    def a_certificate(self, data: st.DataObject, weak: bool) -> None:
        jobs = sorted(key for kind, key in self.city._archive if kind is Job)
        if jobs:
            job = self.city.known(Job, data.draw(st.sampled_from(jobs[-8:])))
            agent = self.city.pack.disinfection.required_agent
            least = self.city.pack.disinfection.minimums[agent]
            self.say(
                self.city.certificate(
                    job.unit_id,
                    job_id=job.job_id,
                    agent=agent,
                    concentration=least.min_concentration / (2 if weak else 1),
                    contact_minutes=least.min_minutes,
                    started_at=self.city.now.replace(hour=0),
                )
            )

    @rule(
        hospital_id=st.sampled_from(
            ["designated", "reserve", "general", "second", "small", "site", "wards"]
        ),
        status=st.sampled_from(["open", "open", "advisory", "closed"]),
        rooms=st.sampled_from([None, 0, 1, 3]),
    )
    def a_hospital_reports(self, hospital_id: str, status: str, rooms: int | None) -> None:
        more: dict[str, Any] = {"status": status}
        if rooms is not None:
            known = self.city.city.hospitals[hospital_id].rooms
            more["rooms"] = dict.fromkeys(known, rooms)
        self.attempt(lambda: self.city.report_hospital(hospital_id, **more))

    @rule(mode=st.sampled_from(["epidemic", "routine"]))
    def a_mode(self, mode: Any) -> None:
        self.attempt(lambda: self.city.switch(mode))

    @rule(seconds=st.sampled_from([1, 30, 61, 130, 400, 2_000, 8_000]))
    def time_passes(self, seconds: int) -> None:
        self.city.pass_time(seconds)

    @precondition(lambda self: self.city.timers)
    @rule(data=st.data())
    def a_timer_fires_although_its_subject_moved_on(self, data: st.DataObject) -> None:
        timer = data.draw(st.sampled_from(sorted(self.city.timers.values(), key=str)))
        if timer.due_at <= self.city.now:
            self.city.fire(timer)

    # -- what holds

    @invariant()
    def units_agree_with_their_runs_and_jobs(self) -> None:
        city = self.city.city
        runs = defaultdict(list)
        for assignment in city.assignments.values():
            if assignment.ended_at is None:
                runs[assignment.unit_id].append(assignment.assignment_id)
        jobs = defaultdict(list)
        for job in city.jobs.values():
            if job.owed:
                # Until the hospital has signed, the run has the unit.
                run = city.assignments[job.assignment_id]
                assert run.ended_at is None
                assert run.disinfection == "terminal"
            elif job.ended_at is None:
                jobs[job.unit_id].append(job.job_id)
        for each in city.units.values():
            assert runs[each.unit_id] == ([each.assignment_id] if each.assignment_id else [])
            assert jobs[each.unit_id] == ([each.job_id] if each.job_id else [])
            assert not (each.assignment_id and each.job_id)
            on_a_run = each.status in ("ordered", *("rolling", "on_scene")) or each.status in (
                "transporting",
                "at_hospital",
            )
            assert on_a_run == (each.assignment_id is not None)

    @invariant()
    def rooms_are_promised_once(self) -> None:
        city = self.city.city
        promised = Counter(
            (handover.hospital_id, handover.room, handover.place)
            for handover in city.handovers.values()
            if handover.ended_at is None and handover.place is not None
        )
        promised.update(
            (reservation.hospital_id, reservation.room, reservation.place)
            for reservation in city.reservations.values()
            if reservation.ended_at is None
        )
        assert set(promised.values()) <= {1}
        assert sum(promised.values()) == sum(map(len, city._promised.values()))

    @invariant()
    def what_is_looked_up_is_what_a_look_at_everything_finds(self) -> None:
        city = self.city.city
        free = {key for key, each in city.units.items() if objection(each) is None}
        assert set(city.roster._free) == free
        for hospital_id in city.hospitals:
            assert set(city.arrivals.at(hospital_id)) == {
                key
                for key, each in city.handovers.items()
                if each.ended_at is None and each.hospital_id == hospital_id
            }
        under_way = [run for run in city.assignments.values() if run.ended_at is None]
        assert set(city.arrivals.sought()) == {
            run.assignment_id
            for run in under_way
            if is_due(city, run) and current(city, run) is None
        }
        taken = Counter(job.centre_id for job in city.jobs.values() if job.ended_at is None)
        assert city.taken_bays == taken

    @invariant()
    def nobody_waits_silently(self) -> None:
        kinds = defaultdict(set)
        for timer in self.city.timers.values():
            kinds[timer.subject].add(timer.kind)
        for incident in self.city.city.incidents.values():
            has = kinds[incident.incident_id]
            if incident.status == "waiting":
                assert "queue" in has
                assert incident.waiting_for is not None
                if incident.waiting_for == "transfer_crew":
                    assert "transfer_wait" in has
            elif incident.status == "screening":
                assert "screening" in has
            elif incident.status == "held":
                assert "hold" in has
                assert not active_assignments(self.city.city, incident)
            else:
                assert not has & {"queue", "transfer_wait", "hold"}
        for handover in self.city.city.handovers.values():
            if handover.status == "announced":
                has = kinds[handover.handover_id]
                waits = {"handover_remind", "handover_next", "handover_unanswered"}
                assert has & waits or handover.handover_id in self.escalated

    @invariant()
    def a_transfer_is_arranged_before_anybody_moves(self) -> None:
        """No bed is kept and no hospital asked for nobody; who is unplaced is looked for again."""
        city = self.city.city
        carried = {
            (run.incident_id, patient)
            for run in city.assignments.values()
            if run.ended_at is None
            for patient in run.patients
        }
        for offer in city.offers.values():
            if offer.status == "open":
                transfer = city.transfers[offer.owner]
                assert (transfer.ended_at, transfer.offer_id) == (None, offer.offer_id)
                assert city.incidents[offer.owner].status == "arranging"
                assert f"offer/{offer.offer_id}" in self.city.timers
        for reservation in city.reservations.values():
            if reservation.ended_at is not None:
                continue
            transfer = city.transfers[reservation.owner]
            assert transfer.ended_at is None
            assert f"reservation/{reservation.reservation_id}" in self.city.timers
            if reservation.status == "held":
                assert reservation.offer_id is not None
                assert city.offers[reservation.offer_id].status == "open"
            elif (reservation.owner, reservation.patient_id) not in carried:
                assert transfer.status == "accepted"
        for transfer in city.transfers.values():
            arranging = city.incidents[transfer.transfer_id].status == "arranging"
            if transfer.ended_at is None and arranging:
                asked = transfer.offer_id is not None
                assert asked == (transfer.status == "offered")
                looked_for = f"transfer_search/{transfer.transfer_id}" in self.city.timers
                assert looked_for == (transfer.status == "unplaced") != asked

    @invariant()
    def a_report_is_sent_again_until_it_is_acknowledged(self) -> None:
        for kind, key in self.city._archive:
            if kind is Report:
                report = self.city.known(Report, key)
                waits = f"report/{report.report_id}" in self.city.timers
                assert waits == (report.acknowledged_by is None)

    @invariant()
    def every_case_is_reported_and_surveyed(self) -> None:
        city = self.city.city
        for incident in city.incidents.values():
            if incident.case_status != "none" and incident.transfer_kind is None:
                papers = city.owned(incident.incident_id)
                assert any(isinstance(each, Report) for each in papers)
                surveys = [each for each in papers if isinstance(each, Clock)]
                assert sum(clock.kind == "survey" for clock in surveys) == 1

    @invariant()
    def nothing_owed_is_forgotten(self) -> None:
        city = self.city.city
        for incident in city.incidents.values():
            active = active_assignments(city, incident)
            if incident.status == "closed":
                assert not active
                continue
            if incident.status == "assigned":
                assert active
                assert units_needed(city, incident) == 0
            if incident.status == "waiting":
                assert units_needed(city, incident) > 0
            if wanted_crew(incident) is not None and incident.status != "held":
                assert active or units_needed(city, incident) > 0

    @invariant()
    def a_free_unit_serves_who_waits(self) -> None:
        """Nobody waits for a unit while one that would do is free."""
        city = self.city.city
        free = [
            each
            for each in city.units.values()
            if each.status in ("available", "returning")
            and each.staffed
            and not each.assignment_id
            and not each.job_id
        ]
        for incident_id in city.waiting:
            incident = city.incidents[incident_id]
            crew = wanted_crew(incident)
            for each in free:
                if each.crew == crew or city.mode == "routine":
                    assert incident.waiting_for == "transfer_crew"
                    assert each.crew != "transfer"
                elif crew == "transfer":
                    assert incident.waiting_for == "transfer_crew"
                else:
                    assert incident.condition == "stable"

    @invariant()
    def each_call_is_in_one_incident(self) -> None:
        city = self.city.city
        of = Counter(call_id for i in city.incidents.values() for call_id in i.calls)
        assert set(of.values()) <= {1}
        for record in city.calls.values():
            assert record.call_id in city.incidents[record.incident_id].calls

    @invariant()
    def patients_get_their_units(self) -> None:
        for kind, key in list(self.city._archive):
            if kind is Incident:
                incident = self.city.known(Incident, key)
                runs = [self.city.known(Assignment, each) for each in incident.assignments]
                active = sum(run.ended_at is None for run in runs)
                assert active <= incident.patient_count
                if incident.outcome == "completed":
                    done = sum(run.outcome in ("completed", "empty", "aborted") for run in runs)
                    each_carries = 1
                    if incident.transfer_kind is not None:
                        policy = self.city.pack.transfers.kinds[incident.transfer_kind]
                        each_carries = policy.patients_per_vehicle
                    assert done * each_carries >= incident.patient_count

    @invariant()
    def events_have_ids_of_their_own_and_come_in_order(self) -> None:
        for emission in self.city.history[self.checked :]:
            assert emission.event_id not in self.ids
            self.ids.add(emission.event_id)
            event: Any = emission.event
            name = event.event_type
            if name == "call.decided":
                assert event.incident_id not in self.closed
                self.decided.add(event.incident_id)
            elif name == "incident.assigned":
                assert event.incident_id in self.decided - self.closed
            elif name == "incident.closed":
                assert event.incident_id not in self.closed
                self.closed.add(event.incident_id)
            elif name == "escalation.raised":
                self.escalated.add(event.subject)
        self.checked = len(self.city.history)

    def teardown(self) -> None:
        for (kind, _), entity in self.city._archive.items():
            assert codec.load(kind.__name__, codec.dump(entity)) == entity

    # -- the hands that do it

    def say(self, event: Content) -> None:
        self.attempt(lambda: self.city.say(event))

    def attempt(self, action: Any) -> None:
        try:
            action()
        except (Rejected, Duplicate):
            self.refused += 1

    def some_call(self, data: st.DataObject) -> str:
        """Return a call of late, seldom one that never came."""
        if self.transfers and data.draw(st.booleans()):
            return f"t{data.draw(st.integers(1, self.transfers + 1))}"
        number = data.draw(st.integers(max(1, self.calls - 6), self.calls + 1))
        return f"c{number}"

    def busy_unit(self, data: st.DataObject) -> str | None:
        busy = sorted(u.unit_id for u in self.city.city.units.values() if u.assignment_id)
        return data.draw(st.sampled_from(busy)) if busy else None

    def next_of(self, unit_id: str) -> None:
        now = self.city.unit(unit_id)
        if now.job_id is not None:
            agent = self.city.pack.disinfection.required_agent
            least = self.city.pack.disinfection.minimums[agent]
            self.city.pass_time(least.min_minutes * 60)
            if self.city.unit(unit_id).job_id is not None:
                ordered_at = self.city.job(unit_id).ordered_at
                self.say(
                    self.city.certificate(
                        unit_id,
                        agent=agent,
                        concentration=least.min_concentration,
                        contact_minutes=least.min_minutes,
                        started_at=ordered_at,
                    )
                )
        elif now.status == "handed_over":
            self.say(self.city.reported(unit_id, status="returning"))
        elif now.status == "at_hospital":
            self.attempt(lambda: self.city.hand_over(unit_id))
        elif now.status in NEXT:
            self.say(self.city.reported(unit_id, status=NEXT[now.status]))


class CityLifeOfInfluenza(CityLife):
    pack_name = "influenza-a-h1n1-2009"


_SETTINGS = settings(
    max_examples=60,
    stateful_step_count=45,
    suppress_health_check=list(HealthCheck),
)
TestCityLife = CityLife.TestCase
TestCityLife.settings = _SETTINGS
TestCityLifeOfInfluenza = CityLifeOfInfluenza.TestCase
TestCityLifeOfInfluenza.settings = settings(_SETTINGS, max_examples=15)
