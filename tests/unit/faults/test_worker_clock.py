"""A worker of the fault bench goes by the database's clock, however wrong its machine's is."""

import importlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import dispatch.clock
from dispatch.clock import ScenarioClock, wall_now
from tests.faults.steps import FOLDER

START = datetime(2022, 12, 23, tzinfo=UTC)
SPEED = 60.0


@pytest.mark.parametrize("ahead", [-90.0, 90.0])
async def test_the_citys_time_is_the_databases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    worker: Any = importlib.import_module("tests.faults.worker")
    bench = ScenarioClock.create(tmp_path / "clock", START, SPEED)
    right = time.time
    monkeypatch.setattr(time, "time", right)
    monkeypatch.setattr(dispatch.clock, "datetime", datetime)
    worker._set_clock_ahead(ahead)

    def database() -> datetime:
        return datetime.fromtimestamp(right(), UTC)

    async def ask() -> datetime:
        return database()

    assert abs((wall_now() - database()).total_seconds() - ahead) < 1
    clock = worker.CityClock(bench)
    assert abs(await clock.measure(ask) - ahead) < 1
    city = START + timedelta(seconds=(right() - bench._latest()[2]) * SPEED)
    assert abs(clock.now() - city) < timedelta(seconds=SPEED)
    heard = clock.hear(database(), database())
    assert abs(heard - city) < timedelta(seconds=SPEED)
    # The bench's own clock, in such a process, would be as wrong as its machine's.
    assert abs(bench.now() - city) > timedelta(seconds=SPEED) or ahead < 0
    bench.close()
