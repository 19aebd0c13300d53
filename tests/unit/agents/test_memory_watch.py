"""A worker warns once each time that its memory is nearly full."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from dispatch import process_memory
from dispatch.agents.memory_watch import MemoryWatch
from dispatch.agents.patience import Patience
from dispatch.health import DeskHealth
from dispatch.metrics import Metrics


class Desk:
    async def health(self) -> DeskHealth:
        return DeskHealth(
            writable=True,
            unpublished=0,
            unpublished_age=0,
            queue_length=0,
            queue_age=0,
            parked=0,
            open_incidents=7,
        )


async def test_it_warns_once_at_four_fifths_and_again_after_it_was_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process_memory, "limit", lambda: 1_000)
    desk: Any = Desk()
    watch = MemoryWatch(desk, Patience(), Metrics())
    told = []
    for has in (700, 801, 900, 790, 810, 700, 850):
        monkeypatch.setattr(process_memory, "resident", lambda has=has: has)
        with capture_logs() as logs:
            await watch.round()
        told += [(entry["bytes"], entry["open_incidents"]) for entry in logs]
    assert told == [(801, 7), (850, 7)]
