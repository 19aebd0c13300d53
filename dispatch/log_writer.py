"""Writes the log's lines from a thread of its own, so that nobody waits for whoever reads them.

A pipe that nobody drains takes 64 KiB; then a write waits, and with it, were it the event loop's,
every call. Lines wait here instead, in their order, so many bytes of them; the others are dropped
and counted, and as soon as there is room again it is said how many.
"""

import os
import select
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

WAITING: Final = 4_000_000  # bytes of lines that wait to be written
FLUSH_LIMIT: Final = 2.0  # seconds that the end of the process waits for them
LOOK_AGAIN: Final = 0.01  # seconds between two looks at whether they are written
AT_ONCE: Final = 65_536  # bytes; what a pipe of Linux holds

_all_dropped = 0


def dropped_lines() -> int:
    """Return how many lines this process has dropped."""
    return _all_dropped


class LineWriter:
    """Lines on their way to a file descriptor; `write` never waits and never fails."""

    def __init__(self, descriptor: int, tell: Callable[[int], str]) -> None:
        """Write to an open descriptor; `tell` makes the line that says how many were dropped."""
        self._descriptor = descriptor
        self._tell = tell
        # Each with how many lines it is, and of how many lost ones it tells.
        self._lines: SimpleQueue[tuple[bytes, int, int]] = SimpleQueue()
        self._taken = 0  # bytes; counted by who calls `write`
        self._done = 0  # bytes; counted by the thread
        self._untold = 0
        self._counting = threading.Lock()
        threading.Thread(target=self._work, name="log writer", daemon=True).start()

    def write(self, line: str) -> None:
        """Take a line, without its end, from one caller at a time."""
        content = _encoded(line)
        if self._taken - self._done + len(content) > WAITING:
            self._drop(1)
            return
        if number := self._take_untold():
            self._put(_encoded(self._tell(number)), 0, number)
        self._put(content, 1, 0)

    def flush(self, seconds: float = FLUSH_LIMIT) -> None:
        """Wait until all that was taken is written, at most so long."""
        deadline = time.monotonic() + seconds
        while self._done < self._taken and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)

    def _put(self, content: bytes, lines: int, told: int) -> None:
        self._taken += len(content)
        self._lines.put((content, lines, told))

    def _drop(self, lines: int, told: int = 0) -> None:
        global _all_dropped  # noqa: PLW0603 - of the process, as its standard error is
        with self._counting:
            _all_dropped += lines
            self._untold += lines + told

    def _take_untold(self) -> int:
        if not self._untold:
            return 0
        with self._counting:
            number, self._untold = self._untold, 0
        return number

    def _work(self) -> None:
        while True:
            contents, lines, told = self._next()
            content = b"".join(contents)
            if not self._write_out(content):
                self._drop(lines, told)
            elif self._lines.empty():
                self._say_so()
            self._done += len(content)

    def _say_so(self) -> None:
        """Tell of what was dropped although nobody logs anything more."""
        number = self._take_untold()
        if number and not self._write_out(_encoded(self._tell(number))):
            self._drop(0, number)

    def _next(self) -> tuple[list[bytes], int, int]:
        """Wait for a line, and return what is there by then, as far as it is written at once."""
        content, lines, told = self._lines.get()
        contents, size = [content], len(content)
        while size < AT_ONCE:
            try:
                content, line, of_lost = self._lines.get_nowait()
            except Empty:
                break
            contents.append(content)
            size += len(content)
            lines += line
            told += of_lost
        return contents, lines, told

    def _write_out(self, content: bytes) -> bool:
        """Write, however long it takes; return False when nobody can have it."""
        left = memoryview(content)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                # Somebody who shares it made it so.
                select.select((), (self._descriptor,), ())
            except OSError:
                # Who read it has gone, or the disk is full.
                return False
        return True


def _encoded(line: str) -> bytes:
    return line.encode("utf-8", "backslashreplace") + b"\n"
