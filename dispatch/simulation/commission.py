"""The health commission: it acknowledges the reports that it reads."""

from functools import partial
from typing import Any, Final

from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.seen import Seen
from dispatch.simulation.surroundings import Surroundings
from dispatch.topics.commission import ReportAcknowledged

SOURCE: Final = "commission"


class Commission:
    """The health commission of a city."""

    def __init__(self, stage: Surroundings, behaviour: Behaviour) -> None:
        self._stage = stage
        self._behaviour = behaviour
        self._known: set[str] = set()
        stage.on("case.reported", self._on_reported)
        stage.on("crossing.reported", self._on_reported)
        stage.on("departure.reported", self._on_reported)

    def _on_reported(self, seen: Seen) -> None:
        report = seen.data
        if report["report_id"] in self._known:
            return
        self._known.add(report["report_id"])
        seconds = self._behaviour.deviates(
            Deviation.ACKNOWLEDGE_LATE, report["report_id"], report["incident_id"]
        )
        if seconds is None:
            seconds = self._behaviour.seconds("report_acknowledge", report["report_id"])
        self._stage.after(seconds, partial(self._acknowledge, report))

    async def _acknowledge(self, report: dict[str, Any]) -> None:
        event = ReportAcknowledged(
            incident_id=report["incident_id"],
            report_id=report["report_id"],
            at=self._stage.now(),
            by="officer on duty",
        )
        await self._stage.publish(event, source=SOURCE)
