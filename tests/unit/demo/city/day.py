"""The demo's day, played on the domain in memory."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from dispatch.checker import Input
from dispatch.demo.board import Board
from dispatch.demo.city.performance import CITY, act, put_on
from dispatch.demo.city.scenario import START
from dispatch.demo.city.summary import Summary, summarise
from dispatch.simulation.seen import Seen
from tests.unit.demo.memory_stage import MemoryStage

if TYPE_CHECKING:
    from dispatch.simulation.stage import Stage


@dataclass(frozen=True, slots=True)
class Played:
    """A day that was played: what was told and sent, and what its board shows."""

    stage: MemoryStage
    board: Board

    @property
    def history(self) -> list[Seen]:
        return self.stage.history

    @property
    def inputs(self) -> list[Input]:
        return self.stage.inputs()

    def summary(self, history: list[Seen] | None = None) -> Summary:
        """Sum up this history, or another one in its place."""
        return summarise(
            self.history if history is None else history,
            self.inputs,
            pack=self.stage.pack,
            seed=1,
            start=START,
            end=self.stage.clock.now(),
            seconds=1.0,
            latencies=[0.01, 0.02],
            logged=len(self.history),
        )


def play(seed: int, reading_order: int | None = None) -> Played:
    """Play the demo's day in memory."""
    memory = MemoryStage(CITY, start=START, reading_order=reading_order)
    stage = cast("Stage", memory)
    board = put_on(stage, seed)
    asyncio.run(act(stage, board, speed=None, tick=lambda: None))
    return Played(memory, board)
