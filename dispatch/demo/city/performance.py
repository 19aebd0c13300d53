"""The demo from its set-up to its summary."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Final

from dispatch.demo.board import Board
from dispatch.demo.city.mishaps import Mishaps
from dispatch.demo.city.scenario import START, Day
from dispatch.demo.city.summary import Summary, summarise
from dispatch.simulation.behaviour import Behaviour
from dispatch.simulation.commission import Commission
from dispatch.simulation.crews import Crews
from dispatch.simulation.hospitals import Hospitals
from dispatch.simulation.laboratory import Laboratory
from dispatch.simulation.stage import Stage, open_stage
from dispatch.stack.broker import Broker
from dispatch.stack.embedded import AnyBroker

CITY: Final = Path(str(resources.files("dispatch") / "cities" / "hulunbuir.toml"))
LAST_CALLS: Final = START + timedelta(hours=14)
CLOSING_TIME: Final = START + timedelta(hours=24)
LOOK_AGAIN: Final = timedelta(minutes=15)
WATCHABLE_SPEED: Final = 2_000.0  # seconds of the city in one of the machine's, at the most

Show = Callable[[Stage, Board], AbstractContextManager[Callable[[], None]]]


def put_on(stage: Stage, seed: int) -> Board:
    """Put the day with its crews, hospitals and mishaps on a stage; return its board."""
    board = Board.of(stage)
    behaviour = Behaviour(seed)
    Crews(stage, behaviour)
    Hospitals(stage, behaviour)
    Laboratory(stage, behaviour)
    Commission(stage, behaviour)
    day = Day(stage, board, seed=seed)
    day.plan()
    Mishaps(day, behaviour).plan()
    return board


async def act(stage: Stage, board: Board, *, speed: float | None, tick: Callable[[], None]) -> None:
    """Let the day go on until the last calls are over and every unit is back."""
    until = LAST_CALLS
    await stage.run(until=until, speed=speed, tick=tick)
    while not board.quiet and until < CLOSING_TIME:
        until += LOOK_AGAIN
        await stage.run(until=until, speed=speed, tick=tick)


async def perform(
    data_dir: Path,
    *,
    seed: int,
    speed: float | None,
    show: Show,
    kafka: Callable[[Path], AnyBroker] = Broker,
) -> Summary:
    """Play the day on the real service, on a stack in `data_dir`, and sum it up.

    `show` gets the stage and the board and gives what is called at every step; `kafka` makes the
    broker. Raises StackError when a part of the stack does not start or get on.
    """
    async with open_stage(CITY, start=START, data_dir=data_dir, kafka=kafka) as stage:
        began = time.monotonic()
        board = put_on(stage, seed)
        with show(stage, board) as tick:
            await act(stage, board, speed=speed, tick=tick)
        counts = await stage.counts()
        return summarise(
            stage.history,
            await stage.inputs(),
            pack=stage.pack,
            seed=seed,
            start=START,
            end=stage.clock.now(),
            seconds=time.monotonic() - began,
            latencies=stage.latencies("order.issued"),
            logged=counts["events"],
        )
