"""A disk of its own for the event log, that can be filled without harm to anybody else."""

import asyncio
import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

from dispatch.stack.embedded import Stack

# On the machine's own disk it takes only what is written to it, and its ballast nothing.
BYTES: Final = 32 * 2**30
BLOCK: Final = 4_096
# PostgreSQL's words when it gets no room.
NO_ROOM: Final = b"No space left on device"
_USUAL: Final = "pg_default"
_INDEXES: Final = (
    "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'events'::regclass"
)


class NoDiskError(Exception):
    """No filesystem can be mounted here."""


class Disk:
    """The disk that the event log is on."""

    def __init__(self, root: Path, server_log: Path) -> None:
        self._ballast = root / "ballast"
        self._server_log = server_log

    def fill(self) -> None:
        """Leave no room for one more page of the database."""
        with self._ballast.open("wb") as file:
            size, step = 0, BYTES
            while step >= BLOCK:
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2
                else:
                    size += step

    def clear(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    def refused(self) -> int:
        """Return how often the database got no room."""
        return self._server_log.read_bytes().count(NO_ROOM)


@asynccontextmanager
async def disk_for_events(stack: Stack, dsn: str) -> AsyncIterator[Disk]:
    """Move a database's event log to a disk of its own, and back at the end.

    Raises NoDiskError where no filesystem can be mounted: not as root, or no loop devices.
    """
    folder = Path(tempfile.mkdtemp(prefix="dispatch-disk-"))
    root = folder / "mounted"
    try:
        await asyncio.to_thread(_mount, folder / "image", root)
        # PostgreSQL's account must pass through.
        folder.chmod(0o711)
        space = root / "events"
        space.mkdir(mode=0o700)
        account = (stack.data_dir / "postgres").stat()
        os.chown(space, account.st_uid, account.st_gid)
        async with _events_in(dsn, folder.name, space):
            yield Disk(root, stack.data_dir / "postgresql.log")
    finally:
        if root.is_mount():
            # The server may still hold files that are no more.
            await asyncio.to_thread(_run, "umount", "--lazy", root)
        shutil.rmtree(folder)


@asynccontextmanager
async def _events_in(dsn: str, name: str, space: Path) -> AsyncIterator[None]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"CREATE TABLESPACE \"{name}\" LOCATION '{space}'")
        await _move(connection, name)
    finally:
        await connection.close()
    try:
        yield
    finally:
        # After a failure the database may be away, and what is looked at then is the failure.
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            connection = await asyncpg.connect(dsn)
            try:
                await connection.execute("SET lock_timeout = '10s'")
                await _move(connection, _USUAL)
                await connection.execute(f'DROP TABLESPACE "{name}"')
            finally:
                await connection.close()


async def _move(connection: asyncpg.Connection, tablespace: str) -> None:
    await connection.execute(f'ALTER TABLE events SET TABLESPACE "{tablespace}"')
    for index in await connection.fetch(_INDEXES):
        await connection.execute(f'ALTER INDEX {index[0]} SET TABLESPACE "{tablespace}"')


def _mount(image: Path, root: Path) -> None:
    with image.open("wb") as file:
        file.truncate(BYTES)
    root.mkdir()
    # Nothing kept for root, no journal: it is gone in a moment.
    _run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-T", "largefile4", image)
    _run("mount", "-o", "loop", image, root)


def _run(program: str, *arguments: str | Path) -> None:
    try:
        subprocess.run([program, *arguments], capture_output=True, check=True, text=True)
    except FileNotFoundError:
        raise NoDiskError(f"{program} is not here") from None
    except subprocess.CalledProcessError as error:
        raise NoDiskError(f"{program}: {error.stderr.strip()}") from error
