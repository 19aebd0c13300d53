import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatch import cli
from dispatch.cli import publishing
from dispatch.cli.call import as_call
from dispatch.cli.publishing import answers
from dispatch.client import Event, Published
from dispatch.errors import Unavailable
from dispatch.settings import KafkaSettings
from dispatch.topics import EVENTS, key_of
from dispatch.topics.fields import Content
from dispatch.topics.observations import READINGS

NOW = datetime(2022, 12, 23, tzinfo=UTC)
OF_A_CALL = ["--district", "150702", "--address", "somewhere"]
SIGNED = ["--by", "console-3", "--reason", "because"]
OF_A_TRANSFER = [
    *("--id", "t-1", "--institution", "clinic", "--kind", "confirmed", "--by", "x"),
    *("--patient", "p1/mild/walking", "--district", "150702", "--address", "胜利街"),
]
RUN = ["A-1", "c-1/A1"]
ADMITTED = ["H-1", "c-1/A1/H1"]
CERTIFICATE = [
    *("--agent", "chlorine", "--concentration", "1000", "--contact-minutes", "60"),
    *("--started-at", "2022-12-23T00:00:00Z", "--ended-at", "2022-12-23T01:00:00Z"),
    *("--operator", "o-1", "--waste-bags", "2"),
]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Content]:
    """Keep what would be published."""
    kept: list[Content] = []

    async def keep(
        _kafka: KafkaSettings, _prefix: str, event: Content, *, at: datetime
    ) -> Published:
        assert at.tzinfo is not None
        kept.append(event)
        return Published("e-1", "dispatch-cli", event.event_type, "t", key_of(event), 0, 7)

    monkeypatch.setattr(publishing, "publish", keep)
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    return kept


@pytest.mark.parametrize(
    ("arguments", "event_type", "key"),
    [
        (["call", "--id", "c-1", *OF_A_CALL], "call.received", "c-1"),
        (["answer", "c-1", "--travel", "no"], "call.answered", "c-1"),
        (["answer", "c-1", "--take-back", "fever"], "call.answered", "c-1"),
        (["override", "c-1", "--unit", "A-1", *SIGNED], "call.overridden", "c-1"),
        (["hold", "c-1", "--until", "2030-01-01T00:00:00Z", *SIGNED], "call.held", "c-1"),
        (["hold", "c-1", "--resume", *SIGNED], "call.resumed", "c-1"),
        (["cancel", "c-1", *SIGNED], "call.cancelled", "c-1"),
        (["answer", "c-1", "--address", "2 Main Street"], "call.answered", "c-1"),
        (["link", "c-2", *SIGNED], "call.link_confirmed", "c-2"),
        (["link", "c-2", "--to", "c-1", "--refuse", *SIGNED], "call.link_refused", "c-2"),
        (["unlink", "c-1", *SIGNED], "call.unlinked", "c-1"),
        (["waive", "c-1", "--unit", "A-1", *SIGNED], "signature.waived", "c-1"),
        (["unit", "report", "A-1", "--status", "rolling"], "unit.reported", "A-1"),
        (["unit", "acknowledge", *RUN], "order.acknowledged", "A-1"),
        (
            ["unit", "end-run", *RUN, "--outcome", "empty", "--reason", "patient_left"],
            "run.ended",
            "A-1",
        ),
        (["unit", "case-found", *RUN, "--case-status", "suspected"], "case.found", "A-1"),
        (["unit", "scene", *RUN, "--address", "2 Main Street"], "scene.reported", "A-1"),
        (["unit", "died", *RUN], "patient.died", "A-1"),
        (["unit", "sign", "A-1", "c-1/A1/H1", "--by", "x"], "handover.signed_by_crew", "A-1"),
        (["unit", "cleaned", *RUN, "--by", "x", "--agent", "soap"], "vehicle.cleaned", "A-1"),
        (["unit", "observe", *RUN, "--spo2", "97"], "observations.reported", "A-1"),
        (["unit", "certify", "A-1", "c-1/A1/D", *CERTIFICATE], "disinfection.certified", "A-1"),
        (["hospital", "report", "H-1", "--room", "isolation=2"], "hospital.reported", "H-1"),
        (["hospital", "free-bed", "H-1", "--room", "icu"], "bed.freed", "H-1"),
        (["hospital", "supplies", "H-1", "--item", "gown=9/0.5"], "supplies.reported", "H-1"),
        (["hospital", "acknowledge", *ADMITTED, "--by", "x"], "handover.acknowledged", "H-1"),
        (["hospital", "divert", *ADMITTED, *SIGNED], "handover.diverted", "H-1"),
        (["hospital", "sign", *ADMITTED, "--by", "x"], "handover.signed_by_hospital", "H-1"),
        (["hospital", "found", *ADMITTED, "--case-status", "confirmed"], "patient.found", "H-1"),
        (
            ["hospital", "result", *ADMITTED, "--test", "nucleic_acid", "--negative"],
            "result.reported",
            "H-1",
        ),
        (["hospital", "follow-up", *ADMITTED, "--by", "x"], "follow_up.completed", "H-1"),
        (["commission", "acknowledge", "c-1", "c-1/R1", "--by", "x"], "report.acknowledged", "c-1"),
        (
            ["commission", "survey", "c-1", "--by", "x", "--generation", "2", "--contacts", "9"],
            "survey.completed",
            "c-1",
        ),
        (["commission", "infected", "c-1", "A-1", "--by", "x"], "crew.infected", "c-1"),
        (["transfers", "request", *OF_A_TRANSFER], "transfer.requested", "t-1"),
        (["transfers", "cancel", "t-1", *SIGNED], "transfer.cancelled", "t-1"),
        (["transfers", "accept", "H-1", "t-1/O1", "--by", "x"], "transfer.accepted", "H-1"),
        (["transfers", "divert", "H-1", "t-1/O1", *SIGNED], "transfer.diverted", "H-1"),
        (["transfers", "call-off", "b-1", *SIGNED], "transfer.batch.cancelled", "b-1"),
        (["mode", "routine", *SIGNED], "city.mode_switched", "city"),
    ],
)
def test_every_input_is_published_by_a_command(
    published: list[Content],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    event_type: str,
    key: str,
) -> None:
    assert cli.run(arguments) == 0
    [event] = published
    assert type(event) is EVENTS[event_type]
    said = json.loads(capsys.readouterr().out)
    assert (said["id"], said["type"], said["key"]) == ("e-1", event_type, key)


