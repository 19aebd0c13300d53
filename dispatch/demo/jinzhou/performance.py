"""The intake from its set-up to its summary."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import resources
from pathlib import Path
from typing import Final

from dispatch.demo.board import Board
from dispatch.demo.jinzhou.mishaps import Mishaps
from dispatch.demo.jinzhou.policy import write_policy
from dispatch.demo.jinzhou.scenario import END, START, STAY, Intake, IntakeBehaviour
from dispatch.demo.jinzhou.summary import Summary, summarise
from dispatch.planning.scenario import Scenario, read_scenario
from dispatch.simulation.commission import Commission
from dispatch.simulation.crews import Crews
from dispatch.simulation.hospitals import Hospitals
from dispatch.simulation.laboratory import Laboratory
from dispatch.simulation.stage import Stage, open_stage
from dispatch.stack.broker import Broker
from dispatch.stack.embedded import AnyBroker

CITY: Final = Path(str(resources.files("dispatch") / "cities" / "jinzhou.toml"))
SCENARIO: Final = "jinzhou-intake"
POLICY_FILE: Final = "policy.toml"
WATCHABLE_SPEED: Final = 40_000.0  # seconds of the cities in one of the machine's, at the most
TIME_FORMAT: Final = "%m-%d %H:%M"
# Crews of one batch do the same at about the same time: their reports may wait for each other.
GRAIN: Final = 60.0

Show = Callable[[Stage, Board], AbstractContextManager[Callable[[], None]]]


def put_on(stage: Stage, scenario: Scenario, seed: int) -> Board:
    """Put the intake with its crews, hospitals and mishaps on a stage; return its board."""
    board = Board.of(stage)
    behaviour = IntakeBehaviour(seed, scenario)
    Crews(stage, behaviour)
    Hospitals(stage, behaviour, stay=STAY)
    Laboratory(stage, behaviour)
    Commission(stage, behaviour)
    Intake(stage, scenario).plan()
    Mishaps(stage, behaviour).plan()
    return board


async def perform(
    data_dir: Path,
    *,
    seed: int,
    speed: float | None,
    show: Show,
    kafka: Callable[[Path], AnyBroker] = Broker,
) -> Summary:
    """Play the intake on the real service, on a stack in `data_dir`, and sum it up.

    `show` gets the stage and the board and gives what is called at every step; `kafka` makes the
    broker. Raises StackError when a part of the stack does not start or get on.
    """
    scenario = read_scenario(SCENARIO)
    policy = data_dir / POLICY_FILE
    write_policy(scenario, policy)
    async with open_stage(
        CITY, start=START, data_dir=data_dir, policy=str(policy), kafka=kafka
    ) as stage:
        began = time.monotonic()
        board = put_on(stage, scenario, seed)
        with show(stage, board) as tick:
            await stage.run(until=END, speed=speed, grain=GRAIN, tick=tick)
        counts = await stage.counts()
        return summarise(
            stage.history,
            await stage.inputs(),
            scenario=scenario,
            plan=stage.plan,
            pack=stage.pack,
            seed=seed,
            start=START,
            end=stage.clock.now(),
            seconds=time.monotonic() - began,
            logged=counts["events"],
        )
