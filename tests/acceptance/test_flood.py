"""One client's flood is its own: others' calls are decided as if it were not there."""

import signal
from pathlib import Path

import pytest

from dispatch.stack.embedded import Stack
from tests.acceptance.flood import flood
from tests.acceptance.service import open_service
from tests.apache_kafka import ApacheKafka

# `python -m tests.acceptance.flood 200000` measures a large one, on a machine that is quiet.
BAD = 10_000


async def test_good_calls_are_decided_in_time_beside_a_flood(
    stack: Stack, migrated: str, topic_prefix: str, tmp_path: Path
) -> None:
    if not isinstance(stack.broker, ApacheKafka):
        pytest.skip("measures a broker that keeps up: make test-kafka")
    async with open_service(stack, migrated, topic_prefix, tmp_path, units=20) as service:
        service.batch_size = 500
        worker = service.start_worker()
        cost = await flood(service, BAD)
        # A machine that is busy with something else makes all calls wait.
        assert cost.p99 < max(2, 4 * cost.quiet_p99), str(cost)
        assert cost.database_bytes < 400, str(cost)
        assert cost.log_bytes < 10, str(cost)
        await worker.stop(signal.SIGTERM, 60)
        history = await service.history()
    assert history.violations() == []
    assert len(history.inputs) == BAD + len(cost.quiet) + len(cost.waits) + 1
