"""The service behind TLS, logins and access lists: it works, and gives no secret away."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dispatch.cli import run
from dispatch.client import Event, open_reader, publish
from dispatch.settings import KafkaSettings
from dispatch.store.plan import read_plan
from dispatch.topics.calls import Call
from dispatch.topics.hospitals import HandoverAcknowledged
from dispatch.topics.units import OrderAcknowledged
from tests.integration.agents import bench
from tests.integration.security.centre import (
    CITY,
    HOSPITAL,
    OTHER_HOSPITAL,
    OTHER_UNIT,
    PREFIX,
    THIRD_UNIT,
    UNIT,
    Centre,
)

LIMIT = 60.0  # seconds
NUMBER = "13800000001"


async def until(events: AsyncIterator[Event], event_type: str) -> Event:
    async with asyncio.timeout(LIMIT):
        async for event in events:
            if event.type == event_type:
                return event
    raise AssertionError(event_type)


async def said(log: Path, what: str) -> None:
    async def there() -> bool:
        return what in log.read_text("utf-8")

    await bench.until(there, LIMIT)


async def followed(centre: Centre, hospital_id: str) -> list[dict[str, Any]]:
    """Return the first of what `dispatch tail` shows a hospital of its own topics."""
    tail = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dispatch", "tail", "--json", "--from-beginning"),
        *("--topic", "handovers", "--hospital", hospital_id),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | centre.environment(hospital_id),
    )
    assert tail.stdout is not None
    try:
        async with asyncio.timeout(LIMIT):
            return [json.loads(await tail.stdout.readline())["data"]]
    finally:
        tail.kill()
        await tail.wait()


async def shown_order(centre: Centre, user: str, unit_id: str) -> dict[str, Any]:
    """Return what `dispatch unit order` shows a user."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dispatch", "unit", "order", unit_id, "--json"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | centre.environment(user),
    )
    async with asyncio.timeout(LIMIT):
        said, _ = await command.communicate()
    found: dict[str, Any] = json.loads(said)
    return found


def shown_in_logs(centre: Centre, *further: str) -> list[str]:
    """Return the passwords that a log shows."""
    assert len(centre.logs) > 2
    text = "".join(log.read_text("utf-8", "replace") for log in centre.logs)
    return [secret for secret in (*centre.passwords.values(), *further) if secret in text]


async def test_a_call_goes_through_to_the_hospital(centre: Centre) -> None:
    now = datetime.now(UTC)
    users = {
        user: KafkaSettings(**centre.kafka_settings(user))
        for user in ("console", "crew", "gateway", HOSPITAL, "operator")
    }
    crews = [f"orders.{unit_id}" for unit_id in read_plan(CITY).parties.units]
    read = {
        "console": ["incidents"],
        "gateway": crews,
        HOSPITAL: [f"handovers.{HOSPITAL}"],
        "operator": ["dead-letters"],
    }
    async with AsyncExitStack() as exits:
        told = {
            user: (await exits.enter_async_context(open_reader(users[user], PREFIX, topics))).new()
            for user, topics in read.items()
        }
        centre.start_worker()
        call = Call.model_validate(
            {
                "call_id": "call-7",
                "received_at": now,
                "district": "150702",
                "caller": {"kind": "public", "phone": NUMBER},
                "patient": {"condition": "stable", "symptoms": ["fever"], "case_status": "none"},
                "location": {"latitude": 49.23, "longitude": 119.76},
                "epidemiology": {"travel": "no", "residence": "no", "close_contact": "yes"},
            }
        )
        await publish(users["console"], PREFIX, call, at=now)
        order = await until(told["gateway"], "order.issued")
        assert order.topic == f"orders.{order.data['unit_id']}"
        assert order.data["call_back"] == NUMBER
        announced = await until(told[HOSPITAL], "handover.announced")
        assert announced.data["assignment_id"] == order.data["assignment_id"]
        answer = HandoverAcknowledged(
            hospital_id=HOSPITAL, handover_id=announced.data["handover_id"], at=now, by="desk"
        )
        await publish(users[HOSPITAL], PREFIX, answer, at=now)
        assert (await until(told["console"], "handover.progressed")).key == "call-7"
        assignment_id = order.data["assignment_id"]
        others = next(unit for unit in ("HLR-T1", "HLR-T2") if unit != order.data["unit_id"])
        wrong = OrderAcknowledged(unit_id=others, assignment_id=assignment_id, at=now)
        await publish(users["crew"], PREFIX, wrong, at=now)
        assert (await until(told["operator"], "input.rejected")).data["refused"] == wrong.event_type
    assert announced.data in await followed(centre, HOSPITAL)
    # Whoever may read the shared topic reads of nobody's number.
    async with open_reader(users["operator"], PREFIX, ["orders"]) as reader:
        (shared,) = [event.data async for event in reader.past() if event.type == "order.issued"]
    assert shared["assignment_id"] == order.data["assignment_id"]
    assert shared["call_back"] is None
    assert NUMBER not in json.dumps(shared)
    at_base = await shown_order(centre, "gateway", order.data["unit_id"])
    assert at_base["call_back"] == NUMBER
    assert shown_in_logs(centre) == []
    assert centre.betrayed == set()


