import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from dispatch.topics.fields import MAX_BODY_BYTES

DISPATCH = Path(sys.executable).with_name("dispatch")


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [DISPATCH, "--lang", "en", *arguments],
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
    )


def a_call(call_id: str, *, symptoms: tuple[str, ...] = ("fever",)) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "received_at": "2022-12-23T08:00:00+08:00",
        "district": "150702",
        "caller": {"kind": "public"},
        "patient": {"condition": "stable", "symptoms": symptoms, "case_status": "none"},
        "location": {"address": "胜利街 1 号"},
    }


def lines(*calls: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(call, ensure_ascii=False).encode() + b"\n" for call in calls)


def answers(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_calls_of_a_file_are_decided_in_order(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(lines(a_call("c-1"), a_call("c-2", symptoms=())))
    done = run("decide", str(file))
    assert done.returncode == 0
    first, second = answers(done)
    assert (first["call_id"], first["rule"], first["action"]) == ("c-1", "R5", "ask")
    assert (second["call_id"], second["rule"], second["action"]) == ("c-2", "R9", "dispatch")
    assert first["policy"]["pack"] == "covid-19"
    assert first["decided_at"] == "2022-12-23T00:00:00Z"
    assert done.stderr == b""


def test_another_pack_and_another_time() -> None:
    call = a_call("c-1", symptoms=("chills",))
    later = ("--at", "2022-12-23T08:01:00+08:00")
    done = run("decide", "-", "--policy", "influenza-a-h1n1-2009", *later, given=lines(call))
    [decision] = answers(done)
    assert decision["policy"]["pack"] == "influenza-a-h1n1-2009"
    assert decision["rule"] == "R5T"
    assert decision["decided_at"] == "2022-12-23T00:01:00Z"
    assert "out of force" in decision["warnings"][0]


def test_bad_lines_are_answered_and_the_others_decided() -> None:
    bad = [
        b"",
        b"not json",
        b"[]",
        b'{"call_id": "c-3", "x": NaN}',
        b"\xff\xfe",
        lines(a_call("c-6") | {"district": "x"}).strip(),
        lines(a_call("c-7") | {"special_needs": "\x00"}).strip(),
        json.dumps(a_call("c-8") | {"special_needs": "\ud800"}).encode(),
        json.dumps(a_call("\ud800")).encode(),
        b'{"call_id": 7}',
        b'{"call_id": "' + b"x" * MAX_BODY_BYTES + b'"}',
    ]
    given = lines(a_call("c-0")) + b"\n".join(bad) + b"\n" + lines(a_call("c-12")).strip()
    done = run("decide", "-", given=given)
    assert done.returncode == 1
    first, *refused, last = answers(done)
    assert (first["call_id"], last["call_id"]) == ("c-0", "c-12")
    assert [answer["line"] for answer in refused] == list(range(2, 13))
    assert [answer["call_id"] for answer in refused] == [
        *[None] * 5,
        "c-6",
        "c-7",
        "c-8",
        None,
        None,
        None,
    ]
    assert [answer["error"][0]["field"] for answer in refused] == [
        *["body"] * 5,
        "district",
        "special_needs",
        "special_needs",
        "call_id",
        "call_id",
        "body",
    ]
    assert all(error["reason"] for answer in refused for error in answer["error"])
    assert done.stderr == b""


def test_a_call_is_answered_before_the_next_one_comes() -> None:
    with subprocess.Popen(
        [DISPATCH, "decide", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for call_id in ("c-1", "c-2"):
            process.stdin.write(lines(a_call(call_id)))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["call_id"] == call_id
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_a_reader_that_leaves_is_no_reason_to_complain(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(lines(*(a_call(f"c-{n}") for n in range(5_000))))
    with subprocess.Popen(
        [DISPATCH, "decide", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(timeout=30)


def test_usage_errors(tmp_path: Path) -> None:
    for arguments in (
        ("decide",),
        ("decide", str(tmp_path / "nowhere")),
        ("decide", "-", "--at", "2022-12-23"),
        ("decide", "-", "--at", "yesterday"),
    ):
        assert run(*arguments).returncode == 2


def test_an_unknown_pack() -> None:
    done = run("decide", "-", "--policy", "smallpox", given=lines(a_call("c-1")))
    assert done.returncode == 1
    assert b"smallpox" in done.stderr
    assert done.stdout == b""


def test_a_pack_is_checked(tmp_path: Path) -> None:
    done = run("policy", "check", "covid-19", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["pack"] == "covid-19"
    assert b"covid-19" in run("policy", "check", "covid-19").stdout

    file = tmp_path / "broken.toml"
    file.write_text('name = "broken"\n', encoding="utf-8")
    done = run("policy", "check", str(file))
    assert done.returncode == 1
    assert str(file).encode() in done.stderr
    assert b"rules: is required" in done.stderr


def test_deciding_needs_neither_broker_nor_database() -> None:
    script = "import sys, dispatch.cli.decide; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.decode().split()}
    assert not loaded & {"faust", "aiokafka", "asyncpg", "sqlalchemy"}


def seconds_at_work() -> float:
    """Return how long the programs run so far were at work, whoever else kept the machine busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_tens_of_thousands_of_calls_are_decided_fast_enough(tmp_path: Path) -> None:
    number = 20_000
    file = tmp_path / "calls.jsonl"
    file.write_bytes(lines(*(a_call(f"c-{n}") for n in range(number))))
    begun = seconds_at_work()
    done = run("decide", str(file))
    seconds = seconds_at_work() - begun
    assert len(done.stdout.splitlines()) == number
    assert number / seconds >= 5_000
