"""Standard output and error when nobody reads them: no command hangs on either."""

import contextlib
import logging
import os
import select
import sys
from typing import Final

import click

from dispatch.shown import shown

PATIENCE: Final = 2.0  # seconds


def complain(*lines: str) -> None:
    """Say to standard error what went wrong, after what was logged; what is quoted is text.

    Nothing is said where nobody has read what was said before.
    """
    for handler in logging.getLogger().handlers:
        handler.flush()
    try:
        _, ready, _ = select.select((), (sys.stderr,), (), PATIENCE)
    except (OSError, ValueError):
        # It is kept in memory.
        ready = [sys.stderr]
    if ready:
        with contextlib.suppress(BrokenPipeError):
            click.echo("\n".join(map(shown, lines)), err=True)


def forget_output() -> None:
    """Let go of what standard output has not taken: Python would wait, or complain, at its exit."""
    with contextlib.suppress(OSError):
        # Kept in memory, it has no descriptor.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
