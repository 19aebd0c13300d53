"""A disk without room: the desk takes nothing until there is some again, and loses nothing."""

import pytest

from dispatch.errors import Unavailable
from dispatch.stack.embedded import Stack
from dispatch.store.desk import Desk
from tests.faults.disk import NoDiskError, disk_for_events
from tests.integration.store.conftest import Post, kinds

# More calls than what is left of the log's last pages can hold.
CALLS = 200


async def test_what_finds_no_room_takes_effect_when_there_is_some(
    stack: Stack, migrated: str, desk: Desk, post: Post
) -> None:
    try:
        async with disk_for_events(stack, migrated) as disk:
            disk.fill()
            records = [post.call(f"c{number}") for number in range(CALLS)]
            for _ in range(2):
                with pytest.raises(Unavailable, match="No space left on device"):
                    await desk.take(records)
            assert disk.refused() >= 2
            disk.clear()
            assert kinds(await desk.take(records)).count("call.decided") >= CALLS
    except NoDiskError as error:
        pytest.skip(f"no filesystem can be mounted here: {error}")
