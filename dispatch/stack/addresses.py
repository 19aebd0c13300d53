"""Where the stack that runs on a data directory is to be found, and where there is room for one.

Its owner holds a lock on `lock` for as long as it lives and tells the other commands its
addresses in `stack.json`; both vanish in effect with the process, however it ends.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dispatch.errors import StackError, StackRunningError
from dispatch.stack.accounts import refuse_what_others_may_write

LOCK_FILE = "lock"
ADDRESS_FILE = "stack.json"
# attempts, 0.02 s apart
PATIENCE = 15
# What clients of the embedded broker set, as it is not Apache Kafka.
EMBEDDED_BROKER: Mapping[str, Any] = {
    "enable_idempotence": False,
    "session_timeout_ms": 6_000,
    "fetch_max_wait_ms": 10,
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """How to reach a running stack; `kafka` has the settings of clients, but for the address."""

    pid: int
    bootstrap: str
    dsn: str
    cluster_id: str
    scenario_clock: str | None = None
    kafka: Mapping[str, Any] = field(default_factory=lambda: dict(EMBEDDED_BROKER))
    city: str | None = None

    def as_settings(self) -> dict[str, Any]:
        """Return the settings with which a command reaches this stack."""
        settings: dict[str, Any] = {
            "kafka": {"bootstrap_servers": self.bootstrap, **self.kafka},
            "database": {"dsn": self.dsn},
        }
        if self.scenario_clock is not None:
            settings["scenario_clock"] = self.scenario_clock
        if self.city is not None:
            settings["city"] = self.city
        return settings


@contextlib.contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the data directory's lock.

    Raises StackRunningError when another process holds it, StackError when it can't be made.
    """
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(f"{data_dir / LOCK_FILE}: {error.strerror}") from error
    try:
        if not _take(descriptor):
            raise StackRunningError(_who_runs(data_dir))
        try:
            yield
        finally:
            (data_dir / ADDRESS_FILE).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    # Somebody who asks whether a stack runs holds the lock for an instant.
    for _ in range(PATIENCE):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def announce(data_dir: Path, addresses: Addresses) -> None:
    """Write the addresses where `running` finds them, readable by the owner only."""
    draft = data_dir / f".{ADDRESS_FILE}"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(addresses), file)
    draft.replace(data_dir / ADDRESS_FILE)


def running(data_dir: Path) -> Addresses | None:
    """Return the addresses of the stack that runs on `data_dir`; None when none does.

    Raises StackError when others may have written them.
    """
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR)
    except OSError:
        return None
    try:
        # A shared lock is refused for as long as the owner lives, and troubles no other reader.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        refuse_what_others_may_write(data_dir)
        return _read(data_dir)
    finally:
        os.close(descriptor)
    return None


def _read(data_dir: Path) -> Addresses | None:
    file = data_dir / ADDRESS_FILE
    try:
        content = file.read_text(encoding="utf-8")
        refuse_what_others_may_write(file)
        return Addresses(**json.loads(content))
    except (OSError, ValueError, TypeError, RecursionError):
        # It is just starting, or stopping.
        return None


def _who_runs(data_dir: Path) -> str:
    addresses = _read(data_dir)
    if addresses is None:
        return f"another process is starting or stopping the stack in {data_dir}"
    return (
        f"the stack in {data_dir} is running already, as process {addresses.pid}: "
        f"Kafka {addresses.bootstrap}, PostgreSQL {addresses.dsn}"
    )


def free_port(host: str, wanted: int = 0) -> int:
    """Return the port that is wanted when it is free on `host`, else any that is; 0 wants any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                if port == 0:
                    raise
                continue
            return int(probe.getsockname()[1])
    raise AssertionError
