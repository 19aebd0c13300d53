"""The steps of the delivery promise at which a worker can be ended or stopped, and how it is told.

The bench writes an order into a worker's folder; the worker looks for one at each step, and carries
out the one that names the step, once.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import Final

import orjson

ORDER_FILE: Final = "order.json"
ASSIGNMENT_FILE: Final = "assignment.json"
FOLDER: Final = "FAULTS_FOLDER"
PORTS: Final = "FAULTS_PORTS"
COMMIT_FIRST: Final = "FAULTS_COMMIT_FIRST"
CLOCK_AHEAD: Final = "FAULTS_CLOCK_AHEAD"


class Step(StrEnum):
    """Where a worker stands in a batch: what it has done last."""

    READ = "read a batch from Kafka"
    BEGUN = "begun the transaction, as the one writer"
    DECIDED = "decided, before anything is written"
    WRITTEN = "written everything, before the commit"
    COMMITTED = "committed, before anything is published"
    PUBLISHING = "published on some partitions, before the others"
    PUBLISHED = "published everything, before it is marked so"
    MARKED = "marked what is published, before the agent answers"
    ANSWERED = "had the agent's answer, before the offsets are committed"
    ACKNOWLEDGED = "committed the offsets"


class Orders:
    """The orders to one worker, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / ORDER_FILE

    def give(self, step: Step, which: signal.Signals, *, spare: int) -> None:
        """Order a signal for when the worker comes to a step, after sparing it so many times."""
        draft = self._file.with_suffix(".new")
        draft.write_bytes(orjson.dumps({"step": step, "signal": int(which), "spare": spare}))
        draft.replace(self._file)

    def withdraw(self) -> None:
        """Take back what has not been carried out."""
        self._file.unlink(missing_ok=True)

    @property
    def pending(self) -> bool:
        """Whether an order waits to be carried out."""
        return self._file.exists()

    def carry_out(self, step: Step) -> None:
        """Send this process the signal that was ordered for the step, if one was."""
        try:
            order = orjson.loads(self._file.read_bytes())
        except FileNotFoundError:
            return
        if order["step"] != step:
            return
        if order["spare"]:
            self.give(step, signal.Signals(order["signal"]), spare=order["spare"] - 1)
            return
        self.withdraw()
        os.kill(os.getpid(), order["signal"])
