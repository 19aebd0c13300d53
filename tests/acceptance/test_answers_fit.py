"""The answers to what nobody should send fit into topics as Kafka makes them, of 1 MiB a record."""

import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from dispatch.stack.embedded import Stack
from dispatch.topics.cloudevents import write_headers
from tests.acceptance.service import Service, open_service

pytestmark = pytest.mark.thorough

# What a worker may take in addition, in kB: a refusal of 14.6 MB took 800 MB.
MORE_MEMORY = 200_000
BATCH = b'{"batch_id": "b1", "patients": [' + b",".join([b"{}"] * 80_000) + b"]}"


@pytest_asyncio.fixture
async def service(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Service]:
    async with open_service(stack, migrated, topic_prefix, tmp_path, units=20) as opened:
        yield opened


async def send(service: Service, topic: str, event_type: str, key: bytes, value: bytes) -> None:
    service.sent += 1
    headers = write_headers(
        event_id=f"odd-{service.sent}",
        event_type=event_type,
        at=datetime.now(UTC),
        subject=None,
        source="odd",
    )
    await service.producer.send_and_wait(
        service.prefix + topic, value, key=key, headers=list(headers)
    )


def with_symptoms(found: list[Any]) -> bytes:
    content = {"call_id": "c9", "answered_at": "2026-01-01T00:00:00Z", "symptoms": found}
    return orjson.dumps(content)


async def test_a_refusal_of_eighty_thousand_faults_holds_nobody_up(service: Service) -> None:
    worker = service.start_worker()
    await service.send_calls([1])
    await service.until(service.done)
    before = memory(worker.pid)
    await send(service, "transfers", "transfer.batch.requested", b"b1", BATCH)
    await send(service, "calls", "call.answered", b"c9", with_symptoms([0] * 80_000))
    await send(service, "calls", "call.answered", b"c9", with_symptoms(["fever"] * 30_000))
    await send(service, "calls", "call.received", b"\x01" * 400_000, b"\xff" * 600_000)
    await service.send_calls(range(2, 20))
    await service.until(service.done)
    assert memory(worker.pid) - before < MORE_MEMORY
    await worker.stop(signal.SIGTERM, 60)
    history = await service.history()
    assert history.violations() == []
    letters = [event.data for event in history.of_type("input.rejected")]
    assert len(letters) == 4
    by_fields = [{each["field"] for each in letter["reasons"]} for letter in letters]
    assert sum("patients" in fields for fields in by_fields) == 1
    assert sum("symptoms" in fields for fields in by_fields) == 2
    assert sorted(cut["part"] for letter in letters for cut in letter["cut"]) == ["key", "value"]
    assert len(history.of_type("transfer.rejected")) == 1


def memory(pid: int) -> int:
    """Return the most that a process has had in memory, in kB."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
