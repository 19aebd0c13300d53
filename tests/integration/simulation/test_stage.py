"""The stage: the real service, stepped, with crews and hospitals that also do the unexpected."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatch.errors import StackError
from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.commission import Commission
from dispatch.simulation.crews import Crews
from dispatch.simulation.hospitals import Hospitals
from dispatch.simulation.laboratory import Laboratory
from dispatch.simulation.plan_file import write_plan
from dispatch.simulation.stage import Stage, open_stage
from dispatch.stack.embedded import AnyBroker
from dispatch.store.plan import CityPlan
from dispatch.topics.calls import Call
from tests.integration.agents.bench import until

# Brokers of Apache Kafka take their time to start.
pytestmark = pytest.mark.timeout(300)

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


@pytest.mark.slow
async def test_the_unexpected_happens_and_every_invariant_holds(
    data_dir: Path, kafka: Callable[[Path], AnyBroker]
) -> None:
    write_plan(plan(), data_dir / "city.toml")
    async with open_stage(
        data_dir / "city.toml", start=START, data_dir=data_dir / "d", kafka=kafka
    ) as stage:
        behaviour = Behaviour(1)
        for deviation, whom, value in (
            (Deviation.REFUSE, "C1", "vehicle_fault"),
            (Deviation.SILENT, "C2", True),
            (Deviation.BREAK_DOWN, "C3", 30.0),
            (Deviation.END_EMPTY, "C4", "patient_left"),
            (Deviation.FIND_CASE, "C5", "suspected"),
            (Deviation.WEAK_CERTIFICATE, "T1", True),
            (Deviation.DIVERT, "C6", "the isolation ward is full"),
        ):
            behaviour.script(deviation, whom, value)
        Crews(stage, behaviour)
        Hospitals(stage, behaviour)
        Laboratory(stage, behaviour)
        Commission(stage, behaviour)
        for number in range(1, 6):
            stage.at(START + timedelta(minutes=90 * number), call(stage, f"C{number}"))
        stage.after(60.0, call(stage, "C6", case_status="confirmed"))
        await stage.run()
        events = [(seen, seen.data) for seen in stage.history]
        ends = Counter(data["outcome"] for s, data in events if s.type == "incident.released")
        assert ends == {"refused": 1, "unanswered": 1, "aborted": 1, "empty": 1}
        kinds = Counter(seen.type for seen, _ in events)
        assert kinds["order.issued"] == 9
        assert kinds["handover.withdrawn"] >= 1
        assert kinds["disinfection.rejected"] == 1
        assert kinds["disinfection.accepted"] == 2
        assert kinds["case.reported"] == kinds["report.settled"] == 2
        assert kinds["result.recorded"] >= 2

        async def all_marked() -> bool:
            # Whoever reads an event may have it before the worker notes that it is published.
            return (await stage.counts())["unpublished"] == 0

        await until(all_marked)
        counts = await stage.counts()
        assert counts["open_incidents"] == counts["open_jobs"] == 0
        last = {data["unit_id"]: data["status"] for s, data in events if s.type == "unit.changed"}
        assert set(last.values()) == {"available"}
        assert await stage.check() == []
        assert len(stage.latencies("order.issued")) >= 6


async def test_a_worker_that_ended_is_noticed(
    data_dir: Path, kafka: Callable[[Path], AnyBroker]
) -> None:
    write_plan(plan(), data_dir / "city.toml")
    async with open_stage(
        data_dir / "city.toml", start=START, data_dir=data_dir / "d", kafka=kafka
    ) as stage:
        await stage.run()
        stage._workers[0].kill()
        stage.after(1.0, call(stage, "C1"))
        with pytest.raises(StackError, match="worker"):
            await stage.run()
