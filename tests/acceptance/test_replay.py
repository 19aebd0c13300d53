"""`dispatch replay` on a small synthetic record: the real service, from first call to end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.simulation.recorded_day import row, write_day

pytestmark = pytest.mark.thorough

LIMIT = 280  # s, on a slow machine that runs the other tests too
EMPTY = (2, 3, 9, None, None, 30)
CALLED_OFF = (2, 3, None, None, None, 4)


def dispatch(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dispatch", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def day(folder: Path) -> Path:
    rows = [row(number, minute=number * 6, priority="3") for number in range(24)]
    rows[3] = row(3, minute=18, disposition="Patient Declined Transport", after=EMPTY)
    rows[7] = row(7, minute=42, disposition="Cancelled", after=CALLED_OFF)
    return write_day(folder, rows)


def test_a_recorded_day_runs_to_its_end(tmp_path: Path) -> None:
    done = dispatch("replay", day(tmp_path), "--format", "sfgov", "--seed", "3", "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["calls"] == 24
    assert report["open_incidents"] == 0
    assert report["violations"] == []
    assert report["double_booked"] == report["lost"] == 0
    assert sum(report["by_rule"].values()) + report["linked"] >= 24
    assert report["handovers_closed"] >= 18
    assert report["releases"]["empty"] >= 1
    waits = report["waits"]["received_to_scene"]
    assert waits["replayed"]["count"] == waits["recorded"]["count"] >= 18
    assert waits["recorded"]["median"] == 540


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (("--format", "jsonl"), "--fleet is needed", 2),
        (("--format", "sfgov"), "No such file or directory", 1),
    ],
)
def test_what_is_missing_is_said_in_a_line(
    tmp_path: Path, arguments: tuple[str, ...], said: str, status: int
) -> None:
    done = dispatch("--lang", "en", "replay", tmp_path / "none.csv", *arguments)
    assert done.returncode == status
    assert said in done.stderr.splitlines()[-1]
