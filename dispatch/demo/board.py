"""What the demo knows of the city from the events alone: for its view and for who plays in it."""

from collections import Counter, deque
from datetime import datetime
from typing import Any, Final

from dispatch.demo.readable import readable
from dispatch.domain.roster import DISPATCHABLE
from dispatch.simulation.seen import Seen
from dispatch.simulation.stage import Stage
from dispatch.store.plan import CityPlan
from dispatch.topics import OUTPUT_TOPICS

LINES_KEPT: Final = 200


class Board:
    """Units, open incidents, queue and counters, kept up to date event by event."""

    def __init__(self, plan: CityPlan) -> None:
        self.crew = {unit.unit_id: unit.crew for unit in plan.unit}
        self.status = {unit.unit_id: "available" for unit in plan.unit}
        self.blocked: set[str] = set()
        self.serving: dict[str, str] = {}
        self.runs: dict[str, str] = {}
        self.calls: set[str] = set()
        self.queue: dict[str, str] = {}
        self.counters: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.lines: deque[tuple[datetime, str, str]] = deque(maxlen=LINES_KEPT)
        self.told = 0

    @classmethod
    def of(cls, stage: Stage) -> "Board":
        """Return a board of what a stage has seen, kept up to date by what it will see."""
        board = cls(stage.plan)
        for seen in stage.history:
            board.take(seen)
        for topic in OUTPUT_TOPICS:
            for event in topic.events:
                stage.on(event.event_type, board.take)
        return board

    def free(self, crew: str) -> list[str]:
        """Return the units of a crew kind that can be ordered now."""
        return [
            unit
            for unit, status in self.status.items()
            if self.crew[unit] == crew and status in DISPATCHABLE and unit not in self.blocked
        ]

    @property
    def quiet(self) -> bool:
        """Whether nobody is served or waits, and every unit is back."""
        back = set(self.status.values()) == {"available"}
        return back and not self.serving and not self.queue and not self.blocked

    def take(self, seen: Seen) -> None:
        """Take over what an event says."""
        data = seen.data
        self.counters[seen.type] += 1
        if seen.type == "unit.changed":
            self._change_unit(data)
        elif seen.type == "call.decided":
            self.rules[data["decision"]["rule"]] += 1
            self.calls.add(data["call_id"])
        elif seen.type == "call.linked":
            self.calls.add(data["call_id"])
            # It may have been an incident of its own until a dispatcher said otherwise.
            self.queue.pop(data["call_id"], None)
            self.serving.pop(data["call_id"], None)
        elif seen.type == "incident.queued":
            self.queue[data["incident_id"]] = data["waiting_for"]
        elif seen.type == "incident.assigned":
            self.queue.pop(data["incident_id"], None)
            self.serving[data["incident_id"]] = data["unit_id"]
        elif seen.type in ("incident.closed", "incident.held"):
            self.queue.pop(data["incident_id"], None)
            self.serving.pop(data["incident_id"], None)
        line = readable(seen.type, data)
        if line is not None:
            style, said = line
            self.told += 1
            self.lines.append((datetime.fromisoformat(data["at"]), style, said))

    def _change_unit(self, data: dict[str, Any]) -> None:
        unit = data["unit_id"]
        self.status[unit] = data["status"]
        self.runs[unit] = (data["assignment_id"] or "").partition("/")[0]
        if data["job_id"] is None:
            self.blocked.discard(unit)
        else:
            self.blocked.add(unit)
