"""How long crews, hospitals and the commission take, and what they do otherwise than expected.

Durations are seconds of the scenario, drawn from a seed, the step and whom it concerns: the same
in every run, in whatever order events arrive.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

Step = Literal[
    "acknowledge",
    "roll",
    "travel",
    "on_scene",
    "transport",
    "sign",
    "turnaround",
    "drive_to_centre",
    "disinfect",
    "return",
    "repair",
    "hospital_acknowledge",
    "hospital_sign",
    "test",
    "report_acknowledge",
]

# Least, most frequent and longest duration in seconds; a step with an estimate multiplies it.
_USUAL: Final[dict[Step, tuple[float, float, float]]] = {
    "acknowledge": (5, 15, 45),
    "roll": (20, 60, 120),
    "on_scene": (420, 900, 2400),
    "sign": (120, 300, 900),
    "turnaround": (300, 900, 1800),
    # Beyond the contact time of the agent.
    "disinfect": (120, 300, 900),
    "repair": (1200, 1800, 3600),
    "hospital_acknowledge": (10, 30, 90),
    "hospital_sign": (60, 180, 600),
    "test": (7200, 10_800, 18_000),
    "report_acknowledge": (60, 180, 600),
}
_ESTIMATED: Final[dict[Step, tuple[float, float, float]]] = {
    "travel": (0.8, 1.0, 1.4),
    "transport": (0.8, 1.0, 1.4),
    "drive_to_centre": (0.8, 1.0, 1.4),
    "return": (0.8, 1.0, 1.4),
}


class Deviation(Enum):
    """What somebody may do otherwise than expected, once."""

    SILENT = "the crew does not acknowledge its order"
    REFUSE = "the crew refuses the run; the value is the reason code"
    BREAK_DOWN = "the unit breaks down so many seconds (the value) after rolling"
    END_EMPTY = "the crew leaves the scene without a patient; the value is the reason code"
    FIND_CASE = "the crew finds a case on scene; the value is the case status"
    WEAK_CERTIFICATE = "the first certificate of disinfection is too weak"
    DIVERT = "the hospital diverts; the value is the reason"
    DIVERT_AT_THE_DOOR = "the hospital diverts when the patient has arrived; the value is why"
    OBSERVE = "the crew reports what it measures on scene; the value is what"
    HOSPITAL_SILENT = "the hospital does not answer an announcement"
    DIVERT_TRANSFER = "the hospital diverts a transfer; the value is whom it proposes, or ''"
    TRANSFER_SILENT = "the hospital does not answer when asked to take a transfer"
    ACKNOWLEDGE_LATE = "the commission acknowledges a report (the value) seconds after it was sent"
    ACCEPT_AND_CLOSE = "the hospital accepts a transfer and closes (the value) seconds later"


class Behaviour:
    """Durations by a seed, and the deviations that a script asks for."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._script: defaultdict[Deviation, dict[str, Any]] = defaultdict(dict)
        self._outages: list[tuple[datetime, datetime]] = []

    def radio_out(self, since: datetime, until: datetime) -> None:
        """Let no crew be heard between two times (aware); what they say meanwhile is kept."""
        self._outages.append((since, until))

    def heard_at(self, now: datetime) -> datetime:
        """Return when what a crew says now is heard: when the radio is back, where it is out."""
        return max([now, *(until for since, until in self._outages if since <= now)])

    def script(self, deviation: Deviation, whom: str, value: Any = True) -> None:
        """Let a deviation happen, once.

        `whom` names a unit, hospital, incident, assignment, handover, offer or report.
        """
        self._script[deviation][whom] = value

    def intends(self, deviation: Deviation, *whom: str) -> Any:
        """Return a scripted deviation's value for the first of these, or None.

        It stays scripted until it shows, when `deviates` uses it up: who is called back before
        leaves it to who goes instead. Asked when an event is read, it may be another's: events of
        different keys are read in any order. So ask when it is time to act.
        """
        found = self._named(deviation, whom)
        return None if found is None else self._script[deviation][found]

    def deviates(self, deviation: Deviation, *whom: str) -> Any:
        """Return a scripted deviation's value for the first of these, which uses it up, or None."""
        found = self._named(deviation, whom)
        return None if found is None else self._script[deviation].pop(found)

    def _named(self, deviation: Deviation, whom: Sequence[str]) -> str | None:
        scripted = self._script[deviation]
        return next((name for name in whom if name in scripted), None)

    def seconds(self, step: Step, whom: str, estimate: float = 0.0) -> float:
        """Return how long a step takes; `estimate` is the travel time where it is a way."""
        draw = random.Random(f"{self._seed}/{step}/{whom}")  # noqa: S311 - a scenario, no secret
        if step in _ESTIMATED:
            least, usual, most = _ESTIMATED[step]
            return estimate * draw.triangular(least, most, usual)
        least, usual, most = _USUAL[step]
        return draw.triangular(least, most, usual)
