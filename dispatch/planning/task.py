"""What a planner is given: a batch's problem, and how long it may take over it."""

from dataclasses import dataclass

from dispatch.planning.problem import Problem


@dataclass(frozen=True)
class Task:
    """A batch to be planned: its revision, which its plan must be for, and seconds of wall time."""

    revision: int
    problem: Problem
    seconds: float
