"""Somebody who rings up crews that have stood still for long: they missed what they waited for.

On a clock that runs fast, a crew may be due to act before it hears what has become of it, and then
waits for ever; a real one looks again.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.simulation.seen import Seen
from dispatch.simulation.surroundings import Surroundings
from dispatch.topics.fields import Content
from dispatch.topics.hospitals import HandoverSignedByHospital
from dispatch.topics.units import HandoverSignedByCrew, UnitReported

SOURCE: Final = "patrol"
EVERY: Final = 300.0  # s of the scenario
LONG: Final = timedelta(minutes=15)
# Longer than a crew is out of reach, or waits for a hospital.
FOR_GOOD: Final = timedelta(hours=4)
AT_REST: Final = frozenset({"available", "off_duty"})


@dataclass(frozen=True, slots=True)
class _Standing:
    status: str
    busy: bool
    since: datetime


class Patrol:
    """Lets crews go on that have stood still at a hospital, or after it, or on their way back."""

    def __init__(self, city: Surroundings) -> None:
        self._city = city
        self._units: dict[str, _Standing] = {}
        # The announcement that stands, by unit.
        self._announced: dict[str, dict[str, Any]] = {}
        # How often somebody was rung up, by the status in which the unit stood.
        self.rung: Counter[str] = Counter()
        self._rung_at: dict[str, datetime] = {}
        city.on("unit.changed", self._on_changed)
        city.on("handover.announced", self._on_announced)
        city.after(EVERY, self._round)

    def left_standing(self) -> Counter[str]:
        """Return how many units have stood still so long that nothing explains it, by status."""
        return Counter(
            standing.status
            for standing in self._units.values()
            if standing.status not in AT_REST and self._city.now() - standing.since > FOR_GOOD
        )

    def _on_changed(self, seen: Seen) -> None:
        changed = seen.data
        self._units[changed["unit_id"]] = _Standing(
            changed["status"], changed["job_id"] is not None, self._city.now()
        )

    def _on_announced(self, seen: Seen) -> None:
        announced = seen.data
        self._announced[announced["unit_id"]] = announced

    async def _round(self) -> None:
        for unit_id, standing in list(self._units.items()):
            since = max(standing.since, self._rung_at.get(unit_id, standing.since))
            if self._city.now() - since > LONG and (words := self._words(unit_id, standing)):
                self._rung_at[unit_id] = self._city.now()
                self.rung[standing.status] += 1
                for event in words:
                    await self._city.publish(event, source=SOURCE)
        self._city.after(EVERY, self._round)

    def _words(self, unit_id: str, standing: _Standing) -> list[Content]:
        now = self._city.now()
        if standing.status == "handed_over" and not standing.busy:
            return [UnitReported(unit_id=unit_id, at=now, status="returning")]
        if standing.status in ("returning", "out_of_service") and not standing.busy:
            # What the crew has said of it was not taken: by its clock it was said too early.
            return [UnitReported(unit_id=unit_id, at=now, status="available")]
        announced = self._announced.get(unit_id)
        if standing.status == "at_hospital" and announced is not None:
            handover_id, hospital_id = announced["handover_id"], announced["hospital_id"]
            return [
                HandoverSignedByCrew(
                    unit_id=unit_id, handover_id=handover_id, at=now, by=f"crew of {unit_id}"
                ),
                HandoverSignedByHospital(
                    hospital_id=hospital_id,
                    handover_id=handover_id,
                    at=now,
                    by=f"intake of {hospital_id}",
                ),
            ]
        return []
