"""A city large enough for a steady stream of calls, and the callers in it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from dispatch.policy.pack import PACKS
from dispatch.simulation.behaviour import Behaviour, Deviation, Step
from dispatch.topics.calls import Call, CallAnswered, CallCancelled
from dispatch.topics.fields import Content

DISTRICT: Final = "150702"
STATIONS: Final = 8
# Six units of a station in seven; the others bring cases to where they belong.
TRANSFER_EVERY: Final = 7
# Degrees between two places from which somebody calls: nobody is taken for a repeat of a neighbour.
STEP_NORTH: Final = 0.004
STEP_EAST: Final = 0.006
ACROSS: Final = 120
SOUTH: Final = 49.0
WEST: Final = 119.4

COMPLAINTS: Final = ("胸痛两小时", "摔倒后髋部疼痛", "腹痛呕吐", "头晕，站立不稳", "手部烧伤")
CONTACT: Final = {"travel": "no", "residence": "no", "close_contact": "yes", "exposure": "no"}

# Shares of the calls, in percent; what is left is carried to a hospital.
REPEATS: Final = 25
CANCELLED: Final = 18
EMPTY: Final = 46
REFUSED: Final = 1
BROKEN_DOWN: Final = 1
CASES: Final = 2
FOUND: Final = 1
ANSWERED_FIRST: Final = 1


# Limits of the usual pack, in seconds of a clock that runs fast: they would pass while a broker is
# being replaced, and the load would be of reminders and of crews who come too late.
_LIMITS: Final = {
    "order_acknowledgement_seconds = 60": "order_acknowledgement_seconds = 7200",
    "critical = 60, unknown = 60, stable = 600": "critical = 900, unknown = 900, stable = 3600",
    "remind_seconds = 120": "remind_seconds = 3600",
    "next_hospital_seconds = 300": "next_hospital_seconds = 7200",
    "escalate_seconds = 600": "escalate_seconds = 14400",
    "signature_seconds = 1800": "signature_seconds = 28800",
    "limit_seconds = 60\nwarn_seconds = 15": "limit_seconds = 3600\nwarn_seconds = 900",
    "limit_seconds = 180\nwarn_seconds = 60": "limit_seconds = 7200\nwarn_seconds = 1800",
    "future_tolerance_seconds = 300": "future_tolerance_seconds = 3000",
}


def patient_pack() -> str:
    """Return the usual pack with longer limits."""
    pack = (PACKS / "covid-19.toml").read_text(encoding="utf-8")
    for limit, longer in _LIMITS.items():
        assert limit in pack, limit
        pack = pack.replace(limit, longer)
    return pack.replace('name = "covid-19"', 'name = "patient"', 1)


def city_plan(units: int) -> str:
    """Return the plan of a city with so many units."""
    stations = [
        f'[[station]]\nstation_id = "S{n}"\ndistrict = "{DISTRICT}"\n'
        f"latitude = {SOUTH + 0.06 * n}\nlongitude = {WEST + 0.09 * n}\n"
        for n in range(STATIONS)
    ]
    hospitals = [
        f'[[hospital]]\nhospital_id = "H{n}"\nname = "hospital {n}"\ndistrict = "{DISTRICT}"\n'
        f"latitude = {SOUTH + 0.1 * n}\nlongitude = {WEST + 0.12 * n}\n"
        'roles = ["fever_clinic", "emergency_buffer", "ordinary"]\ndecontamination = true\n'
        "rooms = { fever_clinic = 200, buffer = 200, emergency = 50000 }\n"
        for n in range(1, 5)
    ]
    designated = (
        f'[[hospital]]\nhospital_id = "D1"\nname = "for cases"\ndistrict = "{DISTRICT}"\n'
        f"latitude = {SOUTH + 0.2}\nlongitude = {WEST + 0.3}\n"
        f'roles = ["designated"]\njurisdiction = ["{DISTRICT}"]\ndecontamination = true\n'
        "rooms = { isolation = 400 }\n"
    )
    fleet = []
    for n in range(units):
        transfers = n % TRANSFER_EVERY == 0
        fleet.append(
            f'[[unit]]\nunit_id = "U{n}"\nstation = "S{n % STATIONS}"\n'
            f'vehicle = "{"negative_pressure" if transfers else "monitoring"}"\n'
            f'crew = "{"transfer" if transfers else "regular"}"\n'
        )
    return "\n".join(
        [
            'name = "fault bench"\ntime_zone = "Asia/Shanghai"\n',
            # Ways are short in time, so that a run is over before the next fault.
            "[travel]\nroad_factor = 1.3\nspeed_kmh = 400\n",
            (
                f'[[district]]\ncode = "{DISTRICT}"\nname = "one"\n'
                f"latitude = {SOUTH + 0.24}\nlongitude = {WEST + 0.36}\n"
            ),
            *stations,
            *hospitals,
            designated,
            *fleet,
        ]
    )


class Brisk(Behaviour):
    """Everybody takes a tenth of the usual time; disinfectants work as long as they need."""

    def seconds(self, step: Step, whom: str, estimate: float = 0.0) -> float:
        return super().seconds(step, whom, estimate) / 10


@dataclass(frozen=True, slots=True)
class Said:
    """What a console says: an event, so many seconds of the scenario from now."""

    after: float
    event: Content


class Callers:
    """Draws calls, each with what its console says of it later."""

    def __init__(
        self, seed: int, behaviour: Behaviour, prefix: str = "c", *, first: int = 0
    ) -> None:
        """Draw by a seed; their ids begin with `prefix`, the first calls from place `first`."""
        self._random = Random(f"{seed}/callers")
        self._behaviour = behaviour
        self._prefix = prefix
        self._number = first
        # The last ones who called first, for those who call about the same.
        self._recent: deque[dict[str, Any]] = deque(maxlen=20)

    def call(self, now: datetime) -> Iterator[Said]:
        """Yield the next call at a time (aware), and what belongs to it."""
        self._number += 1
        call_id = f"{self._prefix}{self._number}"
        share = self._random.uniform(0, 100)
        if self._recent and (share := share - REPEATS) < 0:
            known = self._random.choice(self._recent)
            yield Said(0, _call(known | {"call_id": call_id, "received_at": now}))
            return
        content = self._content(call_id, now)
        self._recent.append(content)
        if (share := share - CANCELLED) < 0:
            yield Said(0, _call(content))
            later = self._random.uniform(10, 60)
            yield Said(later, _cancelled(call_id, now))
            return
        if (share := share - EMPTY) < 0:
            self._behaviour.script(Deviation.END_EMPTY, call_id, "patient_not_found")
        elif (share := share - REFUSED) < 0:
            self._behaviour.script(Deviation.REFUSE, call_id, "equipment_missing")
        elif (share := share - BROKEN_DOWN) < 0:
            self._behaviour.script(Deviation.BREAK_DOWN, call_id, 5.0)
        elif (share := share - FOUND) < 0:
            self._behaviour.script(Deviation.FIND_CASE, call_id, "suspected")
        elif (share := share - CASES) < 0:
            content["patient"] = {"condition": "stable", "symptoms": ["fever"]}
            content["patient"]["case_status"] = "none"
            content["epidemiology"] = CONTACT
        elif (share - ANSWERED_FIRST) < 0:
            # Comes in the order in which it must not: the answer, then its call.
            answered = CallAnswered.model_validate(
                {"call_id": call_id, "answered_at": now, "epidemiology": CONTACT, "by": "seat 1"}
            )
            yield Said(0, answered)
            yield Said(5, _call(content))
            return
        yield Said(0, _call(content))

    def plain(self, now: datetime) -> Call:
        """Return a next call at a time (aware) of which nothing more is said."""
        self._number += 1
        return _call(self._content(f"{self._prefix}{self._number}", now))

    def _content(self, call_id: str, now: datetime) -> dict[str, Any]:
        row, column = divmod(self._number, ACROSS)
        place = {
            "latitude": round(SOUTH + STEP_NORTH * (row % ACROSS), 6),
            "longitude": round(WEST + STEP_EAST * column, 6),
        }
        return {
            "call_id": call_id,
            "received_at": now,
            "district": DISTRICT,
            "caller": {"kind": "public"},
            "chief_complaint": self._random.choice(COMPLAINTS),
            "patient": {"condition": "critical", "symptoms": [], "case_status": "none"},
            "location": place,
        }


def _call(content: dict[str, Any]) -> Call:
    return Call.model_validate(content)


def _cancelled(call_id: str, now: datetime) -> CallCancelled:
    return CallCancelled.model_validate(
        {"call_id": call_id, "at": now, "by": "seat 1", "reason": "called again: all is well"}
    )