async def test_a_worker_that_is_not_let_in_says_why_and_no_secret(centre: Centre) -> None:
    wrong = centre.password_file("wrong")
    wrong.write_text("guessed-wrong", "utf-8")
    to_kafka = centre.start_worker(DISPATCH_KAFKA__SASL_PASSWORD_FILE=str(wrong))
    to_database = centre.start_worker(
        DISPATCH_DATABASE__PASSWORD="", DISPATCH_DATABASE__PASSWORD_FILE=str(wrong)
    )
    await said(to_kafka, "invalid credentials")
    await said(to_database, "password authentication failed")
    assert shown_in_logs(centre, "guessed-wrong") == []
    assert centre.betrayed == set()


def test_migrate_is_let_into_the_database_as_a_worker_is(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = centre.password_file("wrong")
    wrong.write_text("guessed-wrong", "utf-8")
    for name, value in centre.environment("worker").items():
        monkeypatch.setenv(name, value)
    assert run(["migrate"]) == 0
    for variable, file, why in (
        ("PASSWORD_FILE", wrong, "password authentication failed"),
        ("SSL_CA_FILE", centre.other_ca_file, "certificate verify failed"),
    ):
        with monkeypatch.context() as otherwise:
            otherwise.setenv(f"DISPATCH_DATABASE__{variable}", str(file))
            assert run(["migrate"]) == 1
        told = capsys.readouterr().err
        assert why in told
        assert not any(secret in told for secret in ("guessed-wrong", *centre.passwords.values()))


def test_the_users_passwords_are_left_in_no_file_of_the_brokers(centre: Centre) -> None:
    assert not list((centre.directory / "kafka").rglob("users"))


def test_the_command_gives_and_checks_the_rights_of_a_role(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in centre.environment("admin").items():
        monkeypatch.setenv(name, value)
    assert run(["access", "operator", "console", "--json"]) == 1
    said = capsys.readouterr()
    assert "missing" in said.out
    assert "excess" in said.out
    assert run(["access", "commission", "survey"]) == 1
    assert run(["access", "commission", "survey", "--create"]) == 0
    assert run(["access", "commission", "survey", "--check"]) == 0
    assert run(["access", "hospital", HOSPITAL, "--hospital", HOSPITAL]) == 0
    assert "nothing else" in capsys.readouterr().out
    assert run(["access", "hospital", "x", "--hospital", "*"]) == 1
    assert "no hospital *" in capsys.readouterr().err
    assert run(["access", "crew", "crew", "--unit", UNIT]) == 0
    assert run(["access", "crew", "crew", "--unit", OTHER_UNIT]) == 1
    assert run(["access", "crew", "dispatcher", "--unit", OTHER_UNIT, "--unit", THIRD_UNIT]) == 0
    assert run(["access", "institution", "institution", "--institution", OTHER_HOSPITAL]) == 0
    capsys.readouterr()
    assert run(["access", "crew", "x", "--unit", "HLR-99"]) == 1
    assert "no unit HLR-99" in capsys.readouterr().err
    assert run(["access", "institution", "x", "--institution", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err
    assert run(["access", "console", "x", "--unit", UNIT]) == 1
    assert "--unit" in capsys.readouterr().err
    monkeypatch.setenv("DISPATCH_KAFKA__SASL_PASSWORD_FILE", str(centre.ca_file))
    # A process of its own takes along what aiokafka leaves open where it is refused.
    refused = subprocess.run(
        [sys.executable, "-m", "dispatch", "access", "hospital", HOSPITAL, "--hospital", HOSPITAL],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert refused.returncode == 1
    assert "invalid credentials" in refused.stderr
