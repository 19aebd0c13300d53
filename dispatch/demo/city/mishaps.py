"""What goes wrong in the demo's day: crews and hospitals that deviate, and inputs that are bad."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import orjson

from dispatch.demo.city.callers import CONTACT, EVERYDAY, FEVER, NEGATIVE, UNSURE, call_of
from dispatch.demo.city.scenario import CITY_DISTRICT, FAR_DISTRICT, Day
from dispatch.simulation.agenda import Action
from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.seen import Seen
from dispatch.topics.cloudevents import derived_id, write_headers
from dispatch.topics.fields import MAX_BODY_BYTES, Content
from dispatch.topics.hospitals import HandoverAcknowledged, HospitalReported
from dispatch.topics.units import DisinfectionCertified, UnitReported

_BROKEN_CONSOLE: Final = "console/7"
_BREAKS_DOWN_AFTER: Final = 90.0  # seconds of the way
# Longer than a crew has for its answer, and less than it has to roll.
_RADIO_OUT_FOR: Final = timedelta(seconds=150)

# Calls that end up with somebody who deviates: minute, id, how, with what, district, what is said.
_DEVIATIONS: Final[tuple[tuple[float, str, Deviation, Any, str, Mapping[str, Any]], ...]] = (
    (116, "unanswered", Deviation.SILENT, True, CITY_DISTRICT, {}),
    (124, "refused", Deviation.REFUSE, "equipment_missing", CITY_DISTRICT, {}),
    (132, "breakdown", Deviation.BREAK_DOWN, _BREAKS_DOWN_AFTER, FAR_DISTRICT, {}),
    (
        140,
        "diverted",
        Deviation.DIVERT,
        "the fever clinic is full",
        CITY_DISTRICT,
        {"symptoms": ("fever",), "history": UNSURE},
    ),
    (
        148,
        "unanswered-handover",
        Deviation.HOSPITAL_SILENT,
        True,
        CITY_DISTRICT,
        {"symptoms": ("fever",), "history": UNSURE},
    ),
    (
        156,
        "weak-certificate",
        Deviation.WEAK_CERTIFICATE,
        True,
        CITY_DISTRICT,
        {"history": CONTACT},
    ),
    (
        340,
        "turned-away",
        Deviation.DIVERT_AT_THE_DOOR,
        "the fever clinic is being disinfected",
        CITY_DISTRICT,
        {"symptoms": ("fever",), "history": UNSURE},
    ),
    (330, "empty-run", Deviation.END_EMPTY, "patient_not_found", CITY_DISTRICT, {}),
    (
        370,
        "case-on-the-way",
        Deviation.FIND_CASE,
        "suspected",
        CITY_DISTRICT,
        {"symptoms": ("cough",), "history": NEGATIVE},
    ),
)


class Mishaps:
    """Puts the day's mishaps on the agenda."""

    def __init__(self, day: Day, behaviour: Behaviour) -> None:
        self._day = day
        self._stage = day.stage
        self._behaviour = behaviour

    def plan(self) -> None:
        """Put everything on the agenda."""
        for minutes, call_id, deviation, value, district, said in _DEVIATIONS:
            self._behaviour.script(deviation, call_id, value)
            complaint = FEVER[0] if "symptoms" in said else EVERYDAY[3]
            self._day.call(minutes, call_id, self._day.people.somebody(district), complaint, **said)
        # The hospital to which the patient is taken in the end knows what was measured on scene.
        measured = {"heart_rate_per_minute": 104, "oxygen_saturation_percent": 93}
        self._behaviour.script(Deviation.OBSERVE, "turned-away", measured)
        self._day.minute(108, self._delivered_twice)
        self._bad_calls(300)
        self._bad_reports(315)
        self._day.minute(320, self._answer_for_nobody)
        self._radio_out(410)
        self._stage.on("handover.withdrawn", self._once_diverted())
        self._stage.on("disinfection.ordered", self._once_ordered())

    def _radio_out(self, minutes: float) -> None:
        """Three call at once in the city, which has crews for them, and none of them is heard."""
        people = [self._day.people.somebody(CITY_DISTRICT) for _ in range(3)]
        stations = {s.station_id for s in self._stage.plan.station if s.district == CITY_DISTRICT}
        near = {unit.unit_id for unit in self._stage.plan.unit if unit.station in stations}
        done: list[str] = []

        async def attempt() -> None:
            board = self._day.board
            free = near.intersection(board.free("regular"))
            if done or len(free) < len(people) or "ordered" in board.status.values():
                return
            now = self._stage.clock.now()
            self._behaviour.radio_out(now, now + _RADIO_OUT_FOR)
            for number, person in enumerate(people, start=1):
                done.append(f"radio-out-{number}")
                await self._day.calling(done[-1], person, EVERYDAY[number])()

        for later in range(0, 240, 5):
            self._day.minute(minutes + later, attempt)

    # -- inputs that are bad

    async def _raw(
        self,
        topic: str,
        value: bytes,
        key: str,
        event_type: str,
        *,
        ordinal: int = 0,
        name: str | None = None,
    ) -> None:
        headers = write_headers(
            event_id=derived_id(f"{_BROKEN_CONSOLE}/{name or key}", ordinal),
            event_type=event_type,
            at=self._stage.clock.now(),
            subject=key,
            source=_BROKEN_CONSOLE,
        )
        await self._stage.publish_raw(topic, value, headers, key.encode())

    async def _delivered_twice(self) -> None:
        call = call_of(
            self._day.people.somebody(CITY_DISTRICT),
            call_id="delivered-twice",
            received_at=self._stage.clock.now(),
            complaint=EVERYDAY[9],
        )
        value = call.model_dump_json().encode()
        for _ in range(2):
            await self._raw("calls", value, call.call_id, call.event_type)
        other = value.replace(b'"sex"', b'"sex" ')
        await self._raw("calls", other, call.call_id, call.event_type)
        # The same said in other bytes, and something else under the same ids.
        changed = call.model_copy(update={"chief_complaint": EVERYDAY[0]})
        await self._raw(
            "calls", changed.model_dump_json().encode(), call.call_id, call.event_type, ordinal=1
        )

    def _bad_calls(self, minutes: float) -> None:
        """Calls and answers that a broken console sends, one every half minute."""
        for number, (name, spoil) in enumerate(_SPOILT.items()):
            self._day.minute(minutes + number / 2, self._spoilt_call(f"bad-{name}", spoil))
        minutes += len(_SPOILT) / 2
        for number, (name, changes) in enumerate(_SPOILT_ANSWERS.items()):
            self._day.minute(minutes + number / 2, self._spoilt_answer(f"bad-{name}", changes))
        minutes += len(_SPOILT_ANSWERS) / 2
        self._day.minute(minutes, self._spoilt_answer("bad-far-future", {"symptoms": []}))
        self._day.minute(minutes + 1 / 2, self._no_cloudevent)

    def _spoilt_call(self, call_id: str, spoil: Callable[[dict[str, Any]], bytes]) -> Action:
        async def publish() -> None:
            call = call_of(
                self._day.people.somebody(CITY_DISTRICT),
                call_id=call_id,
                received_at=self._stage.clock.now(),
                complaint=EVERYDAY[1],
            )
            content = orjson.loads(call.model_dump_json())
            await self._raw("calls", spoil(content), call_id, call.event_type)

        return publish

    def _spoilt_answer(self, name: str, changes: Mapping[str, Any]) -> Action:
        """Say something that can't be taken about a call; one of another name is another event."""

        async def publish() -> None:
            now = self._stage.clock.now().isoformat()
            answer = {"call_id": "delivered-twice", "answered_at": now, **changes}
            value = orjson.dumps(answer).replace(_SURROGATE, b"\\ud800")
            await self._raw("calls", value, "delivered-twice", "call.answered", name=name)

        return publish

    async def _no_cloudevent(self) -> None:
        await self._stage.publish_raw("calls", b'{"hello": "world"}', (), b"bad-no-cloudevent")

    def _bad_reports(self, minutes: float) -> None:
        """Reports of a unit and a hospital that are not there, and of one that can't be."""
        self._day.minute(
            minutes,
            lambda: self._publish(
                UnitReported(unit_id="HLR-99", at=self._stage.clock.now(), status="available")
            ),
        )
        self._day.minute(
            minutes + 1,
            lambda: self._publish(
                HospitalReported(hospital_id="NOWHERE", at=self._stage.clock.now(), status="closed")
            ),
        )
        self._day.minute(minutes + 0.5, self._unknown_district)
        self._day.minute(minutes + 1.5, self._out_of_range)
        self._day.minute(minutes + 2, self._illegal_transition)

    async def _unknown_district(self) -> None:
        request = {
            "transfer_id": "bad-district",
            "at": self._stage.clock.now().isoformat(),
            "institution_id": "clinic-9",
            "district": "999999",
            "location": {"address": "somewhere"},
            "kind": "confirmed",
            "patients": [{"patient_id": "p1", "severity": "mild", "mobility": "walking"}],
            "by": "a nurse",
        }
        value = orjson.dumps(request)
        await self._raw("transfers", value, "bad-district", "transfer.requested")

    async def _out_of_range(self) -> None:
        report = {
            "unit_id": "HLR-T1",
            "at": self._stage.clock.now().isoformat(),
            "position": {"latitude": 95.0, "longitude": 119.7},
        }
        value = orjson.dumps(report)
        await self._raw("units", value, "HLR-T1", "unit.reported")

    async def _illegal_transition(self) -> None:
        legal = ("on_scene", "transporting")
        unit = next(unit for unit, status in self._day.board.status.items() if status not in legal)
        await self._publish(
            UnitReported(unit_id=unit, at=self._stage.clock.now(), status="transporting")
        )

    async def _answer_for_nobody(self) -> None:
        await self._day.answering("no-such-call", NEGATIVE)()

    def _once_diverted(self) -> Callable[[Seen], None]:
        """The hospital that diverted acknowledges after all."""

        def respond(withdrawn: dict[str, Any]) -> Content:
            return HandoverAcknowledged(
                hospital_id=withdrawn["hospital_id"],
                handover_id=withdrawn["handover_id"],
                at=self._stage.clock.now(),
                by="night desk",
            )

        return self._once(respond, lambda data: data["reason"].startswith("diverted"), 45)

    def _once_ordered(self) -> Callable[[Seen], None]:
        """A certificate is sent in for another vehicle's job."""

        def respond(ordered: dict[str, Any]) -> Content:
            now = self._stage.clock.now()
            other = next(unit for unit in self._day.board.status if unit != ordered["unit_id"])
            return DisinfectionCertified(
                unit_id=other,
                job_id=ordered["job_id"],
                at=now,
                agent="chlorine_wipe",
                concentration=1000.0,
                contact_minutes=30.0,
                started_at=now,
                ended_at=now,
                operator="mixed up",
                waste_bags=1,
            )

        return self._once(respond, lambda _: True, 60)

    def _once(
        self,
        respond: Callable[[dict[str, Any]], Content],
        wanted: Callable[[dict[str, Any]], bool],
        seconds: float,
    ) -> Callable[[Seen], None]:
        done: list[Seen] = []

        def react(seen: Seen) -> None:
            data = seen.data
            if not done and wanted(data):
                done.append(seen)
                self._stage.after(seconds, lambda: self._publish(respond(data)))

        return react

    async def _publish(self, event: Content) -> None:
        await self._stage.publish(event, source=_BROKEN_CONSOLE)


def _json(content: Mapping[str, Any], *, without: Iterable[str] = (), **changes: Any) -> bytes:
    kept = {name: value for name, value in content.items() if name not in without}
    return orjson.dumps({**kept, **changes})


# How a call is spoilt that can't be taken then, by what is wrong with it.
_SPOILT: Final[Mapping[str, Callable[[dict[str, Any]], bytes]]] = {
    "not-json": lambda call: _json(call)[:-1],
    "no-place": lambda call: _json(call, without=("location", "call_address"), district="?"),
    "too-long": lambda call: _json(call, special_needs="x" * MAX_BODY_BYTES),
}

_SURROGATE: Final = b"@"
# What answers say that can't be taken.
_SPOILT_ANSWERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "wrong-type": {"symptoms": "fever"},
    "far-future": {"answered_at": "2031-01-01T00:00:00+08:00", "symptoms": ["fever"]},
    "nul": {"symptoms": ["fever"], "by": "console\u00007"},
    "lone-surrogate": {"symptoms": ["fever"], "by": _SURROGATE.decode()},
}
