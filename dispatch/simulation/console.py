"""The consoles of a recorded day: they publish its calls, ask its callers, and cancel."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.recorded import Recorded
from dispatch.simulation.seen import Seen
from dispatch.simulation.stage import Stage
from dispatch.topics.calls import CallAnswered, CallCancelled, Epidemiology

SOURCE: Final = "consoles"
CONSOLE: Final = "console 1"


class Consoles:
    """Every call of a recorded day at its time, and what is said about it later."""

    def __init__(self, stage: Stage, behaviour: Behaviour, calls: Mapping[str, Recorded]) -> None:
        self._stage = stage
        self._calls = calls
        self.published = 0
        self._asked: set[str] = set()
        # Incidents that are closed, or whose patient has been met.
        self._closed: set[str] = set()
        self._met: set[str] = set()
        stage.on("screening.requested", self._on_questions)
        stage.on("incident.closed", self._on_closed)
        stage.on("incident.progressed", self._on_progress)
        for call_id, recorded in calls.items():
            stage.at(recorded.call.received_at, partial(self._publish, recorded))
            if recorded.cancelled_at is not None:
                stage.at(recorded.cancelled_at, partial(self._cancel, call_id))
            if recorded.ends_empty is not None:
                behaviour.script(Deviation.END_EMPTY, call_id, recorded.ends_empty)

    async def _publish(self, recorded: Recorded) -> None:
        await self._stage.publish(recorded.call, source=SOURCE)
        self.published += 1

    async def _cancel(self, call_id: str) -> None:
        if call_id not in self._closed | self._met:
            await self._stage.publish(
                CallCancelled(
                    call_id=call_id,
                    at=self._stage.now(),
                    by=CONSOLE,
                    reason="the caller no longer needs an ambulance",
                ),
                source=SOURCE,
            )

    def _on_questions(self, seen: Seen) -> None:
        asked = seen.data
        call_id = asked["call_id"]
        recorded = self._calls[call_id]
        if call_id not in self._asked and recorded.answers_after is not None:
            self._asked.add(call_id)
            items = [question["item"] for question in asked["questions"]]
            self._stage.after(recorded.answers_after, partial(self._answer, call_id, items))

    async def _answer(self, call_id: str, items: list[str]) -> None:
        if call_id in self._closed:
            return
        answers: dict[str, Any] = {item: self._calls[call_id].answers[item] for item in items}
        await self._stage.publish(
            CallAnswered(
                call_id=call_id,
                answered_at=self._stage.now(),
                epidemiology=Epidemiology(**answers),
                by=CONSOLE,
            ),
            source=SOURCE,
        )

    def _on_closed(self, seen: Seen) -> None:
        self._closed.update(seen.data["calls"])
        self._closed.add(seen.data["incident_id"])

    def _on_progress(self, seen: Seen) -> None:
        progress = seen.data
        if progress["status"] == "on_scene":
            self._met.add(progress["incident_id"])
