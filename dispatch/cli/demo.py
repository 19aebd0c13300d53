"""`dispatch demo`: a scenario on the real service, in a minute or so."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import orjson
import uvloop
from rich.console import Group, RenderableType

from dispatch import wording
from dispatch.cli import indicators, localised
from dispatch.cli.city_plan import names_of
from dispatch.cli.console import PlainConsole
from dispatch.demo.board import Board
from dispatch.demo.city import performance as city_performance
from dispatch.demo.city import summary as city_summary
from dispatch.demo.jinzhou import performance as jinzhou_performance
from dispatch.demo.jinzhou import summary as jinzhou_summary
from dispatch.demo.screen import TIME_OF_DAY, Screen
from dispatch.errors import StackError
from dispatch.language import text
from dispatch.shown import json_of
from dispatch.simulation.stage import Stage


@dataclass(frozen=True, slots=True)
class _Scenario:
    """How a scenario is played and shown; `speed` is one that can be watched."""

    perform: Callable[..., Coroutine[Any, Any, Any]]
    render: Callable[[Any], RenderableType]
    speed: float
    time_format: str


def _render_jinzhou(summary: jinzhou_summary.Summary) -> RenderableType:
    return Group(indicators.render(summary.figures), jinzhou_summary.render(summary))


_SCENARIOS: Final[Mapping[str, _Scenario]] = {
    "city": _Scenario(
        city_performance.perform,
        city_summary.render,
        city_performance.WATCHABLE_SPEED,
        TIME_OF_DAY,
    ),
    "jinzhou": _Scenario(
        jinzhou_performance.perform,
        _render_jinzhou,
        jinzhou_performance.WATCHABLE_SPEED,
        jinzhou_performance.TIME_FORMAT,
    ),
}


@localised.command("demo")
@localised.option(
    "--scenario",
    type=click.Choice(tuple(_SCENARIOS)),
    default="city",
    show_default=True,
    help="demo.scenario",
)
@localised.option("--seed", type=int, default=1, show_default=True, metavar="N", help="demo.seed")
@localised.option("--fast", is_flag=True, help="demo.fast")
@localised.option("--json", "as_json", is_flag=True, help="demo.json")
def command(scenario: str, seed: int, fast: bool, as_json: bool) -> int:
    """Play a scenario and show its summary; return 1 when a story or an invariant failed."""
    played = _SCENARIOS[scenario]
    # With --json the standard output is for the program that reads it.
    console = PlainConsole(stderr=as_json)
    console.print(text("demo.setting_up"))

    def show(stage: Stage, board: Board) -> AbstractContextManager[Callable[[], None]]:
        wording.know(names_of(stage.plan))
        if as_json and not console.is_terminal:
            return nullcontext(lambda: None)
        screen = Screen(console, board, stage.plan, stage.clock, time_format=played.time_format)
        return screen.live()

    speed = None if fast else played.speed
    with (
        _directory() as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        summary = runner.run(played.perform(directory, seed=seed, speed=speed, show=show))
    if as_json:
        sys.stdout.buffer.write(
            json_of(summary.as_dict(), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)
        )
    else:
        console.print(played.render(summary))
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
