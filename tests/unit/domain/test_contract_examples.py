"""Every input example is taken as it stands, in lives that make it legal, in the packaged city.

What is published on the way is what the schemas say.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

import dispatch
from dispatch.domain.city import City
from dispatch.policy.pack import load_pack
from dispatch.schemas import examples, file_of, schemas
from dispatch.store.inbound import read
from dispatch.store.plan import read_plan
from dispatch.topics import INPUT_TOPICS, TOPIC_OF, key_of
from dispatch.topics.cloudevents import write_headers
from dispatch.topics.envelope import Record
from dispatch.topics.fields import Content, parse_time
from tests.unit.domain.city_builder import SmallCity

EXAMPLES: Final = examples()
SCHEMAS: Final = schemas()
PLAN: Final = read_plan(Path(dispatch.__path__[0]) / "cities" / "hulunbuir.toml")
PACK: Final = load_pack("covid-19")

# A step is an example as it stands, or a type with what is otherwise than in its example.
Step = str | tuple[str, dict[str, Any]]


def status(of: str, **more: Any) -> Step:
    return ("unit.reported", {"status": of, "position": None, **more})


DAY: Final = "2022-12-23T"
OPEN: Final[tuple[Step, ...]] = ("call.received", "call.answered", "order.acknowledged")
ON_SCENE: Final[tuple[Step, ...]] = (
    *OPEN,
    "unit.reported",
    status("on_scene", at=f"{DAY}00:11:00Z"),
)
ARRIVED: Final[tuple[Step, ...]] = (
    *ON_SCENE,
    status("transporting", at=f"{DAY}00:27:00Z"),
    status("at_hospital", at=f"{DAY}00:44:00Z"),
)
OFFERED: Final[tuple[Step, ...]] = ("transfer.requested",)
NEIGHBOUR: Final[dict[str, Any]] = {
    "chief_complaint": "发热两天",
    "caller": {"kind": "public", "phone": "13904700037"},
    "received_at": f"{DAY}00:05:00Z",
}
LIVES: Final[dict[str, tuple[Step, ...]]] = {
    "a case from the call to the clean vehicle": (
        "hospital.reported",
        "supplies.reported",
        "city.mode_switched",
        ("city.mode_switched", {"mode": "epidemic"}),
        *OPEN,
        "handover.acknowledged",
        "unit.reported",
        status("on_scene", at=f"{DAY}00:11:00Z"),
        "scene.reported",
        "observations.reported",
        status("transporting", at=f"{DAY}00:27:00Z"),
        status("at_hospital", at=f"{DAY}00:44:00Z"),
        "handover.signed_by_crew",
        "handover.signed_by_hospital",
        "disinfection.certified",
        "result.reported",
        "patient.found",
    ),
    "a case found on the way": (
        *ON_SCENE,
        "case.found",
        "report.acknowledged",
        "survey.completed",
        "crew.infected",
    ),
    "the hospital's own centre": (
        *ARRIVED,
        "handover.signed_by_crew",
        "handover.signed_by_hospital",
        "disinfection.certified_by_hospital",
        "patient.left",
    ),
    "a vehicle let go": (*ARRIVED, "handover.signed_by_crew", "signature.waived"),
    "a death": (*ON_SCENE, "patient.died"),
    "nobody there": (*ON_SCENE, "run.ended"),
    "a hospital that is full": (*ON_SCENE, "handover.diverted"),
    "the dispatcher's word": (*OPEN, "call.overridden"),
    "a hold": ("call.received", "call.held", "call.resumed"),
    "a call taken back": ("call.received", "call.answered", "call.cancelled"),
    "a link undone": (
        "call.received",
        ("call.received", NEIGHBOUR | {"call_id": "c-1025"}),
        "call.unlinked",
    ),
    "a link confirmed": (
        "call.received",
        ("call.received", NEIGHBOUR | {"call_id": "c-1026", "location": {"latitude": 49.2138}}),
        "call.link_confirmed",
    ),
    "a link refused": (
        "call.received",
        ("call.received", NEIGHBOUR | {"call_id": "c-1027", "location": {"latitude": 49.2138}}),
        "call.link_refused",
    ),
    "an ordinary run": (
        *(
            status("off_duty", unit_id=f"HLR-0{number}", at=f"{DAY}00:00:00Z")
            for number in (1, 2, 4, 5, 6, 7, 8)
        ),
        (
            "call.received",
            {
                "call_id": "c-1025",
                "chief_complaint": "脚扭伤",
                "patient": {"condition": "stable", "symptoms": [], "case_status": "none"},
            },
        ),
        *(
            status(each, unit_id="HLR-03", at=f"{DAY}00:{minute}:00Z")
            for each, minute in (
                ("rolling", "10"),
                ("on_scene", "20"),
                ("transporting", "30"),
                ("at_hospital", "40"),
            )
        ),
        ("handover.signed_by_crew", {"unit_id": "HLR-03", "handover_id": "c-1025/A1/H1"}),
        (
            "handover.signed_by_hospital",
            {"hospital_id": "HLR-PEOPLES", "handover_id": "c-1025/A1/H1"},
        ),
        "vehicle.cleaned",
    ),
    "a transfer and its bed": (
        *OFFERED,
        "transfer.accepted",
        *(
            status(each, unit_id="?t-17", at=f"{DAY}0{hour}:00Z")
            for each, hour in (
                ("rolling", "8:10"),
                ("on_scene", "8:30"),
                ("transporting", "8:50"),
                ("at_hospital", "9:20"),
            )
        ),
        ("handover.signed_by_crew", {"unit_id": "?t-17", "handover_id": "t-17/A1/H1"}),
        ("handover.signed_by_hospital", {"handover_id": "t-17/A1/H1"}),
        "bed.freed",
    ),
    "a transfer diverted": (*OFFERED, "transfer.diverted"),
    "a transfer taken back": (*OFFERED, "transfer.cancelled"),
    "a batch": ("transfer.batch.requested", "transfer.batch.amended", "transfer.batch.cancelled"),
    "a patient who went home": (
        ("transfer.requested", {"transfer_id": "t-31", "kind": "recovered"}),
        ("transfer.accepted", {"hospital_id": "HLR-COMMUNITY", "offer_id": "t-31/O1"}),
        *(
            status(each, unit_id="?t-31", at=f"{DAY}0{hour}:00Z")
            for each, hour in (
                ("rolling", "8:10"),
                ("on_scene", "8:30"),
                ("transporting", "8:50"),
                ("at_hospital", "9:20"),
            )
        ),
        ("handover.signed_by_crew", {"unit_id": "?t-31", "handover_id": "t-31/A1/H1"}),
        (
            "handover.signed_by_hospital",
            {"hospital_id": "HLR-COMMUNITY", "handover_id": "t-31/A1/H1"},
        ),
        "follow_up.completed",
    ),
}


class PackagedCity(SmallCity):
    """The city that comes along, with its pack."""

    def __init__(self) -> None:
        super().__init__(hospitals=())
        self.city = City(
            pack=PACK,
            districts=PLAN.districts,
            mode="epidemic",
            travel=PLAN.travel_under(PACK),
            bounds=PLAN.bounds_under(PACK),
        )
        self.do(_put_plan_into)


def _put_plan_into(city: City) -> None:
    PLAN.put_into(city)


def sent(event_type: str, body: dict[str, Any], at: datetime) -> Content:
    """Return what the service reads of an event as its sender publishes it."""
    topic = TOPIC_OF[event_type]
    key = next((body[field] for field in topic.key_fields if field in body), topic.key)
    record = Record(
        topic=f"dispatch.{topic.name}",
        partition=0,
        offset=0,
        timestamp_ms=0,
        key=key.encode(),
        value=json.dumps(body).encode(),
        headers=write_headers(
            event_id="e-1", event_type=event_type, at=at, subject=key, source="test"
        ),
    )
    inbound = read(record, topic=topic.name)
    assert inbound.event is not None, inbound.reasons
    assert key_of(inbound.event) == key
    return inbound.event


def filled(city: SmallCity, value: Any) -> Any:
    """Return a value, or the unit on the incident that it asks for."""
    if isinstance(value, str) and value.startswith("?"):
        return city.on_the_incident(value[1:])[0]
    return value


@pytest.fixture(scope="module")
def lived() -> dict[str, SmallCity]:
    """Return the city of each life after it."""
    return {name: live(steps) for name, steps in LIVES.items()}


def live(steps: tuple[Step, ...]) -> SmallCity:
    city = PackagedCity()
    for step in steps:
        event_type, changes = (step, {}) if isinstance(step, str) else step
        body = EXAMPLES[event_type] | {
            name: (EXAMPLES[event_type][name] | value) if name == "location" else value
            for name, value in changes.items()
        }
        body = {name: filled(city, value) for name, value in body.items() if value is not None}
        said = next(body[name] for name in ("at", "received_at", "answered_at") if name in body)
        at = parse_time(said)
        city.now = at
        city.say(sent(event_type, body, at))
    return city


def test_the_lives_have_every_input_example_as_it_stands() -> None:
    plain = {step for steps in LIVES.values() for step in steps if isinstance(step, str)}
    assert plain == {event.event_type for topic in INPUT_TOPICS for event in topic.events}


def test_every_input_example_is_taken(lived: dict[str, SmallCity]) -> None:
    for name, city in lived.items():
        rejected = [
            emission.event
            for emission in city.history
            if emission.event.event_type.endswith("rejected")
        ]
        assert rejected == [], name


def test_what_is_published_is_what_the_schemas_say(lived: dict[str, SmallCity]) -> None:
    for event_type, body in published(lived):
        validator = jsonschema.Draft202012Validator(SCHEMAS[file_of(event_type)])
        validator.validate(body)


def published(lived: dict[str, SmallCity]) -> Iterator[tuple[str, dict[str, Any]]]:
    for city in lived.values():
        for emission in city.history:
            yield emission.event.event_type, json.loads(emission.event.model_dump_json())
