"""Replay a recorded day: its calls through the real service, with simulated crews and hospitals."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from dispatch.simulation.commission import Commission
from dispatch.simulation.console import Consoles
from dispatch.simulation.crews import Crews
from dispatch.simulation.epidemic import overlay
from dispatch.simulation.hospitals import Hospitals
from dispatch.simulation.laboratory import Laboratory
from dispatch.simulation.plan_file import write_plan
from dispatch.simulation.recorded import Recorded, RecordedBehaviour
from dispatch.simulation.report import Report, report_of
from dispatch.simulation.stage import open_stage
from dispatch.store.plan import CityPlan

PLAN_FILE: Final = "city.toml"
_BEFORE_THE_FIRST_CALL: Final = timedelta(minutes=1)
# Scenario seconds that crews and hospitals may be heard later, so that one step serves several;
# calls and deadlines keep their time to the second.
GRAIN: Final = 20.0


async def replay(
    recorded: Sequence[Recorded],
    plan: CityPlan,
    *,
    data_dir: Path,
    seed: int,
    speed: float,
    policy: str,
    progress: Callable[[int], None],
) -> Report:
    """Replay calls (at least one) at up to `speed` times their pace; 0: as fast as it goes.

    `progress` is told how many calls have been published. Raises StackError when the stack
    doesn't start or the service doesn't get on. `data_dir` exists.
    """
    calls = {each.call.call_id: each for each in (_answering(each, seed) for each in recorded)}
    start = min(each.call.received_at for each in calls.values()) - _BEFORE_THE_FIRST_CALL
    plan_path = data_dir / PLAN_FILE
    write_plan(plan, plan_path)
    async with open_stage(plan_path, start=start, data_dir=data_dir, policy=policy) as stage:
        behaviour = RecordedBehaviour(seed, calls)
        Crews(stage, behaviour)
        Hospitals(stage, behaviour)
        Laboratory(stage, behaviour)
        Commission(stage, behaviour)
        consoles = Consoles(stage, behaviour, calls)
        began = time.monotonic()
        await stage.run(speed=speed, grain=GRAIN, tick=lambda: progress(consoles.published))
        took = time.monotonic() - began
        return report_of(
            stage,
            calls,
            await stage.check(),
            counts=await stage.counts(),
            started_at=start,
            wall_seconds=round(took, 1),
        )


def _answering(recorded: Recorded, seed: int) -> Recorded:
    """Let somebody answer the questions about a call that says nothing of it."""
    if recorded.answers:
        return recorded
    call = recorded.call
    added = overlay(seed, call.call_id, call.patient.condition)
    return replace(recorded, answers=added.answers, answers_after=added.answers_after)
