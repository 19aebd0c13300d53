"""The world of the fault bench: whose words wait, are placed otherwise, or have wrong times."""

import asyncio
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from dispatch.clock import ScenarioClock
from dispatch.kafka.placement import number_of
from dispatch.policy.pack import load_pack
from dispatch.simulation import crews, hospitals
from dispatch.simulation.seen import Seen
from dispatch.store.plan import read_plan
from dispatch.topics.hospitals import HandoverSignedByHospital, HospitalReported
from dispatch.topics.units import DisinfectionCertified, UnitReported
from tests.faults import faults
from tests.faults.bench import Load
from tests.faults.city import city_plan
from tests.faults.faults import Injector, until
from tests.faults.findings import NOT_THE_CITYS, UNTOLD
from tests.faults.kinds import Kind
from tests.faults.patrol import FOR_GOOD, LONG, Patrol
from tests.faults.steps import Step
from tests.faults.world import World

NOW = datetime(2022, 12, 23, tzinfo=UTC)
PARTITIONS = 8
# Which CRC32 and murmur2 place on different partitions.
UNIT = next(
    f"U{n}"
    for n in range(100)
    if zlib.crc32(b"U%d" % n) % PARTITIONS != number_of(b"U%d" % n) % PARTITIONS
)


class Producer:
    """Takes what is sent, as long as it is open."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, topic: str, **record: Any) -> "asyncio.Future[None]":
        self.sent.append({"topic": topic, **record})
        await self.open.wait()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    @property
    def said(self) -> list[dict[str, Any]]:
        return [orjson.loads(record["value"]) for record in self.sent]


@pytest.fixture
def producer() -> Producer:
    return Producer()


@pytest.fixture
def world(tmp_path: Path, producer: Any) -> Iterator[World]:
    plan = tmp_path / "city.toml"
    plan.write_text(city_plan(100), encoding="utf-8")
    clock = ScenarioClock.create(tmp_path / "clock", NOW, 0.0)
    made = World(
        client_options={},
        enable_idempotence=True,
        prefix="p.",
        partitions=PARTITIONS,
        clock=clock,
        plan=read_plan(plan),
        pack=load_pack("covid-19"),
    )
    made._producer = producer
    yield made
    clock.close()


def report(status: Any, unit_id: str = UNIT, at: datetime = NOW) -> UnitReported:
    return UnitReported(unit_id=unit_id, at=at, status=status)


async def test_each_crew_publishes_as_itself(world: World, producer: Producer) -> None:
    await world.publish(report("rolling"), source=crews.SOURCE)
    await world.publish(report("rolling"), source="patrol")
    sources = [dict(record["headers"])["ce_source"].decode() for record in producer.sent]
    assert sources == [f"crews/{UNIT}", "patrol"]


async def test_words_that_are_held_back_come_in_order_before_later_ones(
    world: World, producer: Producer
) -> None:
    holding = asyncio.create_task(
        world.hold_back(lambda sent: sent.topic == "units" and sent.key == UNIT.encode(), 0.02)
    )
    await asyncio.sleep(0)
    for status in ("rolling", "on_scene", "transporting"):
        await world.publish(report(status), source=crews.SOURCE)
    await world.publish(report("rolling", "other"), source=crews.SOURCE)
    assert [said["unit_id"] for said in producer.said] == ["other"]
    assert len(world.recent["units"]) == 1
    producer.open.clear()
    assert await until(lambda: len(producer.sent) > 1, 5)
    # It is being sent, and waits behind what was held back.
    await world.publish(report("at_hospital"), source=crews.SOURCE)
    producer.open.set()
    assert await holding == 4
    await world.publish(report("handed_over"), source=crews.SOURCE)
    statuses = [said["status"] for said in producer.said[1:]]
    assert statuses == ["rolling", "on_scene", "transporting", "at_hospital", "handed_over"]
    await world.delivered()
    assert world.acknowledged["units"] == 6


async def test_all_times_of_a_device_are_by_its_clock(world: World, producer: Producer) -> None:
    world.ahead = {UNIT: timedelta(seconds=90), "H1": timedelta(seconds=-900)}
    certificate = DisinfectionCertified(
        unit_id=UNIT,
        job_id="C1/A1/D",
        at=NOW,
        agent="chlorine_wipe",
        concentration=1000,
        contact_minutes=30,
        started_at=NOW - timedelta(minutes=30),
        ended_at=NOW,
        operator="a",
        waste_bags=1,
    )
    await world.publish(certificate, source=crews.SOURCE)
    reported = HospitalReported(hospital_id="H1", at=NOW, status="open")
    await world.publish(reported, source=hospitals.SOURCE)
    await world.publish(report("rolling"), source="patrol")
    crew, hospital, patrol = producer.said
    seconds = [
        (datetime.fromisoformat(at) - NOW).total_seconds()
        for at in (crew["at"], crew["started_at"], crew["ended_at"], hospital["at"], patrol["at"])
    ]
    assert seconds == [90, 90 - 1_800, 90, -900, 0]


async def test_what_is_placed_by_crc32(world: World, producer: Producer) -> None:
    await world.publish(report("rolling"), source=crews.SOURCE)
    world.by_crc32.append(lambda topic, key: topic == "units" and key == UNIT.encode())
    await world.publish(report("on_scene"), source=crews.SOURCE)
    key = UNIT.encode()
    placed = [record["partition"] for record in producer.sent]
    assert placed == [number_of(key) % PARTITIONS, zlib.crc32(key) % PARTITIONS]
    assert world.partition_of(key) == number_of(key) % PARTITIONS


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("returning", ["available"]),
        ("out_of_service", ["available"]),
        ("handed_over", ["returning"]),
        ("rolling", []),
    ],
)
async def test_a_crew_that_stands_still_is_rung_up_now_and_then(
    world: World, producer: Producer, status: str, says: list[str]
) -> None:
    patrol = Patrol(world)
    patrol._on_changed(_changed(status))
    await patrol._round()
    assert not producer.sent
    world.clock.advance_to(NOW + LONG + timedelta(seconds=1))
    await patrol._round()
    await patrol._round()
    assert [said["status"] for said in producer.said] == says
    assert patrol.rung[status] == len(says)
    assert not patrol.left_standing()
    world.clock.advance_to(NOW + FOR_GOOD + timedelta(seconds=1))
    assert patrol.left_standing() == {status: 1}


async def test_faults_that_last_are_over_when_the_others_are(
    world: World, producer: Producer
) -> None:
    bench: Any = SimpleNamespace(
        world=world,
        load=Load(calls=1, rate=1, speed=60, units=100, lasting=(0.2, 0.3)),
        stack=SimpleNamespace(bootstrap="nowhere:1"),
        prefix="p.",
        disk=None,
    )
    lines: list[str] = []
    injector = Injector(bench, 1, tuple(Step), lines.append)
    kinds = (Kind.DEVICE_CLOCKS, Kind.PARTITIONERS, Kind.DEAD_ZONE, Kind.LATE_SIGNATURES)
    running = asyncio.create_task(injector.run(kinds, 0.0))
    assert await until(lambda: len(injector.injected) == len(kinds), 5)
    assert len(world.ahead) == 11
    for n in range(100):
        await world.publish(report("rolling", f"U{n}"), source=crews.SOURCE)
    said = HandoverSignedByHospital(hospital_id="H1", handover_id="C1/A1/H1", at=NOW, by="a")
    await world.publish(said, source=hospitals.SOURCE)
    assert len(producer.sent) == 90
    assert 0 < sum(map(_by_crc32, producer.sent)) < 90
    await running
    assert len(producer.sent) == 101
    assert (world.ahead, world.by_crc32) == ({}, [])
    assert len(lines) == 2 * len(kinds)
    assert sum(" is over: " in line for line in lines) == len(kinds)


class Worker:
    """A worker whose life is told, and who says or does not say that its clock is wrong."""

    name = "worker-0"
    ahead = 0.0

    def __init__(self, folder: Path, *, says_so: bool) -> None:
        self.log_file = folder / "worker.log"
        self.log_file.touch()
        self._says_so = says_so
        self.lives: list[float] = []

    async def stop(self) -> None:
        self.lives.append(-1.0)

    def start(self) -> None:
        self.lives.append(self.ahead)

    def assigned(self, topic: str) -> frozenset[int]:
        return frozenset({1}) if topic == "p.calls" else frozenset()

    def says(self, what: str, since: int) -> bool:
        return self._says_so and what.startswith("this machine's clock") and since == 0


@pytest.mark.parametrize(
    ("says_so", "late", "found"),
    [(True, 0.0, []), (False, 0.0, [UNTOLD]), (True, 90 * 60.0, [NOT_THE_CITYS])],
)
async def test_a_worker_with_a_wrong_clock_says_so_and_keeps_the_citys_time(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    says_so: bool,
    late: float,
    found: list[str],
) -> None:
    monkeypatch.setattr(faults, "WRONG_AT_MOST", 0.3)
    worker = Worker(tmp_path, says_so=says_so)
    bench: Any = SimpleNamespace(
        world=world,
        clock=world.clock,
        load=Load(calls=1, rate=1, speed=60, units=100),
        stack=SimpleNamespace(bootstrap="nowhere:1"),
        prefix="p.",
        disk=None,
        workers=[worker],
    )
    told: list[str] = []
    injector = Injector(bench, 1, tuple(Step), told.append)
    injecting = asyncio.create_task(injector.inject(Kind.WORKER_CLOCK))
    assert await until(lambda: bool(world._watchers), 5)
    order = orjson.dumps({"at": (NOW + timedelta(seconds=late)).isoformat()})
    for watcher in world._watchers:
        watcher(Seen("orders", UNIT, "order.issued", 1, "e1", "x", order, 0.0))
    await injecting
    assert [finding.kind for finding in injector.findings] == found
    assert abs(worker.lives[1]) == 90
    assert worker.lives == [-1, worker.lives[1], -1, 0]
    assert not world._watchers


def _by_crc32(record: dict[str, Any]) -> bool:
    right: bool = record["partition"] != number_of(record["key"]) % PARTITIONS
    return right


def _changed(status: str) -> Seen:
    said = {"unit_id": UNIT, "status": status, "job_id": None}
    return Seen("fleet", UNIT, "unit.changed", 1, "e1", "x", orjson.dumps(said), 0.0)
