"""The clocks as the database has them, for who looks at them from outside the service."""

from collections.abc import Mapping
from typing import Any, Final

from dispatch.domain.model import Clock
from dispatch.store import codec
from dispatch.store.reading import open_snapshot
from dispatch.store.sql import STATEMENTS
from dispatch.topics.codes import ClockKind

ENDED_SHOWN: Final = 1_000


async def read_clocks(
    connect_options: Mapping[str, Any], *, kind: ClockKind | None, ended_too: bool
) -> list[Clock]:
    """Return the clocks that run, those that run out first in front; of one kind or of all.

    With `ended_too` also those that ended last, a thousand at most.

    Raises:
        Unavailable: the database can't be reached.
        SchemaMismatch: it has another schema than this program.
    """
    async with open_snapshot(connect_options) as connection:
        rows = await connection.fetch(STATEMENTS["clocks"], ended_too, kind, ENDED_SHOWN)
    clocks: list[Clock] = []
    for row in rows:
        clock = codec.load(row["kind"], row["state"])
        assert isinstance(clock, Clock), "the statement asks for clocks"
        clocks.append(clock)
    return sorted(clocks, key=lambda clock: (clock.due_at, clock.clock_id))
