"""A recorded day as JSON Lines: calls, and the times beside them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatch.errors import ConfigurationError
from dispatch.simulation.recorded import RecordedBehaviour, Times, read_jsonl

CALL: dict[str, Any] = {
    "call_id": "C1",
    "received_at": "2022-12-23T08:00:00+08:00",
    "district": "150702",
    "caller": {"kind": "public"},
    "patient": {"condition": "stable", "symptoms": [], "case_status": "none"},
    "location": {"latitude": 49.2, "longitude": 119.7},
}
TIMES = {
    "dispatched_at": "2022-12-23T08:01:00+08:00",
    "rolling_at": "2022-12-23T08:03:00+08:00",
    "on_scene_at": "2022-12-23T08:10:00+08:00",
    "transport_at": "2022-12-23T08:30:00+08:00",
    "hospital_at": "2022-12-23T08:45:00+08:00",
    "available_at": "2022-12-23T09:15:00+08:00",
}


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_times_give_the_durations_of_the_steps() -> None:
    durations = Times.model_validate(TIMES).durations()
    assert durations == {
        "roll": 120,
        "on_scene": 1200,
        "transport": 900,
        "sign": 540,
        "hospital_sign": 540,
        "turnaround": 1260,
    }


def test_a_run_without_transport_lasts_until_the_unit_is_available() -> None:
    times = {name: TIMES[name] for name in ("on_scene_at", "available_at")}
    assert Times.model_validate(times).durations() == {"on_scene": 3900}


def test_times_that_run_backwards_are_no_durations() -> None:
    times = {"on_scene_at": TIMES["transport_at"], "transport_at": TIMES["on_scene_at"]}
    assert Times.model_validate(times).durations() == {}


def test_calls_are_read_with_and_without_times(tmp_path: Path) -> None:
    path = written(
        tmp_path / "day.jsonl",
        json.dumps(CALL | {"times": TIMES}),
        "",
        json.dumps(CALL | {"call_id": "C2"}),
    )
    first, second = read_jsonl(path)
    assert first.call.call_id == "C1"
    assert first.times.on_scene_at == first.call.received_at + timedelta(minutes=10)
    assert second.times == Times()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "line 2: body: is not JSON"),
        (json.dumps({**CALL, "district": "1"}), "line 2: district must be 6 digits"),
        (json.dumps({**CALL, "times": {"gone_at": "x"}}), "line 2: gone_at is not a known key"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = written(tmp_path / "day.jsonl", json.dumps(CALL), line)
    with pytest.raises(ConfigurationError, match=reason):
        read_jsonl(path)


def test_recorded_steps_take_as_long_as_they_did(tmp_path: Path) -> None:
    path = written(tmp_path / "day.jsonl", json.dumps(CALL | {"times": TIMES}))
    (recorded,) = read_jsonl(path)
    behaviour = RecordedBehaviour(1, {"C1": recorded})
    assert behaviour.seconds("on_scene", "C1/A1") == 1200
    answered = behaviour.seconds("acknowledge", "C1/A1")
    assert behaviour.seconds("roll", "C1/A1") == 120 - answered
    assert behaviour.seconds("on_scene", "C2/A1") != 1200