def test_every_vital_sign_has_an_option_and_zero_is_one(published: list[Content]) -> None:
    numbers = {
        "--heart-rate": 0, "--breaths": 12, "--systolic": 120, "--diastolic": 80, "--spo2": 98,
        "--temperature": 36.6, "--glasgow": 15, "--glasgow-eye": 4, "--glasgow-verbal": 5,
        "--glasgow-motor": 6, "--oxygen": 2, "--glucose": 5.5,
    }  # fmt: skip
    options = [each for name, value in numbers.items() for each in (name, str(value))]
    more = ["--ecg", "https://ecg.example.org/1", "--patient", "p1", "--at", "2022-12-23T08:00:00Z"]
    assert cli.run(["unit", "observe", *RUN, *options, *more]) == 0
    [event] = published
    said = event.model_dump(exclude={"unit_id", "assignment_id", "at"})
    assert said == dict(
        zip(READINGS, (0, 12, 120, 80, 98, 36.6, 4, 5, 6, 15, 2, 5.5), strict=True)
    ) | {
        "ecg_url": "https://ecg.example.org/1",
        "patient_id": "p1",
    }


@pytest.mark.parametrize(
    "said",
    [
        (
            "batch",
            {
                "batch_id": "b-1",
                "institution_id": "clinic",
                "district": "150702",
                "location": {"address": "胜利街"},
                "kind": "confirmed",
                "patients": [{"patient_id": "p1", "severity": "mild", "mobility": "walking"}],
                "by": "x",
            },
            "transfer.batch.requested",
        ),
        (
            "amend",
            {"batch_id": "b-1", "by": "x", "reason": "stays", "withdrawn": ["p1"]},
            "transfer.batch.amended",
        ),
    ],
)
def test_a_batch_is_published_as_its_file_has_it(
    published: list[Content],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    said: tuple[str, dict[str, Any], str],
) -> None:
    command, body, event_type = said
    path = tmp_path / "batch.json"
    path.write_text(json.dumps(body))
    assert cli.run(["transfers", command, str(path)]) == 0
    [event] = published
    assert type(event) is EVENTS[event_type]
    assert json.loads(capsys.readouterr().out)["key"] == "b-1"


