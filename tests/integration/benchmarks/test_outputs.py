from collections import Counter

import pytest

from benchmarks.bed import make_template
from benchmarks.outputs import Outputs, outputs
from benchmarks.sides.side import OURS, SIDES
from dispatch.stack.embedded import Stack

pytestmark = pytest.mark.thorough

CALLS = 30
BATCH_SIZE = 7  # several batches, and one that is not full

PEERS = [
    pytest.param(
        name,
        marks=() if side.installed else pytest.mark.skip(f"{side.library} comes with `make bench`"),
    )
    for name, side in SIDES.items()
    if side is not OURS
]
_ours: list[Outputs] = []


async def of_ours(stack: Stack) -> Outputs:
    """Return what the service makes of the calls; it is asked once."""
    if not _ours:
        await make_template(stack)
        _ours.append(await outputs(stack, OURS, CALLS, BATCH_SIZE))
    return _ours[0]


async def test_the_service_orders_a_unit_to_each_call(stack: Stack) -> None:
    made = await of_ours(stack)
    types = Counter(attributes["ce_type"] for events in made.values() for attributes, _ in events)
    # An order is for all who watch, and in full for the unit.
    assert (types["call.decided"], types["order.issued"]) == (CALLS, 2 * CALLS)


@pytest.mark.parametrize("peer", PEERS)
async def test_a_peer_makes_the_same_of_the_same_calls(stack: Stack, peer: str) -> None:
    expected = await of_ours(stack)
    assert await outputs(stack, SIDES[peer], CALLS, BATCH_SIZE) == expected
