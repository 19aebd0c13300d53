"""`dispatch demo`: a city's epidemic day on the real service, in under a minute."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import orjson
import uvloop
from rich.console import Console

from dispatch.cli import localised
from dispatch.demo.board import Board
from dispatch.demo.city.performance import WATCHABLE_SPEED, perform
from dispatch.demo.screen import Screen
from dispatch.demo.city.summary import render
from dispatch.errors import StackError
from dispatch.language import text
from dispatch.simulation.stage import Stage


@localised.command("demo")
@localised.option("--seed", type=int, default=1, show_default=True, metavar="N", help="demo.seed")
@localised.option("--fast", is_flag=True, help="demo.fast")
@localised.option("--json", "as_json", is_flag=True, help="demo.json")
def command(seed: int, fast: bool, as_json: bool) -> int:
    """Play the day and show its summary; return 1 when a story or an invariant failed."""
    # With --json the standard output is for the program that reads it.
    console = Console(stderr=as_json)
    console.print(text("demo.setting_up"))

    def show(stage: Stage, board: Board) -> AbstractContextManager[Callable[[], None]]:
        if as_json and not console.is_terminal:
            return nullcontext(lambda: None)
        return Screen(console, board, stage.plan, stage.clock).live()

    speed = None if fast else WATCHABLE_SPEED
    with (
        _directory() as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        summary = runner.run(perform(directory, seed=seed, speed=speed, show=show))
    if as_json:
        sys.stdout.buffer.write(
            orjson.dumps(summary.as_dict(), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)
        )
    else:
        console.print(render(summary))
    return 1 if summary.failures else 0


@contextmanager
def _directory() -> Iterator[Path]:
    """Make a temporary directory; when the stack fails it stays, as its logs are what is left."""
    directory = Path(tempfile.mkdtemp(prefix="dispatch-demo-"))
    # As root, PostgreSQL runs as an account of its own, which must pass through.
    directory.chmod(0o711)
    try:
        yield directory
    except StackError as error:
        if str(directory) in str(error):
            raise
        raise StackError(text("demo.failed", error=error, directory=directory)) from error
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)
