"""A worker's log as a pipe, which can be left full: nobody drains it for a while."""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Final

_READ: Final = 65_536
# Linux gives no less; so it is full soon.
_ROOM: Final = 4_096


class LogPipe:
    """A named pipe whose content goes on into a file."""

    def __init__(self, pipe: Path, file: Path) -> None:
        """Make the pipe, and drain it from now on; call it inside the event loop."""
        self.path = pipe
        os.mkfifo(pipe)
        # Open for both, so that it never ends, and whoever writes need not wait for a reader.
        self._descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, _ROOM)
        self._file = file.open("ab")
        self._loop = asyncio.get_running_loop()
        self.drain()

    def block(self) -> None:
        """Drain it no more."""
        self._loop.remove_reader(self._descriptor)

    def drain(self) -> None:
        """Drain it again."""
        self._loop.add_reader(self._descriptor, self._pass_on)

    def close(self) -> None:
        """Let go of it."""
        self.block()
        os.close(self._descriptor)
        self._file.close()

    def _pass_on(self) -> None:
        try:
            self._file.write(os.read(self._descriptor, _READ))
        except BlockingIOError:
            return
        self._file.flush()
