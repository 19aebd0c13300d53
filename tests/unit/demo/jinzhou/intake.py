"""The intake, played on the domain in memory."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from dispatch.checker import Input
from dispatch.demo.board import Board
from dispatch.demo.jinzhou.performance import CITY, POLICY_FILE, SCENARIO, put_on
from dispatch.demo.jinzhou.policy import write_policy
from dispatch.demo.jinzhou.scenario import END, START
from dispatch.demo.jinzhou.summary import Summary, summarise
from dispatch.planning.scenario import Scenario, read_scenario
from dispatch.simulation.seen import Seen
from dispatch.store.plan import CityPlan
from tests.unit.demo.memory_stage import MemoryStage

if TYPE_CHECKING:
    from dispatch.simulation.stage import Stage


@dataclass(frozen=True, slots=True)
class Played:
    """The intake as it was played: what was told and sent, and what its board shows."""

    stage: MemoryStage
    board: Board
    scenario: Scenario

    @property
    def history(self) -> list[Seen]:
        return self.stage.history

    @property
    def inputs(self) -> list[Input]:
        return self.stage.inputs()

    def summary(
        self, history: list[Seen] | None = None, *, plan: CityPlan | None = None
    ) -> Summary:
        """Sum up this history in these cities, or others in their place."""
        return summarise(
            self.history if history is None else history,
            self.inputs,
            scenario=self.scenario,
            plan=plan or self.stage.plan,
            pack=self.stage.pack,
            seed=1,
            start=START,
            end=self.stage.clock.now(),
            seconds=1.0,
            logged=len(self.history),
        )


def play(seed: int, reading_order: int | None = None) -> Played:
    """Play the intake in memory."""
    scenario = read_scenario(SCENARIO)
    with TemporaryDirectory() as directory:
        policy = Path(directory) / POLICY_FILE
        write_policy(scenario, policy)
        memory = MemoryStage(CITY, start=START, policy=str(policy), reading_order=reading_order)
    stage = cast("Stage", memory)
    board = put_on(stage, scenario, seed)
    asyncio.run(stage.run(until=END))
    return Played(memory, board, scenario)
