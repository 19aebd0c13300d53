"""Where a worker serves its metrics, told to Prometheus in a file (its file_sd format)."""

import json
import os
import re
import socket
from pathlib import Path

from dispatch.errors import ConfigurationError

# Addresses that mean: every one of this machine's.
_EVERYWHERE = {"", "0.0.0.0", "::", "*"}  # noqa: S104 - compared, not listened on


class Announcement:
    """The file of one worker, `<machine>-<pid>.json`, in a directory that workers share."""

    def __init__(self, directory: Path, host: str, port: int) -> None:
        self._directory = directory
        self._machine = re.sub(r"[^A-Za-z0-9._-]", "_", socket.gethostname())
        self._file = directory / f"{self._machine}-{os.getpid()}.json"
        host = socket.gethostname() if host in _EVERYWHERE else host
        self._target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def make(self) -> None:
        """Write the file, and remove those of this machine's workers that are no more.

        Raises ConfigurationError when the directory can't be written to.
        """
        draft = self._file.with_suffix(".draft")
        try:
            self._remove_stale()
            draft.write_text(json.dumps([{"targets": [self._target]}]) + "\n", encoding="utf-8")
            # Prometheus looks for *.json, and finds the whole of it.
            draft.replace(self._file)
        except OSError as error:
            raise ConfigurationError(
                f"web.discovery_dir: can't write {self._file}: {error.strerror}"
            ) from error

    def withdraw(self) -> None:
        """Remove the file."""
        self._file.unlink(missing_ok=True)

    def _remove_stale(self) -> None:
        for file in self._directory.glob(f"{self._machine}-*.json"):
            number = file.stem.removeprefix(f"{self._machine}-")
            if number.isdecimal() and not _runs(int(number)):
                file.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
