"""Who holds the lock that a process of the database waits for."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg.rows import namedtuple_row

from dispatch.store.sql import STATEMENTS

LOOK_SECONDS: Final = 0.5
NAMED: Final = 3  # holders, at most


class Holders:
    """Watches one process of the database on a connection of its own; use as a context.

    When the process has stopped waiting, nobody can tell any more whom it has waited for.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self._over = threading.Event()
        self._watching: threading.Thread | None = None
        self.told = ""
        """The holders as they were seen last, in some words; empty when none was."""

    def watch(self, pid: int) -> None:
        """Begin to watch the process."""
        self._watching = threading.Thread(target=self._look, args=(pid,), daemon=True)
        self._watching.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._watching is not None:
            self._watching.join()

    def _look(self, pid: int) -> None:
        try:
            if self._over.wait(LOOK_SECONDS):
                return
            with self._connect() as connection:
                connection.autocommit = True
                cursor = connection.cursor(row_factory=namedtuple_row)
                while True:
                    found = cursor.execute(STATEMENTS["lock_holders"], {"pid": pid}).fetchall()
                    if found:
                        self.told = _in_words(found)
                    if self._over.wait(LOOK_SECONDS):
                        return
        except psycopg.Error:
            # The migration itself says what is wrong with the database.
            return


def _in_words(found: list[Any]) -> str:
    holders = [
        f"{each.name}, process {each.pid} of {each.account}, since {each.since:%Y-%m-%d %H:%M:%S%z}"
        for each in found[:NAMED]
    ]
    if len(found) > NAMED:
        holders.append(f"{len(found) - NAMED} more")
    what = f"{found[0].relation} is held by " if found[0].relation else "held by "
    return what + "; ".join(holders)
