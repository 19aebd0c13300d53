"""A desk on a small city, and the records that consoles, crews and hospitals would send it."""

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from dispatch.store.plan import (
    BoundsPlan,
    CityPlan,
    DistrictPlan,
    HospitalPlan,
    StationPlan,
    UnitPlan,
)
from dispatch.topics.cloudevents import timestamp, write_headers
from dispatch.topics.envelope import Outgoing, Record

START = datetime(2022, 3, 1, tzinfo=UTC)
PREFIX = "dispatch."
DISTRICT = "150702"


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Post:
    """Makes records as Kafka would hand them over."""

    clock: HandClock
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def record(
        self,
        topic: str,
        event_type: str,
        key: str,
        body: dict[str, Any] | bytes,
        *,
        event_id: str | None = None,
    ) -> Record:
        number = next(self.numbers)
        return Record(
            topic=PREFIX + topic,
            partition=0,
            offset=number,
            timestamp_ms=0,
            key=key.encode(),
            value=body if isinstance(body, bytes) else orjson.dumps(body),
            headers=write_headers(
                event_id=event_id or f"event-{number}",
                event_type=event_type,
                at=self.clock.time,
                subject=key,
                source="test",
            ),
            incarnation="broker-1",
        )

    def call(self, call_id: str, *, event_id: str | None = None, **patient: Any) -> Record:
        body = call_body(call_id, self.clock.time, **patient)
        # No two calls at one place, or they would be linked.
        body["location"]["latitude"] += 0.01 * int("0" + call_id.strip("cgod"))
        return self.record("calls", "call.received", call_id, body, event_id=event_id)

    def transfer(self, transfer_id: str, **changes: Any) -> Record:
        """Return an institution's request to move one mild case."""
        patient = {"patient_id": "p1", "severity": "mild", "mobility": "walking"}
        body = {
            "transfer_id": transfer_id,
            "at": timestamp(self.clock.time),
            "institution_id": "clinic",
            "district": DISTRICT,
            "location": {"latitude": 49.2, "longitude": 119.7},
            "kind": "confirmed",
            "patients": [patient],
            "by": "nurse",
        }
        return self.record("transfers", "transfer.requested", transfer_id, body | changes)

    def unit(self, unit_id: str, event_type: str = "unit.reported", **body: Any) -> Record:
        body = {"unit_id": unit_id, "at": timestamp(self.clock.time), **body}
        return self.record("units", event_type, unit_id, body)

    def hospital(self, hospital_id: str, event_type: str, **body: Any) -> Record:
        body = {"hospital_id": hospital_id, "at": timestamp(self.clock.time), **body}
        return self.record("hospitals", event_type, hospital_id, body)


def call_body(call_id: str, at: datetime, **patient: Any) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "received_at": timestamp(at),
        "district": DISTRICT,
        "caller": {"kind": "public"},
        "patient": {
            "condition": "stable",
            "symptoms": [],
            "case_status": "none",
            **patient,
        },
        "location": {"latitude": 49.2, "longitude": 119.7},
    }


def small_city(units: int = 3) -> CityPlan:
    return CityPlan(
        name="small",
        time_zone="Asia/Shanghai",
        # A thousand calls reach far beyond the city: see `Post.call`.
        bounds=BoundsPlan(south=45.0, west=115.0, north=60.0, east=125.0),
        district=(DistrictPlan(code=DISTRICT, name="one", latitude=49.2, longitude=119.7),),
        station=(
            StationPlan(station_id="S1", district=DISTRICT, latitude=49.21, longitude=119.71),
        ),
        unit=(
            *(
                UnitPlan(unit_id=f"R{n}", station="S1", vehicle="monitoring", crew="regular")
                for n in range(1, units + 1)
            ),
            UnitPlan(unit_id="T1", station="S1", vehicle="negative_pressure", crew="transfer"),
        ),
        hospital=(
            HospitalPlan(
                hospital_id="H1",
                name="first",
                district=DISTRICT,
                latitude=49.22,
                longitude=119.75,
                roles=("fever_clinic", "emergency_buffer", "ordinary"),
                decontamination=True,
                rooms={"fever_clinic": 5, "buffer": 5, "emergency": 50},
            ),
            HospitalPlan(
                hospital_id="D1",
                name="for cases",
                district=DISTRICT,
                latitude=49.23,
                longitude=119.76,
                roles=("designated",),
                jurisdiction=(DISTRICT,),
                decontamination=True,
                rooms={"isolation": 5},
            ),
        ),
    )


def kinds(events: Any) -> list[str]:
    return [header(event, "ce_type") for event in events]


def header(event: Outgoing, name: str) -> str:
    return dict(event.headers)[name].decode()


def body(event: Outgoing) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(event.value)
    return content


def of_kind(events: Any, kind: str) -> list[dict[str, Any]]:
    return [body(event) for event in events if header(event, "ce_type") == kind]


async def fire_due(desk: Desk) -> Sequence[Outgoing]:
    """Fire what is due, as the timers do."""
    by = await desk.due()
    return () if by is None else await desk.fire_due(by)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def post(clock: HandClock) -> Post:
    return Post(clock)


@pytest_asyncio.fixture
async def open_desk(migrated: str, clock: HandClock) -> AsyncIterator[Callable[..., Any]]:
    """Yield a function that opens a desk on this test's database; all are closed at the end."""
    desks: list[Desk] = []

    async def opened(*, units: int = 3) -> Desk:
        desk = Desk(
            {"dsn": migrated},
            plan=small_city(units),
            pack=load_pack("covid-19"),
            clock=clock,
            topic_prefix=PREFIX,
        )
        desks.append(desk)
        await desk.open()
        await desk.published(await desk.leftovers(0, 1_000))
        return desk

    yield opened
    for desk in desks:
        await desk.close()


@pytest_asyncio.fixture
async def desk(open_desk: Callable[..., Any]) -> Desk:
    opened: Desk = await open_desk()
    return opened
