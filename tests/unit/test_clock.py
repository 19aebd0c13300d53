import multiprocessing
import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.clock import ScenarioClock, SystemClock, open_clock, wall_now
from dispatch.errors import ConfigurationError

START = datetime(2022, 4, 1, 8, 0, tzinfo=UTC)


def test_the_system_clock_tells_the_machines_time_in_utc() -> None:
    before = wall_now()
    now = SystemClock().now()
    assert before <= now <= wall_now()
    assert now.utcoffset() == timedelta(0)


def test_a_stepped_clock_stands_still_until_it_is_advanced(tmp_path: Path) -> None:
    clock = ScenarioClock.create(tmp_path / "clock", START, 0)
    assert clock.now() == clock.now() == START
    clock.advance_to(START + timedelta(minutes=3, microseconds=1))
    assert clock.now() == START + timedelta(minutes=3, microseconds=1)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [1_700_000_000.0]
    monkeypatch.setattr("dispatch.clock.time.time", lambda: seconds[0])
    return seconds


def test_a_scaled_clock_runs_at_its_speed(tmp_path: Path, wall: list[float]) -> None:
    clock = ScenarioClock.create(tmp_path / "clock", START, 60)
    wall[0] += 2
    assert clock.now() == START + timedelta(minutes=2)
    clock.advance_to(START + timedelta(hours=1))
    wall[0] += 1
    assert clock.now() == START + timedelta(hours=1, minutes=1)
    assert clock.speed == 60


def test_a_wall_clock_set_back_does_not_take_the_scenario_back(
    tmp_path: Path, wall: list[float]
) -> None:
    clock = ScenarioClock.create(tmp_path / "clock", START, 60)
    wall[0] -= 100
    assert clock.now() == START


def test_another_process_reads_and_advances_the_same_clock(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = ScenarioClock.create(path, START, 0)
    program = (
        "import sys, pathlib, datetime\n"
        "from dispatch.clock import ScenarioClock\n"
        "clock = ScenarioClock(pathlib.Path(sys.argv[1]))\n"
        "print(clock.now().isoformat())\n"
        "clock.advance_to(clock.now() + datetime.timedelta(hours=1))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    ).stdout
    assert datetime.fromisoformat(said.strip()) == START
    assert clock.now() == START + timedelta(hours=1)


STEPS = 3_000


def _advance(path: Path) -> None:
    clock = ScenarioClock(path)
    for step in range(1, STEPS + 1):
        clock.advance_to(START + timedelta(seconds=step))


def test_a_reader_sees_whole_readings_in_order_while_another_process_writes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "clock"
    clock = ScenarioClock.create(path, START, 0)
    writer = multiprocessing.get_context("spawn").Process(target=_advance, args=(path,))
    writer.start()
    end = START + timedelta(seconds=STEPS)
    last, seen = START, set()
    while last < end and (writer.is_alive() or clock.now() > last):
        now = clock.now()
        assert last <= now <= end
        last = now
        seen.add(now)
    writer.join()
    assert writer.exitcode == 0
    assert clock.now() == end
    assert all(moment.microsecond == 0 for moment in seen)


@given(damage=st.integers(min_value=0, max_value=39), byte=st.integers(1, 255))
def test_a_writer_that_died_half_way_leaves_the_reading_before(
    tmp_path_factory: pytest.TempPathFactory, damage: int, byte: int
) -> None:
    path = tmp_path_factory.mktemp("clock") / "clock"
    clock = ScenarioClock.create(path, START, 0)
    clock.advance_to(START + timedelta(hours=1))
    content = bytearray(path.read_bytes())
    second = len(content) // 2 + damage
    content[second] ^= byte
    path.write_bytes(content)
    reopened = ScenarioClock(path)
    assert reopened.now() == START
    reopened.advance_to(START + timedelta(hours=2))
    assert clock.now() == START + timedelta(hours=2)


def test_the_clock_never_goes_back(tmp_path: Path) -> None:
    clock = ScenarioClock.create(tmp_path / "clock", START, 0)
    with pytest.raises(ValueError, match="go back"):
        clock.advance_to(START - timedelta(seconds=1))


def test_naive_times_and_impossible_speeds_are_refused(tmp_path: Path) -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        ScenarioClock.create(tmp_path / "clock", naive, 0)
    clock = ScenarioClock.create(tmp_path / "clock", START, 0)
    with pytest.raises(ValueError, match="zone"):
        clock.advance_to(naive)
    for speed in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="speed"):
            ScenarioClock.create(tmp_path / "clock", START, speed)


@pytest.mark.parametrize("content", [b"", b"nonsense", struct.pack("<80x")])
def test_a_file_without_a_clock_is_a_configuration_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clock"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not a clock file"):
        open_clock(path)


def test_a_missing_clock_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        open_clock(tmp_path / "none")


def test_without_a_scenario_the_machines_clock_is_used() -> None:
    assert isinstance(open_clock(None), SystemClock)
