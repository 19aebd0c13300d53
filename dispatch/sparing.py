"""Sparing with what a library repeats: while a broker is away, many times a second."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

AGAIN: Final = 5.0  # seconds until the same is said again
REMEMBERED: Final = 1_000  # different lines


class Sparing(logging.Filter):
    """Lets the same line of some libraries through now and then, with how often it was left out.

    The same are lines of one logger with one text before the values are put in.
    """

    def __init__(self, libraries: Sequence[str], now: Callable[[], float] = time.monotonic) -> None:
        """Be sparing with the loggers of these names, and with all below them."""
        super().__init__()
        self._libraries = tuple(libraries)
        self._now = now
        self._said: dict[tuple[str, str], float] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to let a line through."""
        if record.name.partition(".")[0] not in self._libraries:
            return True
        text = str(record.msg)
        key, now = (record.name, text), self._now()
        if now - self._said.get(key, -AGAIN) < AGAIN:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return False
        if len(self._said) >= REMEMBERED:
            self._said.clear()
            self._left_out.clear()
        self._said[key] = now
        if left_out := self._left_out.pop(key, 0):
            record.msg = f"{text} (and {left_out} more like it)"
        return True
