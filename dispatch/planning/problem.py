"""What a plan of a batch transfer is asked for: patients, units, beds and the rules between them.

Times are aware UTC, durations seconds. All patients of a batch wait at one place, the origin.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, Literal

Severity = Literal["critical", "severe", "ordinary", "mild"]
Mobility = Literal["walking", "wheelchair", "stretcher"]
Resource = Literal["loading", "bay"]

# The gravest first.
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "severe", "ordinary", "mild")


@dataclass(frozen=True)
class PatientNeed:
    """A patient to be moved, and what the way and the bed must offer.

    `beds` are the kinds of bed that do, best first. Loading and handing over take these seconds.
    """

    patient_id: str
    severity: Severity
    mobility: Mobility
    beds: tuple[str, ...]
    vehicles: frozenset[str]
    crews: frozenset[str]
    capabilities: frozenset[str]
    ready_at: datetime
    load_seconds: int
    hand_over_seconds: int

    @property
    def rank(self) -> int:
        """The place of the severity, 0 for the gravest."""
        return SEVERITIES.index(self.severity)


@dataclass(frozen=True)
class UnitSlot:
    """A unit, when it becomes free, and how far it then is from the origin."""

    unit_id: str
    vehicle: str
    crew: str
    free_at: datetime
    seconds_to_origin: int

    def may_carry(self, patient: PatientNeed) -> bool:
        """Tell whether vehicle and crew are of the kinds that the patient needs."""
        return self.vehicle in patient.vehicles and self.crew in patient.crews

    @property
    def at_origin(self) -> datetime:
        """The earliest time at which it can be at the origin."""
        return self.free_at + timedelta(seconds=self.seconds_to_origin)


@dataclass(frozen=True)
class BedSupply:
    """A hospital: its free beds by kind, what it can do, and how far it is from the origin."""

    hospital_id: str
    beds: Mapping[str, int]
    capabilities: frozenset[str]
    seconds_from_origin: int


@dataclass(frozen=True)
class Busy:
    """A loading place or a decontamination bay that something else holds."""

    resource: Resource
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Rules:
    """What holds for every trip.

    `wear_seconds` is how long a crew may wear one set of protective equipment, from the start of
    loading to the end of handing over. `gravest_first`: nobody starts loading before a graver
    patient who is ready. `bays` are decontamination bays; None means that they set no limit.
    """

    patients_per_vehicle: int
    gravest_first: bool
    wear_seconds: int
    disinfection_seconds: int
    loading_places: int
    bays: int | None


@dataclass(frozen=True)
class Problem:
    """A batch to be planned. Nothing begins before `start`; the deadline is checked, not enforced.

    Raises ValueError, naming what is wrong, for a patient, unit or hospital that is there twice, a
    time without zone, a negative duration or number of beds, and rules by which nobody could ride.
    """

    batch_id: str
    start: datetime
    patients: tuple[PatientNeed, ...]
    units: tuple[UnitSlot, ...]
    hospitals: tuple[BedSupply, ...]
    rules: Rules
    busy: tuple[Busy, ...] = ()
    deadline: datetime | None = None

    def __post_init__(self) -> None:
        for kind, ids in (
            ("patient", [each.patient_id for each in self.patients]),
            ("unit", [each.unit_id for each in self.units]),
            ("hospital", [each.hospital_id for each in self.hospitals]),
        ):
            if twice := sorted({each for each in ids if ids.count(each) > 1}):
                raise ValueError(f"batch {self.batch_id}: {kind} {', '.join(twice)} is there twice")
        if any(moment.tzinfo is None for moment in self._moments()):
            raise ValueError(f"batch {self.batch_id}: a time needs its zone")
        if any(number < 0 for number in self._numbers()):
            raise ValueError(f"batch {self.batch_id}: a number is negative")
        rules = self.rules
        if min(rules.patients_per_vehicle, rules.loading_places) < 1 or rules.bays == 0:
            raise ValueError(f"batch {self.batch_id}: places in a vehicle, loading places and bays")

    def _moments(self) -> Iterable[datetime]:
        yield self.start
        if self.deadline is not None:
            yield self.deadline
        yield from (each.ready_at for each in self.patients)
        yield from (each.free_at for each in self.units)
        yield from (moment for each in self.busy for moment in (each.start, each.end))

    def _numbers(self) -> Iterable[int]:
        yield from (self.rules.wear_seconds, self.rules.disinfection_seconds)
        for patient in self.patients:
            yield from (patient.load_seconds, patient.hand_over_seconds)
        yield from (each.seconds_to_origin for each in self.units)
        for hospital in self.hospitals:
            yield from (hospital.seconds_from_origin, *hospital.beds.values())

    @cached_property
    def patient(self) -> Mapping[str, PatientNeed]:
        """The patients by their id."""
        return {each.patient_id: each for each in self.patients}

    @cached_property
    def hospital(self) -> Mapping[str, BedSupply]:
        """The hospitals by their id."""
        return {each.hospital_id: each for each in self.hospitals}

    @cached_property
    def unit(self) -> Mapping[str, UnitSlot]:
        """The units by their id."""
        return {each.unit_id: each for each in self.units}

    def offset(self, moment: datetime) -> int:
        """Return the whole seconds from the start to a moment, rounded up."""
        return -((self.start - moment) // timedelta(seconds=1))

    def moment(self, offset: int) -> datetime:
        """Return the moment that is so many seconds after the start."""
        return self.start + timedelta(seconds=offset)

    def ready(self, patient: PatientNeed) -> int:
        """Return the seconds after the start from which a patient may be loaded."""
        return max(0, self.offset(patient.ready_at))

    def free(self, unit: UnitSlot) -> int:
        """Return the seconds after the start from which a unit may set out."""
        return max(0, self.offset(unit.free_at))

    def arrival(self, unit: UnitSlot) -> int:
        """Return the seconds after the start at which a unit can first be at the origin."""
        return self.free(unit) + unit.seconds_to_origin

    def held(self, resource: Resource) -> list[tuple[int, int]]:
        """Return when others hold a place of a resource, in seconds after the start."""
        held = []
        for each in self.busy:
            begin = max(0, (each.start - self.start) // timedelta(seconds=1))
            end = self.offset(each.end)
            if each.resource == resource and begin < end:
                held.append((begin, end))
        return sorted(held)