def test_a_transfer_is_made_of_its_options(published: list[Content]) -> None:
    more = ["--patient", "p2/critical/stretcher/oxygen,ventilator", "--hospital", "H-2"]
    assert cli.run(["transfers", "request", *OF_A_TRANSFER, *more]) == 0
    [event] = published
    body = json.loads(event.model_dump_json())
    assert body["hospital_id"] == "H-2"
    assert body["location"] == {"address": "胜利街"}
    assert body["patients"] == [
        {"patient_id": "p1", "severity": "mild", "mobility": "walking", "needs": []},
        {
            "patient_id": "p2",
            "severity": "critical",
            "mobility": "stretcher",
            "needs": ["oxygen", "ventilator"],
        },
    ]


def test_a_call_is_made_of_its_options(published: list[Content]) -> None:
    options = [
        *("--id", "c-1", "--district", "150702", "--condition", "critical"),
        *("--symptom", "fever", "--symptom", "cough", "--case-status", "suspected"),
        *("--travel", "yes", "--close-contact", "unknown", "--at", "2022-12-23T08:00:00+08:00"),
        *("--latitude", "49.2", "--longitude", "119.7", "--address", "胜利街", "--phone", "120"),
        *("--complaint", "x", "--count", "2", "--institution", "H-9", "--cannot-admit"),
    ]
    assert cli.run(["call", *options]) == 0
    assert json.loads(published[0].model_dump_json()) == {
        "call_id": "c-1",
        "received_at": "2022-12-23T00:00:00Z",
        "district": "150702",
        "caller": {
            "kind": "institution",
            "institution_id": "H-9",
            "can_admit_suspected": False,
            "phone": "120",
        },
        "patient": {
            "condition": "critical",
            "symptoms": ["fever", "cough"],
            "case_status": "suspected",
        },
        "epidemiology": {"travel": "yes", "close_contact": "unknown"},
        "location": {"latitude": 49.2, "longitude": 119.7, "address": "胜利街"},
        "chief_complaint": "x",
        "patient_count": 2,
    }


def test_a_call_without_id_and_time_gets_both(published: list[Content]) -> None:
    before = datetime.now(UTC)
    assert cli.run(["call", *OF_A_CALL]) == 0
    assert cli.run(["call", *OF_A_CALL]) == 0
    first, second = (json.loads(event.model_dump_json()) for event in published)
    assert first["call_id"] != second["call_id"]
    when = datetime.fromisoformat(first["received_at"])
    assert timedelta(0) <= when - before < timedelta(minutes=1)


def test_a_call_comes_from_a_file_with_options_laid_over_it(
    published: list[Content], tmp_path: Path
) -> None:
    body = {
        "call_id": "c-1",
        "received_at": "2022-12-23T00:00:00Z",
        "district": "150702",
        "caller": {"kind": "public", "phone": "120"},
        "patient": {"condition": "stable", "symptoms": ["fever"], "case_status": "none"},
        "location": {"address": "somewhere"},
    }
    file = tmp_path / "call.json"
    file.write_text(json.dumps(body, indent=2))
    assert cli.run(["call", str(file)]) == 0
    assert cli.run(["call", str(file), "--id", "c-2", "--condition", "critical"]) == 0
    same, changed = (json.loads(event.model_dump_json()) for event in published)
    assert same == body
    assert changed["call_id"] == "c-2"
    assert changed["patient"] == {
        "condition": "critical",
        "symptoms": ["fever"],
        "case_status": "none",
    }


