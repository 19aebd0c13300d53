"""A small city on a stage, with crews and hospitals that also do the unexpected."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.domain.offers import NO_ANSWER
from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.commission import Commission
from dispatch.simulation.crews import Crews
from dispatch.simulation.hospitals import Hospitals
from dispatch.simulation.laboratory import Laboratory
from dispatch.simulation.seen import Seen
from dispatch.simulation.stage import Stage
from dispatch.store.plan import CityPlan
from dispatch.topics.calls import Call

START = datetime(2022, 12, 23, 0, 0, tzinfo=UTC)
DISTRICT = "150702"
ROOMS = {"isolation": 5, "fever_clinic": 5, "buffer": 5, "emergency": 5}


def plan() -> CityPlan:
    place = {"district": DISTRICT, "latitude": 49.2, "longitude": 119.7}
    hospital = {
        **place,
        "roles": ["fever_clinic", "emergency_buffer", "ordinary"],
        "decontamination": True,
        "rooms": ROOMS,
    }
    return CityPlan.model_validate(
        {
            "name": "Small city",
            "time_zone": "Asia/Shanghai",
            "district": [
                {"code": DISTRICT, "name": "Centre", "latitude": 49.2, "longitude": 119.7}
            ],
            "station": [{"station_id": "S1", **place}],
            "unit": [
                {"unit_id": f"R{n}", "station": "S1", "vehicle": "basic", "crew": "regular"}
                for n in range(1, 7)
            ]
            + [
                {
                    "unit_id": "T1",
                    "station": "S1",
                    "vehicle": "negative_pressure",
                    "crew": "transfer",
                }
            ],
            "hospital": [
                {**hospital, "hospital_id": name, "name": name} for name in ("H1", "H2", "H3")
            ]
            + [{**hospital, "hospital_id": "D1", "name": "D1", "roles": ["designated"]}],
        }
    )  # fmt: skip


def call(stage: Stage, call_id: str, **patient: Any) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        content = Call.model_validate(
            {
                "call_id": call_id,
                "received_at": stage.clock.now(),
                "district": DISTRICT,
                "caller": {"kind": "public"},
                "patient": {
                    "condition": "stable", "symptoms": [], "case_status": "none", **patient
                },
                "location": {"latitude": 49.21, "longitude": 119.7 + int(call_id[1:]) / 50},
            }
        )  # fmt: skip
        await stage.publish(content, source="test")

    return act


def expect_the_unexpected(stage: Stage) -> None:
    """Let seven people call, and with each of them something go wrong."""
    behaviour = Behaviour(1)
    for deviation, whom, value in (
        (Deviation.REFUSE, "C1", "vehicle_fault"),
        (Deviation.SILENT, "C2", True),
        (Deviation.BREAK_DOWN, "C3", 30.0),
        (Deviation.END_EMPTY, "C4", "patient_left"),
        (Deviation.FIND_CASE, "C5", "suspected"),
        (Deviation.WEAK_CERTIFICATE, "T1", True),
        (Deviation.DIVERT, "C6", "the isolation ward is full"),
        (Deviation.HOSPITAL_SILENT, "C7", True),
    ):
        behaviour.script(deviation, whom, value)
    Crews(stage, behaviour)
    Hospitals(stage, behaviour)
    Laboratory(stage, behaviour)
    Commission(stage, behaviour)
    for number in (1, 2, 3, 4, 5, 7):
        stage.at(START + timedelta(minutes=90 * number), call(stage, f"C{number}"))
    stage.after(60.0, call(stage, "C6", case_status="confirmed"))


def unexpected(history: Iterable[Seen]) -> list[str]:
    """Return what of all that goes wrong did not, or went otherwise."""
    told = [(seen.type, seen.data) for seen in history]
    kinds = Counter(kind for kind, _ in told)
    ends = Counter(said["outcome"] for kind, said in told if kind == "incident.released")
    withdrawn = Counter(said["reason"] for kind, said in told if kind == "handover.withdrawn")
    statuses = {said["unit_id"]: said["status"] for kind, said in told if kind == "unit.changed"}
    expected = {
        "ends": ends == {"refused": 1, "unanswered": 1, "aborted": 1, "empty": 1},
        "orders": kinds["order.issued"] == 10,
        "hospital silent": withdrawn[NO_ANSWER] == 1,
        "hospital diverts": sum(why.startswith("diverted") for why in withdrawn.elements()) == 1,
        "weak certificate": kinds["disinfection.rejected"] == 1,
        "disinfections": kinds["disinfection.accepted"] == 2,
        "cases": kinds["case.reported"] == kinds["report.settled"] == 2,
        "results": kinds["result.recorded"] >= 2,
        "units": set(statuses.values()) == {"available"},
    }
    return [what for what, as_expected in expected.items() if not as_expected]
