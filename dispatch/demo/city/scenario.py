"""The demo's day: who calls when, what the dispatchers do, and what goes wrong.

Written as a timetable in minutes after the start. What depends on how the day goes (a unit that is
free, an announcement that is out) waits for the event that makes it possible, so that every story
comes true whatever the seed.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from dispatch.demo.board import Board
from dispatch.demo.city.callers import (
    CONTACT,
    EVERYDAY,
    FEVER,
    FEVER_SYMPTOMS,
    NEGATIVE,
    UNSURE,
    Person,
    Population,
    call_of,
    institution,
)
from dispatch.simulation.agenda import Action
from dispatch.simulation.seen import Seen
from dispatch.simulation.stage import Stage
from dispatch.topics.calls import (
    CallAnswered,
    CallCancelled,
    CallHeld,
    CallOverridden,
    CallResumed,
    CallUnlinked,
    Epidemiology,
    Location,
)
from dispatch.topics.city import CityMode, CityModeSwitched
from dispatch.topics.fields import Answer
from dispatch.topics.hospitals import PatientFound

# 07:00 in the city.
START: Final = datetime(2022, 11, 27, 23, 0, tzinfo=UTC)
CONSOLE: Final = "console/1"
DISPATCHER: Final = "调度员王芳"
BACKGROUND_CALLS: Final = 34
BACKGROUND_UNTIL: Final = 690  # minutes after the start
CITY_DISTRICT: Final = "150702"
SUBURB: Final = "150724"
FAR_DISTRICT: Final = "150782"
ADULT: Final = 18  # years: for a child nobody is asked first

# Every background caller's kind: how often, complaint and symptoms, and the history at once (None:
# it is asked for and answered after a while).
_KINDS: Final[tuple[tuple[int, str, str, Mapping[str, Answer] | None], ...]] = (
    (60, "everyday", "stable", {}),
    (10, "everyday", "critical", {}),
    (10, "fever", "stable", NEGATIVE),
    (6, "fever", "stable", UNSURE),
    (8, "fever", "stable", None),
    (6, "fever", "critical", None),
)


class Day:
    """Puts the day on a stage's agenda and lets consoles and dispatchers react."""

    def __init__(self, stage: Stage, board: Board, *, seed: int) -> None:
        self.stage = stage
        self.board = board
        self.random = Random(f"day {seed}")  # noqa: S311  # a scenario is to be repeatable
        self.people = Population(stage.plan, self.random)
        self._answers: dict[str, tuple[float, Mapping[str, Answer]]] = {}
        stage.on("screening.requested", self._answer_screening)

    def plan(self) -> None:
        """Put everything on the agenda."""
        self._background()
        self._first_hours()
        self._late_morning()
        self._afternoon()
        self._in_words()

    # -- what consoles and dispatchers do

    def minute(self, minutes: float, action: Action) -> None:
        """Do something so many minutes after the start."""
        self.stage.at(START + timedelta(minutes=minutes), action)

    def once(
        self,
        event_type: str,
        action: Callable[[dict[str, Any]], Action],
        *,
        seconds: float = 0,
        **wanted: Any,
    ) -> None:
        """Do something so many seconds after the first event that says what is wanted."""
        done: list[Seen] = []

        def react(seen: Seen) -> None:
            if done:
                return
            data = seen.data
            if all(data[name] == value for name, value in wanted.items()):
                done.append(seen)
                self.stage.after(seconds, action(data))

        self.stage.on(event_type, react)

    def call(
        self, minutes: float, call_id: str, person: Person, complaint: str, **said: Any
    ) -> str:
        """Let somebody call so many minutes after the start."""
        self.minute(minutes, self.calling(call_id, person, complaint, **said))
        return call_id

    def calling(self, call_id: str, person: Person, complaint: str, **said: Any) -> Action:
        """Return the action that publishes a call as it comes in then."""

        async def publish() -> None:
            now = self.stage.clock.now()
            call = call_of(person, call_id=call_id, received_at=now, complaint=complaint, **said)
            await self.stage.publish(call, source=CONSOLE)

        return publish

    def answering(self, call_id: str, history: Mapping[str, Answer]) -> Action:
        """Return the action that publishes an answer to the questions of a call."""
        return self._adding(call_id, epidemiology=Epidemiology(**history))

    def _adding(self, call_id: str, **said: Any) -> Action:
        """Return the action that publishes what else is said about a call."""

        async def publish() -> None:
            answered = CallAnswered(call_id=call_id, answered_at=self.stage.clock.now(), **said)
            await self.stage.publish(answered, source=CONSOLE)

        return publish

    def _answer_screening(self, seen: Seen) -> None:
        data = seen.data
        planned = self._answers.pop(data["call_id"], None)
        if planned is not None:
            seconds, history = planned
            self.stage.after(seconds, self.answering(data["call_id"], history))

    def dispatcher(self, event: Callable[..., Any], call_id: str, **said: Any) -> Action:
        """Return the action that publishes a dispatcher's word on a call."""

        async def publish() -> None:
            word = event(call_id=call_id, at=self.stage.clock.now(), by=DISPATCHER, **said)
            await self.stage.publish(word, source=CONSOLE)

        return publish

    def _beside(self, station_id: str) -> Person:
        """Return an adult at a station's door."""
        station = next(each for each in self.stage.plan.station if each.station_id == station_id)
        somebody = self.people.somebody(station.district, youngest=ADULT)
        return somebody.moved(0, latitude=station.latitude, longitude=station.longitude)

    # -- the background of the day

    def _background(self) -> None:
        for number in range(1, BACKGROUND_CALLS + 1):
            minutes = self.random.uniform(2, BACKGROUND_UNTIL)
            _, kind, condition, history = self.random.choices(
                _KINDS, [weight for weight, *_ in _KINDS]
            )[0]
            person, call_id = self.people.somebody(), f"day-{number:02d}"
            if kind == "everyday":
                self.call(
                    minutes, call_id, person, self.random.choice(EVERYDAY), condition=condition
                )
                continue
            self.call(
                minutes,
                call_id,
                person,
                self.random.choice(FEVER),
                condition=condition,
                symptoms=self.random.choice(FEVER_SYMPTOMS),
                history=history,
            )
            if history is None:
                self._answers[call_id] = (self.random.uniform(15, 45), NEGATIVE)

    # -- 07:00 to 10:00: screening, linking, the dispatcher's last word

    def _first_hours(self) -> None:
        self._late_answer(6)
        self._early_answer(14)
        self._repeat_caller(20)
        self._wrong_link(34)
        somebody = self.people.somebody
        fever = {"symptoms": ("fever", "cough")}
        self.call(46, "contact-critical", somebody(CITY_DISTRICT), FEVER[2],
                  condition="critical", history=CONTACT, **fever)  # fmt: skip
        self.call(52, "unscreened-critical", somebody(SUBURB), FEVER[0],
                  condition="critical", **fever)  # fmt: skip
        self._answers["unscreened-critical"] = (90, UNSURE)
        self.call(58, "contact-unwell", somebody(CITY_DISTRICT), EVERYDAY[6], history=CONTACT)
        self.call(64, "screened-negative", somebody(CITY_DISTRICT), FEVER[1],
                  history=NEGATIVE, **fever)  # fmt: skip
        self._better_address(70)
        self._override_unit(78)
        self._hold(90)
        self._override_hospital(100)

    def _late_answer(self, minutes: float) -> None:
        call_id = self.call(
            minutes,
            "late-answer",
            # A crew that is at the door isn't turned round: no other is this near.
            self._beside("HLR-TRANSFER"),
            FEVER[0],
            symptoms=("fever",),
        )
        self.once(
            "incident.assigned",
            lambda _: self.answering(call_id, CONTACT),
            seconds=25,
            incident_id=call_id,
        )

    def _early_answer(self, minutes: float) -> None:
        self.minute(minutes - 0.5, self.answering("early-answer", UNSURE))
        self.call(
            minutes, "early-answer", self.people.somebody(CITY_DISTRICT, youngest=ADULT), FEVER[1],
            symptoms=("cough", "sore_throat"),
        )  # fmt: skip

    def _repeat_caller(self, minutes: float) -> None:
        person = self.people.somebody(CITY_DISTRICT)
        self.call(minutes, "repeat", person, "胸痛两小时", condition="critical")
        again = person.moved(60, name=None)
        self.call(minutes + 1.5, "repeat-again", again, "胸痛两小时，出汗", condition="critical")

    def _wrong_link(self, minutes: float) -> None:
        person = self.people.somebody(CITY_DISTRICT)
        self.call(minutes, "neighbour", person, "摔倒后髋部疼痛")
        other = person.moved(40, name=None, phone="10004709999")
        self.call(minutes + 2, "other-neighbour", other, "摔倒后手腕疼痛")
        self.once(
            "call.linked",
            lambda _: self.dispatcher(
                CallUnlinked, "other-neighbour", reason="another patient next door"
            ),
            seconds=120,
            call_id="other-neighbour",
        )

    def _better_address(self, minutes: float) -> None:
        """Nobody can say where it is but for the town; then somebody reads the door plate."""
        person = self.people.somebody(SUBURB)
        call_id = self.call(minutes, "no-position", person, EVERYDAY[3], address_only=True)
        plate = Location(
            latitude=person.latitude, longitude=person.longitude, address="巴彦托海镇团结路14号"
        )
        self.once(
            "incident.assigned",
            lambda _: self._adding(call_id, location=plate),
            seconds=40,
            incident_id=call_id,
        )

    def _override_unit(self, minutes: float) -> None:
        call_id = self.call(
            minutes, "override-unit", self.people.somebody(CITY_DISTRICT), EVERYDAY[2]
        )

        def choose(_: dict[str, Any]) -> Action:
            async def publish() -> None:
                bases = {unit.unit_id: unit.station for unit in self.stage.plan.unit}
                free = sorted(self.board.free("regular"), key=lambda u: bases[u] != "HLR-EAST")
                if free:
                    await self.dispatcher(
                        CallOverridden, call_id, unit_id=free[0], reason="has the stroke kit"
                    )()

            return publish

        self.once("incident.assigned", choose, seconds=20, incident_id=call_id)

    def _override_hospital(self, minutes: float) -> None:
        call_id = self.call(
            minutes, "override-hospital", self.people.somebody(CITY_DISTRICT), FEVER[3],
            symptoms=("runny_nose",), history=UNSURE,
        )  # fmt: skip

        def choose(announced: dict[str, Any]) -> Action:
            others = ("HLR-PEOPLES", "HLR-RAILWAY")
            other = next(each for each in others if each != announced["hospital_id"])
            return self.dispatcher(
                CallOverridden, call_id, hospital_id=other, reason="the family doctor is there"
            )

        self.once("handover.announced", choose, seconds=45, incident_id=call_id)

    def _hold(self, minutes: float) -> None:
        call_id = self.call(
            minutes, "hold", self.people.somebody(CITY_DISTRICT, youngest=ADULT), FEVER[3],
            symptoms=("runny_nose",),
        )  # fmt: skip
        held = self.dispatcher(CallHeld, call_id, reason="the line broke; calling back")
        self.minute(minutes + 0.4, held)
        self.minute(minutes + 6, self.dispatcher(CallResumed, call_id, reason="reached again"))

    def _in_words(self) -> None:
        """Callers who only say it in words, what nobody can place, a patient nobody knows, a heart.

        Beside that patient with fever is a hospital that isolates, but does not treat hearts.
        """
        somebody = self.people.somebody
        self.call(110, "in-words", somebody(CITY_DISTRICT), FEVER[0])
        self._answers["in-words"] = (40, NEGATIVE)
        self.call(118, "not-placed", somebody(SUBURB), EVERYDAY[6], symptoms=("神色不对",))
        self.call(
            126, "not-known", somebody(CITY_DISTRICT), "路人报警，有人倒在路边",
            condition="critical", symptoms=("unknown",), history=NEGATIVE,
        )  # fmt: skip
        self.call(
            290, "heart-and-fever", self._beside("HLR-NORTH"), "突发胸痛、大汗，发热38.5度",
            condition="critical", history=UNSURE,
        )  # fmt: skip

    # -- 10:00 to 12:30: every transfer crew is out

    def _late_morning(self) -> None:
        self._transfers(180)
        self._wait_for_transfer(200)
        self._force_undisinfected(150)

    def _transfers(self, minutes: float) -> None:
        """Five transfers at once, four transfer crews: a regular crew in full PPE takes one."""
        somebody = self.people.somebody
        for number, district in enumerate(
            (CITY_DISTRICT, CITY_DISTRICT, SUBURB, FAR_DISTRICT, CITY_DISTRICT), start=1
        ):
            self.call(
                minutes + number / 4,
                f"transfer-{number}",
                somebody(district),
                "发热病人转运",
                condition="critical" if number == 1 else "stable",
                symptoms=("fever", "shortness_of_breath"),
                case_status="confirmed" if number % 2 else "none",
                history=CONTACT,
                caller=institution(f"CLINIC-{number}", can_admit_suspected=False),
            )
        self.call(
            minutes + 3, "contact-stable", somebody(CITY_DISTRICT), FEVER[0],
            symptoms=("fever",), history=CONTACT,
        )  # fmt: skip

    def _wait_for_transfer(self, minutes: float) -> None:
        """Call for a transfer while crews are being disinfected and none is free."""
        tries: list[str] = []
        waited: list[str] = []

        async def attempt() -> None:
            busy = {self.board.status[unit] for unit in self.board.crew if self._transfers_by(unit)}
            if waited or "disinfecting" not in busy:
                return
            # Those that are free take a patient each; the last one has to wait.
            for _ in range(len(self.board.free("transfer")) + 1):
                tries.append(f"contact-waiting-{len(tries) + 1}")
                await self.calling(
                    tries[-1],
                    # So near that it is worth waiting even where a regular crew comes free nearby.
                    self._beside("HLR-TRANSFER"),
                    FEVER[2],
                    symptoms=("fever",),
                    history=CONTACT,
                )()

        def disinfecting(seen: Seen) -> None:
            data = seen.data
            late = self.stage.clock.now() >= START + timedelta(minutes=minutes)
            if late and data["status"] == "disinfecting" and self._transfers_by(data["unit_id"]):
                self.stage.after(20 * 60, attempt)

        def queued(seen: Seen) -> None:
            if seen.data["waiting_for"] == "transfer_crew":
                waited.append(seen.data["incident_id"])

        self.stage.on("unit.changed", disinfecting)
        self.stage.on("incident.queued", queued)

    def _transfers_by(self, unit: str) -> bool:
        return self.board.crew[unit] == "transfer"

    def _force_undisinfected(self, minutes: float) -> None:
        """A dispatcher tries to force a unit that is being disinfected."""
        done: list[str] = []

        def blocked(seen: Seen) -> None:
            late = self.stage.clock.now() >= START + timedelta(minutes=minutes)
            if done or not late or not self.board.serving or seen.data["job_id"] is None:
                return
            unit, call_id = seen.data["unit_id"], next(reversed(self.board.serving))
            done.append(unit)
            forced = self.dispatcher(CallOverridden, call_id, unit_id=unit, reason="it is nearest")
            self.stage.after(30, forced)

        self.stage.on("unit.changed", blocked)

    # -- 13:00 to 20:00: a case found late, a cancellation, routine mode, an accident far out

    def _afternoon(self) -> None:
        self._found_in_hospital(385)
        self._cancel(400)
        self._routine_mode(450, 570)
        self._accident(600)

    def _found_in_hospital(self, minutes: float) -> None:
        call_id = self.call(
            minutes, "case-in-hospital", self.people.somebody(CITY_DISTRICT), EVERYDAY[3]
        )

        def find(closed: dict[str, Any]) -> Action:
            async def publish() -> None:
                found = PatientFound(
                    hospital_id=closed["hospital_id"],
                    handover_id=closed["handover_id"],
                    at=self.stage.clock.now(),
                    case_status="confirmed",
                )
                await self.stage.publish(found, source=f"hospital/{found.hospital_id}")

            return publish

        self.once("handover.closed", find, seconds=40, incident_id=call_id)

    def _cancel(self, minutes: float) -> None:
        call_id = self.call(minutes, "cancelled", self.people.somebody(CITY_DISTRICT), EVERYDAY[9])
        self.once(
            "incident.progressed",
            lambda _: self.dispatcher(CallCancelled, call_id, reason="goes by private car"),
            seconds=30,
            incident_id=call_id,
            status="rolling",
        )

    def _switch_mode(self, minutes: float, mode: CityMode, reason: str) -> None:
        async def publish() -> None:
            switched = CityModeSwitched(
                at=self.stage.clock.now(), mode=mode, by=DISPATCHER, reason=reason
            )
            await self.stage.publish(switched, source="centre")

        self.minute(minutes, publish)

    def _routine_mode(self, begin: float, end: float) -> None:
        """In routine mode a transfer crew takes the emergency at its door."""
        self._switch_mode(begin, "routine", "no new case for two days")
        self._switch_mode(end, "epidemic", "a new case was reported")
        taken: list[str] = []
        bases = {unit.unit_id: unit.station for unit in self.stage.plan.unit}

        async def attempt() -> None:
            free = self.board.free("transfer")
            if taken or not free:
                return
            number = int(self.stage.clock.now().timestamp() // 60)
            await self.calling(f"routine-{number}", self._beside(bases[free[0]]), EVERYDAY[0])()

        def assigned(seen: Seen) -> None:
            data = seen.data
            last_resort = "transfer_as_last_resort" in data["why"]
            if data["crew"] == "transfer" and data["rule"] == "R9" and not last_resort:
                taken.append(data["unit_id"])

        self.stage.on("incident.assigned", assigned)
        for minutes in range(int(begin) + 5, int(end), 15):
            self.minute(minutes, attempt)

    def _accident(self, minutes: float) -> None:
        """Far out, four hurt take every regular crew there; the next one gets a transfer crew."""
        scene = self.people.somebody(FAR_DISTRICT)
        alone = self.people.somebody(FAR_DISTRICT)
        done: list[str] = []
        local = [
            unit.unit_id
            for unit in self.stage.plan.unit
            if unit.station == "YKS" and unit.crew == "transfer"
        ]

        async def attempt() -> None:
            if done or local[0] not in self.board.free("transfer"):
                return
            done.append("accident")
            await self.calling(
                "accident", scene, "客车侧翻，多人外伤", condition="critical", patient_count=4
            )()
            self.stage.after(
                120, self.calling("far-and-critical", alone, EVERYDAY[0], condition="critical")
            )

        for later in range(0, 180, 10):
            self.minute(minutes + later, attempt)
