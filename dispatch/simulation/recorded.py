"""A recorded day: calls as they came in, what became of them, and how long it took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from dispatch.errors import ConfigurationError
from dispatch.simulation.behaviour import Behaviour, Step
from dispatch.topics.body import BodyError, decode
from dispatch.topics.calls import Call
from dispatch.topics.fields import Timestamp, reasons

TIMES: Final = "times"
# Until the handover is signed passes a share of the stay at the hospital, so many seconds at most.
_SIGNED_SHARE: Final = 0.3
_SIGNED_WITHIN: Final = 600.0


class Times(BaseModel):
    """When a recorded run reached its stages (aware); what was not recorded is None."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    dispatched_at: Timestamp | None = None
    rolling_at: Timestamp | None = None
    on_scene_at: Timestamp | None = None
    transport_at: Timestamp | None = None
    hospital_at: Timestamp | None = None
    available_at: Timestamp | None = None

    def durations(self) -> dict[Step, float]:
        """Return how long the steps of the run took, in seconds, where both ends are known."""
        leaves = self.transport_at or self.available_at
        found: dict[Step, float] = {}
        steps: tuple[tuple[Step, datetime | None, datetime | None], ...] = (
            ("roll", self.dispatched_at, self.rolling_at),
            ("on_scene", self.on_scene_at, leaves),
            ("transport", self.transport_at, self.hospital_at),
            ("turnaround", self.hospital_at, self.available_at),
        )
        for step, begin, end in steps:
            if begin is not None and end is not None and end >= begin:
                found[step] = (end - begin).total_seconds()
        if "turnaround" in found:
            stay = found["turnaround"]
            signed = min(_SIGNED_WITHIN, stay * _SIGNED_SHARE)
            found |= {"sign": signed, "hospital_sign": signed, "turnaround": stay - signed}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One recorded call, what ends its run other than a hospital, and what the caller answers."""

    call: Call
    times: Times = field(default_factory=Times)
    # The reason code with which the crew leaves the scene without a patient.
    ends_empty: str | None = None
    cancelled_at: datetime | None = None
    # Seconds after the questions were put, and the answers; None: nobody answers.
    answers_after: float | None = None
    answers: Mapping[str, str] = field(default_factory=dict)


class RecordedBehaviour(Behaviour):
    """Crews and hospitals that take as long as they did; what was not recorded is drawn."""

    def __init__(self, seed: int, calls: Mapping[str, Recorded]) -> None:
        super().__init__(seed)
        self._durations = {call_id: each.times.durations() for call_id, each in calls.items()}

    def seconds(self, step: Step, whom: str, estimate: float = 0.0) -> float:
        """Return how long a step took in the recorded run of the same call, or draw it."""
        recorded = self._durations.get(whom.partition("/")[0], {}).get(step)
        if recorded is None:
            return super().seconds(step, whom, estimate)
        if step == "roll":
            # The record counts from the order, this from its acknowledgement.
            return max(0.0, recorded - self.seconds("acknowledge", whom))
        return recorded


def read_jsonl(path: Path) -> list[Recorded]:
    """Read calls as JSON Lines, each with `times` beside the call's own keys, if there are any.

    Raises ConfigurationError naming the file, the line and the reason.
    """
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            content: dict[str, Any] = decode(line)
            times = Times.model_validate(content.pop(TIMES, {}))
            call = Call.model_validate(content)
        except BodyError as error:
            raise ConfigurationError(f"{path}: line {number}: {error}") from error
        except ValidationError as error:
            first = reasons(error)[0]
            why = f"{first['field']} {first['reason']}"
            raise ConfigurationError(f"{path}: line {number}: {why}") from error
        found.append(Recorded(call=call, times=times))
    return found
