"""Where an event of the log goes, and what it says there."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from dispatch.store.writing import as_outgoing
from dispatch.topics import TOPIC_OF, Parties
from dispatch.topics.envelope import Outgoing

AT = datetime(2022, 12, 23, tzinfo=UTC)
PARTIES = Parties(
    hospitals=frozenset({"H1"}), units=frozenset({"U1"}), institutions=frozenset({"I1"})
)


def published(event_type: str, key: str, **data: Any) -> Outgoing:
    row = {
        "position": 1,
        "event_id": "e",
        "topic": TOPIC_OF[event_type].name,
        "key": key,
        "sequence": 1,
        "type": event_type,
        "at": AT,
        "cause": "c",
        "data": orjson.dumps(data).decode(),
    }
    return as_outgoing(row, "city-a.", PARTIES)


def bodies(event: Outgoing) -> dict[str, Any]:
    return {topic: orjson.loads(body) for topic, body in event.bodies}


AMENDED = {
    "assignment_id": "c1/A1",
    "because": "an answer came in; taken back: fever",
    "changed": {"symptoms": [], "call_back": "13800000001", "condition": "critical"},
}


def test_a_crew_reads_all_and_everybody_else_what_is_nobodys_own() -> None:
    said = bodies(published("order.amended", "U1", **AMENDED))
    assert said == {
        "city-a.orders.U1": AMENDED,
        "city-a.orders": {
            "assignment_id": "c1/A1",
            "because": "",
            "changed": {"symptoms": None, "call_back": None, "condition": "critical"},
        },
    }


def test_of_the_place_in_a_changed_order_everybody_else_reads_the_district() -> None:
    centre = {"latitude": 40.8, "longitude": 111.6}
    scene = {"latitude": 40.82, "longitude": 111.63, "address": "胜利街 1 号", "centre": centre}
    changed = AMENDED | {"changed": {"scene": scene}, "scene": scene}
    said = bodies(published("order.amended", "U1", **changed))
    assert said["city-a.orders.U1"]["scene"] == scene
    told = {**scene, **centre, "source": "district_centre", "address": None}
    assert said["city-a.orders"]["scene"] == told
    assert said["city-a.orders"]["changed"] == {"scene": told}


def test_a_unit_without_a_topic_holds_up_nobody_and_shows_nothing() -> None:
    said = bodies(published("order.amended", "U9", **AMENDED))
    assert said.keys() == {"city-a.orders"}
    assert "13800000001" not in str(said)


def test_a_centre_reads_what_was_carried_and_others_that_something_was() -> None:
    carried = {"case_status": "suspected", "history": "positive", "symptoms": ["fever"]}
    said = bodies(published("disinfection.ordered", "U1", centre_id="H1", carried=carried))
    assert said["city-a.disinfections.H1"]["carried"] == carried
    assert said["city-a.disinfections"]["carried"] == {"case_status": "suspected"}


def test_a_certificate_names_its_operator_to_the_centre_alone() -> None:
    said = bodies(published("disinfection.accepted", "U1", centre_id="H1", operator="Wang"))
    assert said["city-a.disinfections.H1"]["operator"] == "Wang"
    assert "Wang" not in str(said["city-a.disinfections"])


def test_a_job_at_the_units_base_is_told_on_the_shared_topic_alone() -> None:
    said = bodies(
        published("disinfection.ordered", "U1", centre_id=None, carried={"symptoms": ["fever"]})
    )
    assert said == {"city-a.disinfections": {"centre_id": None, "carried": {"case_status": None}}}


@pytest.mark.parametrize(("asked_by", "has_one"), [("I1", True), ("H1", True), ("I9", False)])
def test_an_institution_reads_of_its_own_patients(asked_by: str, has_one: bool) -> None:
    event = published("transfer.progressed", "t-1", institution_id=asked_by)
    own = f"city-a.placements.{asked_by}"
    assert event.copy_to == (own if has_one else None)
    assert event.key == "t-1"


def test_what_nobody_has_of_his_own_is_published_as_it_is_in_the_log() -> None:
    event = published("call.decided", "c-1", incident_id="c-1")
    assert event.bodies == (("city-a.incidents", b'{"incident_id":"c-1"}'),)
