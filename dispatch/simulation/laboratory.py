"""The laboratories of the hospitals: a result for every patient whose result has a limit.

They find what is known already: who came as a case is positive, everybody else is negative.
"""

from functools import partial
from typing import Any, Final

from dispatch.simulation.behaviour import Behaviour
from dispatch.simulation.seen import Seen
from dispatch.simulation.stage import Stage
from dispatch.topics.hospitals import ResultReported

SOURCE: Final = "laboratory"


class Laboratory:
    """The laboratories of all hospitals of a city."""

    def __init__(self, stage: Stage, behaviour: Behaviour) -> None:
        self._stage = stage
        self._behaviour = behaviour
        self._test = stage.pack.handover.timed_test
        # What was last told of the patients, by handover.
        self._expected: dict[str, dict[str, Any]] = {}
        stage.on("handover.announced", self._on_told)
        stage.on("handover.updated", self._on_told)
        stage.on("clock.started", self._on_clock)

    def _on_told(self, seen: Seen) -> None:
        self._expected[seen.data["handover_id"]] = seen.data

    def _on_clock(self, seen: Seen) -> None:
        if seen.data["kind"] not in ("result_fever_clinic", "result_other"):
            return
        told = self._expected.pop(seen.data["subject"])
        seconds = self._behaviour.seconds("test", told["handover_id"])
        self._stage.after(seconds, partial(self._report, told))

    async def _report(self, told: dict[str, Any]) -> None:
        body: dict[str, Any] = {
            "hospital_id": told["hospital_id"],
            "handover_id": told["handover_id"],
            "at": self._stage.now(),
            "test": self._test,
            "positive": told["case_status"] != "none",
        }
        if body["positive"]:
            body["case_status"] = told["case_status"]
        await self._stage.publish(ResultReported.model_validate(body), source=SOURCE)
