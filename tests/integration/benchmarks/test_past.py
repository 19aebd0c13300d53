import pytest

from benchmarks.bed import Bed, make_template, open_bed
from benchmarks.past import live_through
from benchmarks.sides.side import OURS, running
from dispatch.stack.embedded import running_stack

pytestmark = pytest.mark.thorough

CALLS = 500
ONE_OF_EACH = ("calls", "incidents", "assignments", "handovers", "occupations")


async def count(bed: Bed, what: str) -> int:
    found: int = await bed.database.fetchval(f"SELECT count(*) FROM {what}")
    return found


async def test_a_past_is_so_many_finished_lives_and_the_service_goes_on_after_it() -> None:
    async with running_stack(durable=False) as stack:
        await make_template(stack)
        async with open_bed(stack, units=10) as bed:
            rows = await live_through(bed, CALLS)
            for table in ONE_OF_EACH:
                assert rows[table] == 1
                assert await count(bed, table) == CALLS
            assert await count(bed, "incidents WHERE open") == 0
            assert await count(bed, "occupations WHERE until IS NULL") == 0
            assert await count(bed, "timers") == 0
            positions = "(SELECT DISTINCT position, event_id FROM events) AS distinct_events"
            assert await count(bed, positions) == await count(bed, "events")
            assert await count(bed, "events") >= CALLS * rows["events"]
            async with running(OURS, bed, batch_size=50) as worker:
                await bed.publish(range(5))
                await bed.settled(5, 60, worker.processes)
            assert await bed.ordered(range(5)) == 5
