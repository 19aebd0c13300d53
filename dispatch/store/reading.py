"""A connection that only reads: one snapshot, whatever is written meanwhile."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from dispatch.errors import Unavailable
from dispatch.store.connecting import Hosts
from dispatch.store.schema import check_server, check_version
from dispatch.store.unreachable import unreachable


@asynccontextmanager
async def open_snapshot(connect_options: Mapping[str, Any]) -> AsyncIterator[asyncpg.Connection]:
    """Open the database as it is now, to read it.

    Raises:
        Unavailable: the database can't be reached.
        ConfigurationError: the server is too old.
        SchemaMismatch: it has another schema than this program.
    """
    try:
        connection = await Hosts(connect_options).connect(
            server_settings={"application_name": "dispatch"}
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        raise unreachable(error) from error
    try:
        await check_server(connection)
        await check_version(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise Unavailable(f"the database was lost: {error}") from error
    finally:
        await connection.close()
