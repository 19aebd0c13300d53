"""Batches read from a TOML file that states its inputs: from a source, or chosen."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dispatch.errors import ConfigurationError
from dispatch.planning.problem import (
    BedSupply,
    Mobility,
    PatientNeed,
    Problem,
    Rules,
    Severity,
    UnitSlot,
)
from dispatch.toml_file import read_toml
from dispatch.topics.fields import CrewKind, Identifier, Text, Timestamp, VehicleKind, in_a_line

# The scenarios that come with the service, by their names.
NAMES: Final = ("jinzhou-emptying", "jinzhou-intake")

Minutes = Annotated[int, Field(ge=0, le=14_400)]
Count = Annotated[int, Field(ge=0, le=10_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RulesPart(_Part):
    """What holds for every trip; without `bays` decontamination bays set no limit."""

    patients_per_vehicle: Annotated[int, Field(ge=1, le=100)]
    gravest_first: bool
    wear_minutes: Minutes
    disinfection_minutes: Minutes
    loading_places: Annotated[int, Field(ge=1, le=100)]
    bays: Annotated[int, Field(ge=1, le=100)] | None = None


class MobilityPart(_Part):
    """How long patients of a mobility take to be loaded and handed over."""

    load_minutes: Minutes
    hand_over_minutes: Minutes


class SeverityPart(_Part):
    """What patients of a severity need: kinds of bed that do, best first, vehicles and crews."""

    beds: tuple[Identifier, ...] = Field(min_length=1)
    vehicles: frozenset[VehicleKind] = Field(min_length=1)
    crews: frozenset[CrewKind] = Field(min_length=1)


class NeedPart(_Part):
    """What a special need asks of the hospital, and of the bed in place of the severity's."""

    capabilities: frozenset[Identifier] = frozenset()
    beds: tuple[Identifier, ...] = ()


class HospitalPart(_Part):
    """A hospital that receives: how far it is from the origin, and its free beds by kind."""

    hospital_id: Identifier
    distance_km: Annotated[float, Field(gt=0, le=1_000)]
    beds: dict[Identifier, Count]
    capabilities: frozenset[Identifier] = frozenset()


class UnitPart(_Part):
    """A unit and how far from the origin it stands at the start of each batch."""

    unit_id: Identifier
    vehicle: VehicleKind
    crew: CrewKind
    distance_km: Annotated[float, Field(ge=0, le=1_000)]


class BatchPart(_Part):
    """A batch: its number and when its patients are ready."""

    number: Annotated[int, Field(ge=1, le=1_000)]
    at: Timestamp


class PatientPart(_Part):
    """A patient of a batch; `needs` are names of the table of special needs, `age` is in years."""

    patient_id: Identifier
    batch: int
    severity: Severity
    mobility: Mobility
    needs: tuple[Identifier, ...] = ()
    age: Annotated[float, Field(ge=0, le=150)] | None = None


