"""The database's schema: which version it has, and how it comes to this program's."""

import asyncio
import time
from collections.abc import Callable
from importlib import resources
from typing import Any, Final

import asyncpg
import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from dispatch.errors import ConfigurationError, SchemaMismatch, Unavailable
from dispatch.store.connecting import READ_WRITE
from dispatch.store.lock_holders import Holders
from dispatch.store.sql import STATEMENTS
from dispatch.store.unreachable import unreachable

log = structlog.get_logger(__name__)

# seconds
LOCK_LIMIT: Final = 3  # whoever queues behind the migration's own request waits so long at most
PAUSE: Final = 5.0
WAIT: Final = 120.0
CONNECT_LIMIT: Final = 5  # for each host
_CONNECT_LIMIT: Final = "connect_timeout"
_ATTRIBUTE: Final = "target_session_attrs"
# PostgreSQL 12 is the first with `tcp_user_timeout`, which a worker sets for its sessions.
LEAST_SERVER: Final = 120_000
_LOCK: Final = 7_312_204_120  # any number, the same for everybody who migrates


def wanted_version() -> str:
    """Return the schema version that this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "there is at least one revision"
    return head


def migrate(
    connect_options: dict[str, Any],
    *,
    restored: bool = False,
    wait: float = WAIT,
    tell: Callable[[str], None] = log.warning,
) -> tuple[str | None, str]:
    """Bring the database to this program's schema; return the version before and after.

    Two that migrate at once wait for each other. A `restored` database has forgotten some of what
    it told: from now on it numbers events above all that readers may have seen, and it has to be
    adopted before workers start on it.

    A table that somebody else holds, as a backup does, is waited for `LOCK_LIMIT` at a time, with
    pauses in which those who queue behind are let through, and for `wait` seconds in all. `tell` is
    given a line, about who holds what, for each time.

    Raises:
        ConfigurationError: the URL is none that libpq takes, or the server is too old.
        Unavailable: the database can't be reached, or its tables can't be had in time.
        SchemaMismatch: the database has a version that this program does not know.
    """
    dsn = connect_options["dsn"]
    password = connect_options.get("password")
    given: dict[str, Any] = {"application_name": "dispatch migrate"}
    if password:
        given["password"] = password
    if _ATTRIBUTE not in dsn:
        given[_ATTRIBUTE] = READ_WRITE
    if _CONNECT_LIMIT not in dsn:
        given[_CONNECT_LIMIT] = CONNECT_LIMIT

    def connect() -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(dsn, **given)
        except psycopg.ProgrammingError as error:
            # What libpq can't make out of the URL.
            raise ConfigurationError(f"database.dsn: {' '.join(str(error).split())}") from error

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    until = time.monotonic() + wait
    try:
        while True:
            with Holders(connect) as holders:
                try:
                    return _migrate(engine, holders, restored=restored)
                except OperationalError as error:
                    if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                        raise
                    said = f"waits for a lock ({holders.told or 'its holder has just gone'})"
            left = until - time.monotonic()
            if left <= 0:
                raise Unavailable(
                    f"the migration {said} and gave up after {wait:g} s; nothing has changed: "
                    "end what holds it, and migrate again"
                )
            tell(f"the migration {said} and tries again for {left:.0f} s")
            time.sleep(min(PAUSE, left))
    except (OperationalError, psycopg.OperationalError) as error:
        # What SQLAlchemy adds to the driver's own words is of no use to an operator.
        raise unreachable(getattr(error, "orig", error)) from error
    finally:
        engine.dispose()


def _migrate(engine: Engine, holders: Holders, *, restored: bool) -> tuple[str | None, str]:
    with engine.begin() as connection:
        refuse_older(connection.exec_driver_sql(STATEMENTS["server_version"]).scalar_one())
        holders.watch(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_LIMIT}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = _version(connection)
        known = {s.revision for s in ScriptDirectory.from_config(_config()).walk_revisions()}
        if before is not None and before not in known:
            raise SchemaMismatch(
                f"the database has schema version {before}, newer than this program's "
                f"{wanted_version()}: use the newer program"
            )
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = _version(connection)
        if restored:
            connection.exec_driver_sql(STATEMENTS["number_from_now"])
            connection.exec_driver_sql(STATEMENTS["unbind_copy"])
    assert after is not None, "a migrated database has a version"
    return before, after


async def amigrate(connect_options: dict[str, Any]) -> tuple[str | None, str]:
    """Do the same from a coroutine, in a thread of its own."""
    return await asyncio.to_thread(migrate, connect_options)


def refuse_older(number: int) -> None:
    """Refuse a PostgreSQL that is too old, by its `server_version_num`.

    Raises:
        ConfigurationError: naming both versions.
    """
    if number < LEAST_SERVER:
        found, wanted = number // 10_000, LEAST_SERVER // 10_000
        raise ConfigurationError(
            f"the database is PostgreSQL {found}, this program needs {wanted} or newer"
        )


async def check_server(connection: asyncpg.Connection) -> None:
    """Refuse a PostgreSQL that is too old; raise ConfigurationError as `refuse_older` does."""
    refuse_older(await connection.fetchval(STATEMENTS["server_version"]))


async def check_version(connection: asyncpg.Connection) -> None:
    """Refuse a database that has another schema than this program needs.

    Raises:
        SchemaMismatch: naming both versions and what to do.
    """
    try:
        found = await connection.fetchval("SELECT version_num FROM schema_version")
    except asyncpg.UndefinedTableError:
        found = None
    wanted = wanted_version()
    if found != wanted:
        has = f"has schema version {found}" if found else "has no schema yet"
        raise SchemaMismatch(
            f"the database {has}, this program needs {wanted}: run `dispatch migrate`"
        )


def _config() -> Config:
    config = Config()
    folder = resources.files("dispatch.store") / "migrations"
    config.set_main_option("script_location", str(folder))
    return config


def _version(connection: Any) -> str | None:
    table = connection.exec_driver_sql("SELECT to_regclass('schema_version')").scalar()
    if table is None:
        return None
    found: str | None = connection.exec_driver_sql(
        "SELECT version_num FROM schema_version"
    ).scalar()
    return found
