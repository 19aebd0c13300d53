"""What goes wrong during the intake: units and beds that drop out, hospitals and a late receipt."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from dispatch.demo.jinzhou.scenario import TREATMENT_CENTRE, batch_id
from dispatch.simulation.agenda import Action
from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.seen import Seen
from dispatch.simulation.stage import Stage
from dispatch.topics.hospitals import HospitalReported
from dispatch.topics.units import UnitReported

UNIT_DROPS_OUT: Final = batch_id(5)
BREAKS_DOWN: Final = f"{batch_id(9)}.T3"
REPORTED_LATE: Final = f"{batch_id(12)}.T2"
HOSPITAL_SILENT: Final = batch_id(20)
BEDS_DROP_OUT: Final = batch_id(22)
HOSPITAL_DIVERTS: Final = batch_id(25)
# The room kind whose beds drop out, until they are there again.
BEDS: Final = "negative_pressure"

_DROPS_OUT_AFTER: Final = timedelta(seconds=5)
# Seconds of the scenario.
_BREAKS_DOWN_AFTER: Final = 1_200.0
_ACKNOWLEDGED_AFTER: Final = 9_000.0
_BEDS_BACK_AFTER: Final = 86_400.0


class Mishaps:
    """Puts the mishaps of the intake on a stage."""

    def __init__(self, stage: Stage, behaviour: Behaviour) -> None:
        self._stage = stage
        self._behaviour = behaviour
        hospital = next(h for h in stage.plan.hospital if h.hospital_id == TREATMENT_CENTRE)
        self._free = hospital.rooms[BEDS]
        stage.on("bed.occupied", self._on_occupied)

    def plan(self) -> None:
        """Let everything happen when its time comes."""
        script = self._behaviour.script
        script(Deviation.BREAK_DOWN, BREAKS_DOWN, _BREAKS_DOWN_AFTER)
        script(Deviation.ACKNOWLEDGE_LATE, f"{REPORTED_LATE}/R1", _ACKNOWLEDGED_AFTER)
        script(Deviation.TRANSFER_SILENT, f"{HOSPITAL_SILENT}/O1")
        script(Deviation.TRANSFER_SILENT, f"{BEDS_DROP_OUT}/O1")
        script(Deviation.DIVERT_TRANSFER, f"{HOSPITAL_DIVERTS}/O1", "")
        self._once("batch.planned", "batch_id", UNIT_DROPS_OUT, self._drop_unit)
        self._once("transfer.offered", "transfer_id", BEDS_DROP_OUT, self._drop_beds)

    def _once(
        self, event_type: str, field: str, value: str, action: Callable[[dict[str, Any]], Action]
    ) -> None:
        done: list[Seen] = []

        def react(seen: Seen) -> None:
            data = seen.data
            if not done and data[field] == value:
                done.append(seen)
                # To the second: whatever follows must not be done in one go with it.
                self._stage.at(self._stage.now() + _DROPS_OUT_AFTER, action(data))

        self._stage.on(event_type, react)

    def _drop_unit(self, planned: dict[str, Any]) -> Action:
        """A unit that is to carry a patient drops out before it has set out."""
        unit_id = planned["trips"][0]["unit_id"]

        async def report() -> None:
            await self._stage.publish(
                UnitReported(
                    unit_id=unit_id,
                    at=self._stage.now(),
                    status="out_of_service",
                    reason="does not start",
                ),
                source="crews",
            )

        return report

    def _drop_beds(self, _: dict[str, Any]) -> Action:
        """The beds that are asked for drop out before the hospital has answered, for a day."""

        async def report() -> None:
            await self._report(0)
            self._stage.after(_BEDS_BACK_AFTER, partial(self._report, None))

        return report

    async def _report(self, free: int | None) -> None:
        rooms = {BEDS: self._free if free is None else free}
        await self._stage.publish(
            HospitalReported(hospital_id=TREATMENT_CENTRE, at=self._stage.now(), rooms=rooms),
            source=f"hospital/{TREATMENT_CENTRE}",
        )

    def _on_occupied(self, seen: Seen) -> None:
        if (seen.data["hospital_id"], seen.data["room"]) == (TREATMENT_CENTRE, BEDS):
            self._free -= 1