class Scenario(_Part):
    """Batches of one origin, one after the other, with the same units and hospitals.

    `sources` say where `stated` comes from; `chosen` is what they don't say.
    """

    name: Identifier
    about: Text
    sources: tuple[Text, ...]
    stated: tuple[Text, ...]
    chosen: tuple[Text, ...]
    speed_km_h: Annotated[float, Field(gt=0, le=200)]
    deadline_hours: Annotated[float, Field(gt=0, le=1_000)] | None = None
    rules: RulesPart
    mobility: dict[Mobility, MobilityPart]
    severity: dict[Severity, SeverityPart]
    need: dict[Identifier, NeedPart] = {}
    hospital: tuple[HospitalPart, ...] = Field(min_length=1)
    unit: tuple[UnitPart, ...] = Field(min_length=1)
    batch: tuple[BatchPart, ...] = Field(min_length=1)
    patient: tuple[PatientPart, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for kind, ids in (
            ("hospital", [each.hospital_id for each in self.hospital]),
            ("unit", [each.unit_id for each in self.unit]),
            ("batch", [str(each.number) for each in self.batch]),
        ):
            if twice := sorted({each for each in ids if ids.count(each) > 1}):
                raise ValueError(f"{kind}: {', '.join(twice)} is there twice")
        batches = {each.number for each in self.batch}
        seen: dict[str, int] = {}
        for place, patient in enumerate(self.patient):
            where = f"patient.{place} ({patient.patient_id})"
            if patient.patient_id in seen:
                raise ValueError(
                    f"{where}: is there twice, in batches {seen[patient.patient_id]}"
                    f" and {patient.batch}"
                )
            seen[patient.patient_id] = patient.batch
            if patient.batch not in batches:
                raise ValueError(f"{where}: there is no batch {patient.batch}")
            if patient.severity not in self.severity:
                raise ValueError(f"{where}: there is no [severity.{patient.severity}]")
            if patient.mobility not in self.mobility:
                raise ValueError(f"{where}: there is no [mobility.{patient.mobility}]")
            if missing := sorted(set(patient.needs) - set(self.need)):
                raise ValueError(f"{where}: there is no [need.{missing[0]}]")
        return self

    def problems(self) -> tuple[Problem, ...]:
        """Return a problem for each batch, in the order of their times, each with all the beds."""
        return tuple(
            self._problem(f"{self.name}-{batch.number}", [batch])
            for batch in sorted(self.batch, key=lambda each: (each.at, each.number))
        )

    def together(self) -> Problem:
        """Return all batches as one problem."""
        return self._problem(self.name, self.batch)

    def _problem(self, batch_id: str, batches: Iterable[BatchPart]) -> Problem:
        ready = {each.number: each.at for each in batches}
        start = min(ready.values())
        hours = self.deadline_hours
        return Problem(
            batch_id=batch_id,
            start=start,
            patients=tuple(
                self._patient(each, ready[each.batch])
                for each in self.patient
                if each.batch in ready
            ),
            units=tuple(
                UnitSlot(
                    each.unit_id, each.vehicle, each.crew, start, self._seconds(each.distance_km)
                )
                for each in self.unit
            ),
            hospitals=tuple(
                BedSupply(
                    each.hospital_id,
                    each.beds,
                    each.capabilities,
                    self._seconds(each.distance_km),
                )
                for each in self.hospital
            ),
            rules=Rules(
                patients_per_vehicle=self.rules.patients_per_vehicle,
                gravest_first=self.rules.gravest_first,
                wear_seconds=60 * self.rules.wear_minutes,
                disinfection_seconds=60 * self.rules.disinfection_minutes,
                loading_places=self.rules.loading_places,
                bays=self.rules.bays,
            ),
            deadline=None if hours is None else max(ready.values()) + timedelta(hours=hours),
        )

    def _patient(self, patient: PatientPart, ready_at: datetime) -> PatientNeed:
        severity, mobility = self.severity[patient.severity], self.mobility[patient.mobility]
        needs = [self.need[each] for each in patient.needs]
        return PatientNeed(
            patient_id=patient.patient_id,
            severity=patient.severity,
            mobility=patient.mobility,
            beds=next((each.beds for each in needs if each.beds), severity.beds),
            vehicles=frozenset(severity.vehicles),
            crews=frozenset(severity.crews),
            capabilities=frozenset().union(*(each.capabilities for each in needs)),
            ready_at=ready_at,
            load_seconds=60 * mobility.load_minutes,
            hand_over_seconds=60 * mobility.hand_over_minutes,
        )

    def _seconds(self, distance_km: float) -> int:
        return round(distance_km / self.speed_km_h * 3600)


def read_scenario(where: str) -> Scenario:
    """Read a scenario: one of NAMES, or the path of a file.

    Raises:
        ConfigurationError: naming the file, the place in it and the reason.
    """
    if where in NAMES:
        path = Path(str(resources.files("dispatch.planning") / "scenarios" / f"{where}.toml"))
    else:
        path = Path(where)
    try:
        return Scenario.model_validate(read_toml(path))
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {in_a_line(error)}") from error
