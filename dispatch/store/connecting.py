"""How a connection is made: to the one of several hosts that is right, and noticing its end."""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from dispatch.errors import ConfigurationError, ReadOnly
from dispatch.store.unreachable import unreachable

# seconds
HOST_LIMIT: Final = 3.0  # for each of several: a silent one keeps nobody from the next
ONLY_HOST_LIMIT: Final = 10.0

# What ends a connection whose other end is gone without a word: after about 15 s of silence.
_SOCKET: Final = {
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 5,
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 3,
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 3,
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT): 15_000,  # ms
}
_PORT: Final = 5432
_ATTRIBUTE: Final = "target_session_attrs"
_ANY: Final = "any"
READ_WRITE: Final = "read-write"
_PROCESS: Final = "SELECT pg_backend_pid()"
PLAIN: Final = {"statement_cache_size": 0, "command_timeout": 10.0}
_NO_TRANSACTIONS: Final = "statement pooling mode"  # PgBouncer's own words


class Hosts:
    """The servers that a URL names, of which one at a time takes writes.

    Names are looked up anew for each connection; the server that was right the last time is asked
    first.
    """

    def __init__(self, connect_options: Mapping[str, Any], *, session: str = _ANY) -> None:
        """Prepare to connect; `session` is wanted unless the URL has `target_session_attrs`."""
        self._options = dict(connect_options)
        self._named = hosts_of(str(connect_options.get("dsn", "")))
        # One alone the driver finds by itself.
        self._hosts = list(self._named) if len(self._named) > 1 else [None]
        query = dict(parse_qsl(urlsplit(str(connect_options.get("dsn", ""))).query))
        wanted = query.get(_ATTRIBUTE) or os.environ.get("PGTARGETSESSIONATTRS") or session
        self._session = wanted

    @property
    def names(self) -> str:
        """The hosts as they are given; this machine's name where a socket leads to one."""
        named = [host for host, _ in self._named if not host.startswith("/")]
        return ",".join(named) or socket.gethostname()

    async def connect(self, *_: Any, **options: Any) -> asyncpg.Connection:
        """Connect to the first that is there and is what is wanted; as asyncpg's pool asks for it.

        Raises:
            Unavailable: there is none; what each of several said. ReadOnly: those that are there
                take no writes. What keeps one from the only host comes as it is.
        """
        limit = ONLY_HOST_LIMIT if self._hosts == [None] else HOST_LIMIT
        said: dict[str, str] = {}
        unwanted = False
        for host in list(self._hosts):
            where = {} if host is None else {"host": host[0], "port": host[1]}
            try:
                async with asyncio.timeout(limit):
                    connection: asyncpg.Connection = await asyncpg.connect(
                        **self._options | options | where | {_ATTRIBUTE: self._session}
                    )
            except asyncpg.TargetServerAttributeNotMatched:
                if host is None:
                    raise
                unwanted = True
                error = f"not {self._session}: a standby, or read-only"
            except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as raised:
                if isinstance(raised, TimeoutError):
                    raised = TimeoutError(f"no answer in {limit:g} s")
                if host is None:
                    raise
                error = str(raised) or repr(raised)
            else:
                self._hosts.sort(key=lambda each: each != host)
                _notice_silence(connection)
                return connection
            said[f"{host[0]}:{host[1]}"] = error
        told = "; ".join(f"{host}: {error}" for host, error in said.items())
        if unwanted and self._session == READ_WRITE:
            raise ReadOnly(f"no database takes writes: {told}")
        raise unreachable(told)


def hosts_of(dsn: str) -> list[tuple[str, int]]:
    """Return the hosts and ports that a URL names, in its order; nothing when it names none.

    They stand before the path, or as `host` and `port` in the query, separated by commas.
    """
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    named = parts.netloc.rpartition("@")[2]
    if named:
        # An address of IPv6 stands in brackets, and has colons of its own.
        split = [each.partition("]") for each in named.split(",")]
        pairs = [
            (host.lstrip("["), port.lstrip(":")) if bracket else host.partition(":")[::2]
            for host, bracket, port in split
        ]
    else:
        names = query.get("host", "").split(",")
        ports = query.get("port", "").split(",")
        if len(ports) == 1:
            ports *= len(names)
        if names == [""] or len(ports) != len(names):
            return []
        pairs = list(zip(names, ports, strict=True))
    otherwise = query.get("port") or os.environ.get("PGPORT") or str(_PORT)
    try:
        return [(unquote(host), int(port or otherwise)) for host, port in pairs]
    except ValueError:
        # Whatever it is, the driver says it better.
        return []


async def refuse_shared_sessions(hosts: Hosts) -> None:
    """Refuse a pooler that gives each transaction another session of the database.

    There LISTEN hears nothing and no limit of a session holds. Two clients are asked which process
    of the database serves them: under transaction pooling it is the same, or it changes.

    Raises:
        ConfigurationError: saying what to set.
        Unavailable: the database can't be reached.
    """
    shared = ConfigurationError(
        "database.dsn leads to a pooler that shares sessions (PgBouncer in transaction mode): "
        "notifications and the limits of a session get lost there; use session mode "
        "(pool_mode = session), or the database itself"
    )
    first = await hosts.connect(**PLAIN)
    second: asyncpg.Connection | None = None
    try:
        process = await first.fetchval(_PROCESS)
        if process == first.get_server_pid():
            # Nobody stands between: the database itself has told its process at the start.
            return
        if process != await first.fetchval(_PROCESS):
            raise shared
        second = await hosts.connect(**PLAIN)
        # Served while the other waits in a transaction, the first has to have a process of its own.
        await second.execute("BEGIN")
        if process == await second.fetchval(_PROCESS) or process != await first.fetchval(_PROCESS):
            raise shared
    except asyncpg.ConnectionDoesNotExistError as error:
        if _NO_TRANSACTIONS not in str(error):
            raise
        raise shared from error
    except (
        # What was prepared was so in another session; a pooler of statements knows no transaction.
        asyncpg.InvalidSQLStatementNameError,
        asyncpg.DuplicatePreparedStatementError,
        asyncpg.ProtocolViolationError,
    ) as error:
        raise shared from error
    finally:
        for connection in (first, second):
            if connection is not None:
                connection.terminate()


def _notice_silence(connection: asyncpg.Connection) -> None:
    """Have the system ask a silent server whether it is still there."""
    whole: Any = connection
    there: Any = whole._transport.get_extra_info("socket")  # noqa: SLF001 - there is no other way
    if there is not None and there.family in {socket.AF_INET, socket.AF_INET6}:
        for (level, name), value in _SOCKET.items():
            there.setsockopt(level, name, value)