def test_a_position_on_the_command_line_has_a_datum_of_its_own(
    published: list[Content], tmp_path: Path
) -> None:
    body = {
        "call_id": "c-1",
        "received_at": "2022-12-23T00:00:00Z",
        "district": "150702",
        "caller": {"kind": "public"},
        "patient": {"condition": "stable", "symptoms": [], "case_status": "none"},
        "location": {"latitude": 49.2, "longitude": 119.7, "datum": "GCJ-02"},
    }
    file = tmp_path / "call.json"
    file.write_text(json.dumps(body))
    place = ["--latitude", "49.2", "--longitude", "119.7"]
    assert cli.run(["call", str(file)]) == 0
    assert cli.run(["call", str(file), *place]) == 0
    assert cli.run(["call", str(file), *place, "--datum", "gcj-02"]) == 0
    shifted, plain, again = (event.model_dump()["location"] for event in published)
    assert plain == {"latitude": 49.2, "longitude": 119.7}
    assert shifted == again != plain


def test_what_is_no_object_is_left_for_the_model_to_refuse() -> None:
    names = [
        *("call_id", "received_at", "district", "complaint", "count", "latitude", "longitude"),
        *("datum", "address", "phone", "institution", "can_admit", "condition", "case_status"),
        *("travel", "residence", "close_contact", "exposure"),
    ]
    over: dict[str, Any] = {**dict.fromkeys(names), "symptoms": (), "condition": "stable"}
    assert as_call(over, {"patient": 7}) == {"patient": 7}


@pytest.mark.parametrize(
    ("arguments", "reasons"),
    [
        (["call", "--at", "x"], ["received_at: must be an RFC 3339", "district: is required"]),
        (["call", os.devnull], ["body: is empty"]),
        (["answer", "c-1"], ["body: needs at least one of epidemiology"]),
        (["answer", "c 1", "--travel", "no"], ["call_id: must be 1 to 64 of"]),
        (["unit", "report", "A-1", "--latitude", "4"], ["position.longitude: is required"]),
        (["hospital", "report", "H-1"], ["body: needs at least one of status, rooms"]),
        (["hospital", "report", "H-1", "--bays", "2"], ["decontamination.status: is required"]),
        (["mode", "routine", "--by", "", "--reason", "x"], ["by: must not be empty"]),
    ],
)
def test_an_invalid_event_is_refused_by_field_and_not_published(
    published: list[Content],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reasons: list[str],
) -> None:
    assert cli.run(arguments) == 1
    assert published == []
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nothing was published" in shown.err
    for reason in reasons:
        assert f"  {reason}" in shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["cancel", "c-1"],
        ["call", "--condition", "purple"],
        ["mode", "party", *SIGNED],
        ["hospital", "report", "H-1", "--room", "two"],
        ["hospital", "supplies", "H-1", "--item", "gown=many"],
        ["transfers", "request", "--patient", "p1"],
        ["call", *OF_A_CALL, "--wait", "0"],
        ["unit"],
    ],
)
def test_wrong_arguments_are_a_usage_error(published: list[Content], arguments: list[str]) -> None:
    assert cli.run(arguments) == 2
    assert published == []


def test_an_unreachable_broker_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DISPATCH_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert cli.run(["cancel", "c-1", *SIGNED]) == 1
    assert capsys.readouterr().err.startswith("dispatch: Kafka at 127.0.0.1:1: ")


def an_event(cause: str) -> Event:
    return Event("incidents", 0, 0, NOW, "c-1", {"type": "call.decided", "cause": cause}, {})


async def some(*causes: str) -> AsyncIterator[Event]:
    for cause in causes:
        yield an_event(cause)
    await asyncio.Event().wait()


async def test_answers_are_what_the_input_caused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "QUIET", 0.01)
    found = [event async for event in answers(some("x", "s#1", "y", "s#1"), "s#1", 30)]
    assert [event.attributes["cause"] for event in found] == ["s#1", "s#1"]


async def test_silence_ends_the_wait() -> None:
    assert [event async for event in answers(some("x"), "s#1", 0.01)] == []


async def test_a_reader_that_fails_ends_the_wait() -> None:
    async def broken() -> AsyncIterator[Event]:
        yield an_event("x")
        raise Unavailable

    with pytest.raises(Unavailable):
        _ = [event async for event in answers(broken(), "s#1", 30)]
