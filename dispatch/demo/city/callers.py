"""Who calls in the demo's city, from where and with what: drawn from a seed.

Positions are WGS-84 degrees.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from dispatch.store.plan import CityPlan
from dispatch.topics.calls import Call, Caller
from dispatch.topics.fields import Answer

METRES_PER_DEGREE: Final = 111_195.0

# How far people live from a district's centre (m), and how often they call.
_REACH: Final[Mapping[str, float]] = {
    "150702": 3_000.0,
    "150724": 1_500.0,
    "150725": 1_500.0,
    "150782": 2_500.0,
    "150784": 1_200.0,
}
_CALLS: Final[Mapping[str, int]] = {
    "150702": 58,
    "150724": 12,
    "150725": 9,
    "150782": 15,
    "150784": 6,
}

EVERYDAY: Final = (
    "胸痛两小时",
    "摔倒后髋部疼痛",
    "一侧偏瘫，说话不清",
    "腹痛呕吐",
    "车祸，腿部外伤",
    "临产，宫缩规律",
    "头晕，站立不稳",
    "手部烧伤",
    "糖尿病，意识模糊",
    "鼻出血不止",
)
FEVER: Final = ("发热三天，体温38.6度", "咳嗽、咽痛", "发热伴气促", "流涕、鼻塞，低热")
FEVER_SYMPTOMS: Final = (
    ("fever",),
    ("cough", "sore_throat"),
    ("fever", "shortness_of_breath"),
    ("runny_nose", "nasal_congestion", "fever"),
)
NEGATIVE: Final[Mapping[str, Answer]] = dict.fromkeys(
    ("travel", "residence", "close_contact", "exposure"), "no"
)
CONTACT: Final[Mapping[str, Answer]] = {**NEGATIVE, "close_contact": "yes"}
UNSURE: Final[Mapping[str, Answer]] = {**NEGATIVE, "exposure": "unknown"}


@dataclass(frozen=True, slots=True)
class Person:
    """A patient: where, who, and what is said of them."""

    district: str
    latitude: float
    longitude: float
    sex: str
    age: int
    phone: str
    name: str | None

    def moved(self, metres: float, **changes: Any) -> "Person":
        """Return somebody so many metres to the north, and with these changes."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["latitude"] = round(self.latitude + metres / METRES_PER_DEGREE, 6)
        return Person(**{**values, **changes})


class Population:
    """Draws the people of a city."""

    def __init__(self, plan: CityPlan, random: Random) -> None:
        self._districts = plan.districts
        self._random = random

    def somebody(self, district: str | None = None, *, youngest: int = 1) -> Person:
        """Return somebody, of a district or of any (a larger one more often); ages are in years."""
        random = self._random
        code = district or random.choices(list(_CALLS), list(_CALLS.values()))[0]
        centre = self._districts[code].centre
        metres = _REACH[code] * math.sqrt(random.random())
        bearing = random.uniform(0, 2 * math.pi)
        north, east = metres * math.cos(bearing), metres * math.sin(bearing)
        per_degree_east = METRES_PER_DEGREE * math.cos(math.radians(centre.latitude))
        return Person(
            district=code,
            latitude=round(centre.latitude + north / METRES_PER_DEGREE, 6),
            longitude=round(centre.longitude + east / per_degree_east, 6),
            sex=random.choice(("女", "男")),
            age=max(youngest, random.randint(1, 92)),
            phone=f"1000470{random.randint(0, 9999):04d}",
            name=random.choice("王李张刘包白金何") + random.choice("伟芳娜敏静军洋勇"),
        )


def call_of(
    person: Person,
    *,
    call_id: str,
    received_at: datetime,
    complaint: str | None,
    condition: str = "stable",
    symptoms: tuple[str, ...] = (),
    case_status: str = "none",
    history: Mapping[str, Answer] | None = None,
    caller: Caller | None = None,
    address_only: bool = False,
    patient_count: int | None = None,
) -> Call:
    """Return the call that a console publishes for somebody."""
    place: dict[str, Any] = (
        {"address": "巴彦托海镇，电话中说不清门牌"}
        if address_only
        else {"latitude": person.latitude, "longitude": person.longitude}
    )
    patient = {
        "condition": condition,
        "symptoms": symptoms,
        "case_status": case_status,
        "name": person.name,
        "sex": person.sex,
        "age": float(person.age),
    }
    content = {
        "call_id": call_id,
        "received_at": received_at,
        "district": person.district,
        "caller": caller or Caller(kind="public", phone=person.phone),
        "patient": _known(patient),
        "location": place,
        "epidemiology": None if history is None else dict(history),
        "chief_complaint": complaint,
        "patient_count": patient_count,
        "dispatcher": "接警席",
    }
    return Call.model_validate(_known(content))


def _known(content: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not known: it is absent from a call, never null."""
    return {name: value for name, value in content.items() if value is not None}


def institution(institution_id: str, *, can_admit_suspected: bool) -> Caller:
    """Return an institution that asks for a transfer."""
    return Caller(
        kind="institution",
        institution_id=institution_id,
        can_admit_suspected=can_admit_suspected,
        phone="04700000120",
    )
