"""The service on one machine, from the command line alone: run it, tell it, follow it."""

import contextlib
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dispatch.kafka.placement import PARTITIONER
from dispatch.stack import addresses
from tests.acceptance.service import DISTRICT, city_plan
from tests.acceptance.verdict import judge_running

DISPATCH = Path(sys.executable).with_name("dispatch")
LIMIT = 120.0  # seconds
PLACE = ["--latitude", "49.2", "--longitude", "119.7"]


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


@dataclass
class Service:
    """A running `dispatch up`, and the other commands beside it."""

    data_dir: Path
    up: subprocess.Popen[bytes]
    said: Path
    logged: Path

    def command(self, *arguments: str) -> list[str]:
        return [str(DISPATCH), "--lang", "en", *arguments]

    def environment(self) -> dict[str, str]:
        return environment_for(self.data_dir)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def told(self, *arguments: str) -> list[dict[str, Any]]:
        """Publish one event and return what the service says to it."""
        done = self.run(*arguments, "--wait", "90", "--json")
        published, *events = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stdout + done.stderr
        assert all(event["attributes"]["cause"].endswith(published["id"]) for event in events)
        return events


def environment_for(data_dir: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")}
    return kept | {"DISPATCH_DATA_DIR": str(data_dir)}


@contextlib.contextmanager
def running(directory: Path, *options: str) -> Iterator[Service]:
    plan = directory / "city.toml"
    plan.write_text(city_plan(9), encoding="utf-8")
    data_dir = directory / "data"
    # The default may be free now and another test's when the worker listens.
    web = {"DISPATCH_WEB__PORT": str(addresses.free_port("127.0.0.1"))}
    said, logged = directory / "said", directory / "logged"
    with said.open("wb") as out, logged.open("wb") as err:
        up = subprocess.Popen(
            [DISPATCH, "--lang", "en", "up", "--city", plan, *options],
            env=environment_for(data_dir) | web,
            stdout=out,
            stderr=err,
        )
    try:
        until(lambda: "dispatch tail" in said.read_text() or up.poll() is not None)
        assert up.poll() is None, logged.read_text()
        yield Service(data_dir, up, said, logged)
    finally:
        up.send_signal(signal.SIGTERM)
        try:
            up.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            up.kill()
            up.wait()


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    # Unlike tmp_path, open to the account that PostgreSQL runs as for root.
    with tempfile.TemporaryDirectory(prefix="dispatch-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="module")
def service(directory: Path) -> Iterator[Service]:
    with running(directory) as service:
        yield service
        judge_running(service.data_dir)


def by_type(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {event["attributes"]["type"]: event for event in events}


def worker_pids(service: Service) -> list[int]:
    """Return the workers that `up` started and that have not ended."""
    pids = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, *_ = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes().split(b"\0")
            if int(parent) == service.up.pid and state not in "ZX" and b"worker" in command:
                pids.append(int(status.parent.name))
    return pids


def test_it_says_how_to_reach_it(service: Service) -> None:
    found = addresses.running(service.data_dir)
    assert found is not None
    said = service.said.read_text()
    for part in (found.bootstrap, found.dsn, str(service.data_dir), "worker-1.log", "/readyz"):
        assert part in said
    # A new database has forgotten nothing.
    assert "has a past" not in said


def test_the_kcat_command_is_a_whole_event(service: Service) -> None:
    said = service.said.read_text()
    start = said.index("printf")
    script = said[start : said.index("\n\n", start)]
    first, kcat = script.split("kcat", 1)
    body = subprocess.run(
        ["sh", "-c", first.replace("\\\n", " ").rstrip().rstrip("|")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert body.count("\n") == 1
    arguments = shlex.split(kcat.replace("\\\n", " "))
    assert arguments[arguments.index("-X") + 1] == f"partitioner={PARTITIONER}"
    headers = {value for flag, value in itertools.pairwise(arguments) if flag == "-H"}
    assert {"ce_specversion=1.0", "ce_type=call.received"} <= headers
    assert arguments[arguments.index("-k") + 1] == json.loads(body)["call_id"]
    # The same body is a call to this program too.
    file = service.said.with_name("first.json")
    file.write_text(body)
    assert "screening.requested" in by_type(service.told("call", str(file), "--id", "kcat"))


def test_a_call_is_dispatched_and_driven_to_its_scene(service: Service) -> None:
    told = by_type(
        service.told(
            "call", "--id", "a1", "--district", DISTRICT, "--condition", "critical", *PLACE
        )
    )
    assert told["call.decided"]["data"]["decision"]["rule"] == "R9"
    order = told["order.issued"]["data"]
    unit, assignment = order["unit_id"], order["assignment_id"]

    assert service.run("unit", "acknowledge", unit, assignment).returncode == 0
    told = by_type(service.told("unit", "report", unit, "--status", "rolling"))
    assert told["unit.changed"]["data"]["status"] == "rolling"
    assert told["incident.progressed"]["data"]["incident_id"] == "a1"


def test_an_answer_leads_to_a_decision(service: Service) -> None:
    asked = by_type(
        service.told(
            *("call", "--id", "b1", "--district", DISTRICT, "--condition", "stable"),
            *("--symptom", "fever", "--latitude", "49.4", "--longitude", "119.9"),
        )
    )
    assert asked["call.decided"]["data"]["decision"]["rule"] == "R5"
    answers = [f"--{item}=no" for item in ("travel", "residence", "close-contact", "exposure")]
    told = by_type(service.told("answer", "b1", *answers))
    assert "screening.completed" in told
    assert "order.issued" in told


def test_a_repeat_call_is_linked_and_unlinked(service: Service) -> None:
    place = ["--latitude", "49.6", "--longitude", "119.2", "--complaint", "胸痛"]
    call = ["--district", DISTRICT, "--condition", "critical", *place]
    assert "order.issued" in by_type(service.told("call", "--id", "d1", *call))
    told = by_type(service.told("call", "--id", "d2", *call))
    assert told["call.linked"]["data"]["incident_id"] == "d1"
    told = by_type(service.told("unlink", "d2", "--by", "console", "--reason", "another patient"))
    assert told["link.undone"]["data"]["incident_id"] == "d1"
    assert told["call.decided"]["data"]["incident_id"] == "d2"


def test_a_case_is_reported_acknowledged_and_surveyed(service: Service) -> None:
    place = ["--latitude", "48.6", "--longitude", "118.4"]
    call = ["call", "--id", "r1", "--district", DISTRICT, "--case-status", "confirmed", *place]
    report = by_type(service.told(*call))["case.reported"]["data"]
    acknowledge = ["commission", "acknowledge", "r1", report["report_id"], "--by", "cdc"]
    told = by_type(service.told(*acknowledge))
    assert told["report.settled"]["data"]["attempts"] == 1
    assert told["clock.met"]["data"]["kind"] == "case_reported"
    told = by_type(service.told("commission", "survey", "r1", "--by", "cdc", "--contacts", "4"))
    assert told["survey.recorded"]["data"]["contacts"] == 4


def test_a_transfer_is_agreed_ordered_and_handed_over_into_its_bed(service: Service) -> None:
    request = [
        *("transfers", "request", "--id", "t1", "--institution", "clinic", "--by", "dr1"),
        *("--kind", "confirmed", "--patient", "p1/ordinary/walking", "--district", DISTRICT),
        *("--latitude", "49.1", "--longitude", "119.5"),
    ]
    told = by_type(service.told(*request))
    assert "order.issued" not in told
    offer = told["transfer.offered"]["data"]
    assert (offer["hospital_id"], offer["rooms"]) == ("D1", {"isolation": 1})
    told = by_type(service.told("transfers", "accept", "D1", offer["offer_id"], "--by", "n1"))
    assert told["transfer.progressed"]["data"]["status"] == "accepted"
    order, announced = told["order.issued"]["data"], told["handover.announced"]["data"]
    assert (order["rule"], order["hospital_id"]) == ("R1", "D1")
    assert announced["beds"] == [{"patient_id": "p1", "room": "isolation", "place": 1}]
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        service.told("unit", "report", order["unit_id"], "--status", status)
    signed = [announced["handover_id"], "--by", "x"]
    service.told("unit", "sign", order["unit_id"], *signed)
    told = by_type(service.told("hospital", "sign", "D1", *signed))
    assert told["bed.occupied"]["data"]["promise_id"] == "t1/B1"
    assert told["transfer.progressed"]["data"]["status"] == "completed"


def test_a_call_with_a_fault_is_taken_and_the_fault_is_shown(service: Service) -> None:
    done = service.run("call", "--id", "e2", "--district", "999999", *PLACE, "--wait", "90")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert any("call.decided" in line for line in lines)
    assert any("call.warned" in line and "district" in line for line in lines)


def test_a_refusal_is_shown_and_is_a_failure(service: Service) -> None:
    service.told("call", "--id", "e1", "--district", DISTRICT, *PLACE)
    answer = ["--by", "x", "--condition", "stable", "--at", "2099-01-01T00:00:00Z"]
    done = service.run("answer", "e1", *answer, "--wait", "90")
    assert done.returncode == 1
    published, *lines = done.stdout.splitlines()
    assert json.loads(published)["topic"] == "calls"
    assert any("call.rejected" in line and "answered_at" in line for line in lines)
    assert any("input.rejected" in line for line in lines)


def test_silence_is_a_failure(service: Service) -> None:
    # It is parked: its call may still come.
    done = service.run("cancel", "nobody", "--by", "x", "--reason", "y", "--wait", "1")
    assert done.returncode == 1
    assert "said nothing" in done.stderr


def test_tail_follows_a_call_from_the_beginning_until_ctrl_c(service: Service) -> None:
    phone = "13800000000"
    call = ["--district", DISTRICT, "--condition", "critical", "--phone", phone]
    place = ["--latitude", "49.8", "--longitude", "119.0"]
    service.told("call", "--id", "f1", *call, *place)
    with subprocess.Popen(
        service.command("tail", "--json", "--call", "f1", "--from-beginning"),
        env=service.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as tail:
        assert tail.stdout
        assert tail.stderr
        lines = iter(tail.stdout)
        first = json.loads(next(lines))
        assert first["attributes"]["type"] == "call.received"
        assert first["data"]["caller"]["phone"] == phone
        seen: list[str] = []
        for line in lines:
            event = json.loads(line)
            assert "f1" in json.dumps(event)
            seen.append(event["attributes"]["type"])
            if "call.decided" in seen and "cancel" not in seen:
                cancel = ["cancel", "f1", "--by", "x", "--reason", "y"]
                assert service.run(*cancel).returncode == 0
                seen.append("cancel")
            if seen[-1] == "incident.cancelled":
                break
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=LIMIT) == 0
        assert tail.stderr.read() == ""


def test_tail_ends_with_its_reader_and_masks_what_it_shows(service: Service) -> None:
    phone = "13900000000"
    with subprocess.Popen(
        service.command("tail", "--topic", "calls", "--from-beginning"),
        env=service.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as tail:
        assert tail.stdout
        assert tail.stderr
        call = ["call", "--id", "g1", "--district", DISTRICT, "--phone", phone]
        assert service.run(*call, "--address", "secret place").returncode == 0
        for line in tail.stdout:
            assert phone not in line
            assert "secret place" not in line
            if " g1 " in line:
                break
        tail.stdout.close()
        service.run("cancel", "g1", "--by", "x", "--reason", "y")
        assert tail.wait(timeout=LIMIT) == 0
        assert tail.stderr.read() == ""


def test_a_second_one_is_told_that_one_runs(service: Service) -> None:
    done = service.run("up", "--city", str(service.data_dir.parent / "city.toml"))
    assert done.returncode == 1
    assert f"process {service.up.pid}" in done.stderr


def test_migrate_finds_the_running_database(service: Service) -> None:
    done = service.run("migrate", "--json")
    assert done.returncode == 0
    versions = json.loads(done.stdout)
    assert versions["before"] == versions["after"]


def test_a_worker_that_dies_is_started_again(service: Service) -> None:
    [pid] = worker_pids(service)
    os.kill(pid, signal.SIGKILL)
    until(lambda: worker_pids(service) not in ([], [pid]))
    assert "worker died" in service.logged.read_text()
    place = ["--latitude", "48.9", "--longitude", "118.0"]
    call = ["call", "--id", "h1", "--district", DISTRICT, "--condition", "critical", *place]
    assert "call.decided" in by_type(service.told(*call))


def test_it_stops_in_order_and_says_on_its_return_what_it_forgot() -> None:
    with tempfile.TemporaryDirectory(prefix="dispatch-test-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        with running(directory, "--workers", "2") as service:
            pids = worker_pids(service)
            assert len(pids) == 2
            service.up.send_signal(signal.SIGINT)
            assert service.up.wait(timeout=LIMIT) == 0
            assert "Stopped." in service.logged.read_text()
            assert addresses.running(service.data_dir) is None
            assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
        with running(directory) as service:
            assert "has a past" in service.said.read_text()


def test_a_broken_plan_is_refused_before_anything_runs(tmp_path: Path) -> None:
    plan = tmp_path / "city.toml"
    plan.write_text("name = 7\n")
    done = subprocess.run(
        [DISPATCH, "--lang", "en", "up", "--city", plan, "--data-dir", tmp_path / "data"],
        env=environment_for(tmp_path / "data"),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 1
    assert f"dispatch: {plan}: " in done.stderr
    assert not (tmp_path / "data").exists()
