"""The intake as it is played: the batches at their times, and the hospital that is called in.

Inputs, and which of them a source states: dispatch/planning/scenarios/jinzhou-intake.toml.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from dispatch.planning.scenario import BatchPart, PatientPart, Scenario
from dispatch.simulation.behaviour import Behaviour, Step
from dispatch.simulation.seen import Seen
from dispatch.simulation.stage import Stage
from dispatch.store.plan import CityPlan
from dispatch.topics.calls import Location
from dispatch.topics.hospitals import BedFreed, HospitalReported
from dispatch.topics.transfers import TransferBatchRequested, TransferPatient, TransferRequested

# Two hours before the first batch: 07:00 in Jinzhou. The last tests are answered by the end.
START: Final = datetime(2022, 2, 7, 23, 0, tzinfo=UTC)
END: Final = datetime(2022, 3, 2, 0, 0, tzinfo=UTC)
ORIGIN: Final = "HLD-GENERAL"
TREATMENT_CENTRE: Final = "JZ-DESIGNATED"
RESERVE: Final = "JZ-RESERVE"
# Nobody leaves the treatment centre by themselves: the last one went home after 75 days.
STAY: Final = timedelta(days=75)
# A reserve hospital that is called in: how long it takes to be empty, and in service.
EMPTIED_AFTER: Final = timedelta(hours=20)
IN_SERVICE_AFTER: Final = timedelta(hours=40)
# Two patients of the first batch go home.
GO_HOME: Final = ("HLD-001", "HLD-003")
HOME: Final = "HLD-HOME-1"
GO_HOME_AT: Final = datetime(2022, 2, 25, 2, 0, tzinfo=UTC)
# How the policy pack calls the special needs of the scenario.
NEEDS: Final[Mapping[str, str]] = {
    "pregnant": "pregnancy",
    "child": "infant",
    "fracture": "fracture",
    "paralysis": "paralysis",
    "pancreatitis": "pancreatitis",
}
_WAYS: Final = frozenset({"travel", "transport", "drive_to_centre", "return"})
_SECONDS_PER_MINUTE: Final = 60.0


def batch_id(number: int) -> str:
    """Return the id of the batch with a number."""
    return f"HLD-B{number:02d}"


class IntakeBehaviour(Behaviour):
    """Crews that take as long as the scenario states; what it leaves open is drawn."""

    def __init__(self, seed: int, scenario: Scenario) -> None:
        super().__init__(seed)
        moves = scenario.mobility.values()
        minutes: dict[Step, float] = {
            "on_scene": max(each.load_minutes for each in moves),
            "sign": max(each.hand_over_minutes for each in moves),
            # The contact time of the agent is all that the scenario has.
            "disinfect": 0,
        }
        self._stated = {step: each * _SECONDS_PER_MINUTE for step, each in minutes.items()}

    def seconds(self, step: Step, whom: str, estimate: float = 0.0) -> float:
        """Return how long a step takes: ways take as long as estimated."""
        if step in _WAYS:
            return estimate
        stated = self._stated.get(step)
        return super().seconds(step, whom, estimate) if stated is None else stated


class Intake:
    """Puts the batches on a stage's agenda; the reserve hospital and those who go home react."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self._stage = stage
        self._scenario = scenario
        self._kept: dict[str, dict[str, Any]] = {}
        stage.on("bed.reserved", self._on_reserved)
        stage.on("tier.stepped", self._on_called)
        stage.on("incident.progressed", self._on_progress)

    def plan(self) -> None:
        """Put everything on the agenda."""
        for batch in self._scenario.batch:
            self._stage.at(batch.at, partial(self._ask_for, batch))
        self._stage.at(GO_HOME_AT, self._send_home)

    async def _ask_for(self, batch: BatchPart) -> None:
        patients = [each for each in self._scenario.patient if each.batch == batch.number]
        place = _place(self._stage.plan, ORIGIN)
        await self._stage.publish(
            TransferBatchRequested(
                batch_id=batch_id(batch.number),
                at=self._stage.now(),
                institution_id=ORIGIN,
                kind="confirmed",
                patients=tuple(_patient(each) for each in patients),
                by="duty officer of Huludao",
                loading_places=self._scenario.rules.loading_places,
                **place,
            ),
            source=f"hospital/{ORIGIN}",
        )

    # -- the reserve hospital

    def _on_called(self, seen: Seen) -> None:
        hospital_id = seen.data["hospital_id"]
        hospital = next(h for h in self._stage.plan.hospital if h.hospital_id == hospital_id)
        now = self._stage.now()
        empty = partial(self._report, hospital_id, service="emptied", rooms=dict(hospital.capacity))
        self._stage.at(now + EMPTIED_AFTER, empty)
        self._stage.at(now + IN_SERVICE_AFTER, partial(self._report, hospital_id, service="cases"))

    async def _report(self, hospital_id: str, **said: Any) -> None:
        reported = HospitalReported(hospital_id=hospital_id, at=self._stage.now(), **said)
        await self._stage.publish(reported, source=f"hospital/{hospital_id}")

    # -- who goes home

    def _on_reserved(self, seen: Seen) -> None:
        patient_id = seen.data["patient_id"]
        if patient_id in GO_HOME and seen.data["transfer_id"] != HOME:
            self._kept[patient_id] = seen.data

    async def _send_home(self) -> None:
        by_id = {each.patient_id: each for each in self._scenario.patient}
        await self._stage.publish(
            TransferRequested(
                transfer_id=HOME,
                at=self._stage.now(),
                institution_id=TREATMENT_CENTRE,
                kind="recovered",
                patients=tuple(_patient(by_id[each]) for each in GO_HOME),
                by="ward 1",
                **_place(self._stage.plan, TREATMENT_CENTRE),
            ),
            source=f"hospital/{TREATMENT_CENTRE}",
        )

    def _on_progress(self, seen: Seen) -> None:
        if seen.data["incident_id"] == HOME and seen.data["status"] == "transporting":
            for patient_id in GO_HOME:
                self._stage.after(0, partial(self._free_bed, self._kept[patient_id]))

    async def _free_bed(self, kept: dict[str, Any]) -> None:
        freed = BedFreed(
            hospital_id=kept["hospital_id"],
            at=self._stage.now(),
            room=kept["room"],
            promise_id=kept["reservation_id"],
        )
        await self._stage.publish(freed, source=f"hospital/{freed.hospital_id}")


def _patient(known: PatientPart) -> TransferPatient:
    return TransferPatient(
        patient_id=known.patient_id,
        severity=known.severity,
        mobility=known.mobility,
        age=known.age,
        needs=tuple(NEEDS[need] for need in known.needs),
    )


def _place(plan: CityPlan, hospital_id: str) -> dict[str, Any]:
    """Return where the patients of a hospital are fetched."""
    hospital = next(each for each in plan.hospital if each.hospital_id == hospital_id)
    return {
        "district": hospital.district,
        "location": Location(latitude=hospital.latitude, longitude=hospital.longitude),
    }
