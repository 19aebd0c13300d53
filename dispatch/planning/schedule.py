"""When each trip takes place, given who rides together, where to and in which order.

Times are whole seconds after the problem's start. Each trip is put as early as what is put already
allows, which is both a plan made at once (`queue_up`) and the last touch on a better one
(`in_order`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dispatch.planning.plan import Trip
from dispatch.planning.problem import SEVERITIES, PatientNeed, Problem, UnitSlot


@dataclass(frozen=True)
class Load:
    """Patients who ride together, to a hospital and beds there.

    `kind` is the vehicle and crew that they ride with; None leaves it open.
    """

    patients: tuple[PatientNeed, ...]
    hospital_id: str
    beds: Mapping[str, str]
    kind: tuple[str, str] | None = None

    @cached_property
    def rank(self) -> int:
        """The place of the gravest severity among them, 0 for critical."""
        return min(each.rank for each in self.patients)

    @cached_property
    def load_seconds(self) -> int:
        """How long loading takes: one after the other."""
        return sum(each.load_seconds for each in self.patients)

    @cached_property
    def hand_over_seconds(self) -> int:
        """How long handing over takes: one after the other."""
        return sum(each.hand_over_seconds for each in self.patients)

    def may_ride(self, unit: UnitSlot) -> bool:
        """Tell whether a unit may carry them all."""
        return (self.kind is None or self.kind == (unit.vehicle, unit.crew)) and all(
            unit.may_carry(each) for each in self.patients
        )


@dataclass(frozen=True)
class Times:
    """When a load rides, in seconds after the start, and who carries it."""

    load: Load
    unit: UnitSlot
    load_at: int
    handed_over_at: int
    bay_at: int


@dataclass
class _Timeline:
    """Places of a resource and when they are held."""

    places: int
    held: list[tuple[int, int]]

    def earliest(self, after: int, seconds: int) -> int:
        """Return the first time from `after` on at which a place is free for so long."""
        near = [(begin, end) for begin, end in self.held if end > after]
        for moment in sorted({after, *(end for _, end in near)}):
            until = moment + seconds
            steps = [(max(begin, moment), 1) for begin, end in near if begin < until > moment < end]
            steps += [(end, -1) for begin, end in near if begin < until and moment < end < until]
            used = most = 0
            for _, step in sorted(steps):
                used += step
                most = max(most, used)
            if most < self.places:
                return moment
        raise AssertionError("every interval ends")  # pragma: no cover

    def hold(self, begin: int, end: int) -> None:
        if begin < end:
            self.held.append((begin, end))


@dataclass
class Schedule:
    """Trips that are put one by one."""

    problem: Problem
    times: list[Times] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = self.problem.rules
        self._loading = _Timeline(rules.loading_places, self.problem.held("loading"))
        self._bays = None if rules.bays is None else _Timeline(rules.bays, self.problem.held("bay"))
        self._at_origin = {each.unit_id: self.problem.arrival(each) for each in self.problem.units}
        # A unit that can carry few is used first where several come at the same time.
        self._use = {
            unit.unit_id: sum(unit.may_carry(each) for each in self.problem.patients)
            for unit in self.problem.units
        }
        # The latest loading of each severity, and the loadings of those not ready at once.
        self._loaded: list[list[tuple[int, int]]] = [[] for _ in SEVERITIES]

    def ready(self, load: Load) -> int:
        """Return when all of a load may be loaded."""
        return max(self.problem.ready(each) for each in load.patients)

    def next_start(self, load: Load, floor: int = 0) -> tuple[int, UnitSlot]:
        """Return when a load can be loaded at the earliest, not before `floor`, and by whom."""
        ready = max(self.ready(load), floor)
        unit = min(
            (each for each in self.problem.units if load.may_ride(each)),
            key=lambda each: (
                max(self._at_origin[each.unit_id], ready),
                self._use[each.unit_id],
                self._at_origin[each.unit_id],
            ),
        )
        start = max(self._at_origin[unit.unit_id], ready)
        while True:
            free = self._loading.earliest(start, load.load_seconds)
            start = self._after_graver(load, free)
            if start == free:
                return start, unit

    def put(self, load: Load, floor: int = 0, bay_floor: int = 0) -> None:
        """Put a load as early as it can be, its loading and its bay not before these times."""
        start, unit = self.next_start(load, floor)
        hospital = self.problem.hospital[load.hospital_id]
        leave = start + load.load_seconds
        handed_over = leave + hospital.seconds_from_origin + load.hand_over_seconds
        seconds = self.problem.rules.disinfection_seconds
        bay = max(handed_over, bay_floor)
        if self._bays is not None:
            bay = self._bays.earliest(bay, seconds)
            self._bays.hold(bay, bay + seconds)
        self._loading.hold(start, leave)
        self._at_origin[unit.unit_id] = bay + seconds + hospital.seconds_from_origin
        self._loaded[load.rank].append((self.ready(load), start))
        self.times.append(Times(load, unit, start, handed_over, bay))

    def graver_first(self, load: Load, waiting: Iterable[Load]) -> list[Load]:
        """Return the gravest of those waiting who must go before a load, as they are ready."""
        if not self.problem.rules.gravest_first:
            return []
        start, _ = self.next_start(load)
        graver = [each for each in waiting if each.rank < load.rank and self.ready(each) <= start]
        gravest = min((each.rank for each in graver), default=0)
        return [each for each in graver if each.rank == gravest]

    def _after_graver(self, load: Load, start: int) -> int:
        """Return the start, or when the graver ones who are ready by then have started loading."""
        if not self.problem.rules.gravest_first:
            return start
        for graver in self._loaded[: load.rank]:
            for ready, loaded in graver:
                if ready <= start < loaded:
                    start = loaded
        return start

    def trips(self) -> tuple[Trip, ...]:
        """Return what was put as trips, in the order of loading."""
        problem = self.problem
        trips = []
        last: dict[str, tuple[int, int]] = {
            each.unit_id: (problem.free(each), each.seconds_to_origin) for each in problem.units
        }
        waves: Counter[str] = Counter()
        order = sorted(self.times, key=lambda each: (each.load_at, each.handed_over_at))
        for number, times in enumerate(order, 1):
            load, unit_id = times.load, times.unit.unit_id
            ride = problem.hospital[load.hospital_id].seconds_from_origin
            waves[unit_id] += 1
            leave = times.load_at + load.load_seconds
            free = times.bay_at + problem.rules.disinfection_seconds
            trips.append(
                Trip(
                    number=number,
                    wave=waves[unit_id],
                    unit_id=unit_id,
                    patients=tuple(each.patient_id for each in load.patients),
                    hospital_id=load.hospital_id,
                    beds=dict(load.beds),
                    depart_at=problem.moment(times.load_at - last[unit_id][1]),
                    load_at=problem.moment(times.load_at),
                    leave_at=problem.moment(leave),
                    arrive_at=problem.moment(leave + ride),
                    handed_over_at=problem.moment(times.handed_over_at),
                    free_at=problem.moment(free),
                )
            )
            last[unit_id] = (free, ride)
        return tuple(trips)

    @property
    def makespan(self) -> int:
        """The seconds from the start to the last handover."""
        return max((each.handed_over_at for each in self.times), default=0)


def queue_up(problem: Problem, loads: Iterable[Load]) -> Schedule:
    """Plan at once: whoever can be loaded first goes first, of several the longest trip.

    Where the rules say so, a graver load that is ready goes before.
    """
    schedule = Schedule(problem)
    # Loads that differ in nothing but names need to be looked at once.
    alike: dict[tuple[object, ...], list[Load]] = {}
    for load in loads:
        alike.setdefault(_signature(problem, load), []).append(load)
    while alike:
        starts = {key: schedule.next_start(queue[0])[0] for key, queue in alike.items()}
        chosen = min(alike, key=lambda key: _urgency(problem, alike[key][0], starts[key]))
        heads = {key: queue[0] for key, queue in alike.items()}
        while graver := schedule.graver_first(heads[chosen], heads.values()):
            ready = [key for key, load in heads.items() if any(load is each for each in graver)]
            chosen = min(ready, key=lambda key: _urgency(problem, heads[key], starts[key]))
        schedule.put(alike[chosen].pop(0))
        if not alike[chosen]:
            del alike[chosen]
    return schedule


def _signature(problem: Problem, load: Load) -> tuple[object, ...]:
    return (
        load.hospital_id,
        load.rank,
        load.kind,
        load.load_seconds,
        load.hand_over_seconds,
        max(problem.ready(each) for each in load.patients),
        frozenset(each.vehicles for each in load.patients),
        frozenset(each.crews for each in load.patients),
    )


def _urgency(problem: Problem, load: Load, start: int) -> tuple[int, int, int]:
    tail = problem.hospital[load.hospital_id].seconds_from_origin + load.hand_over_seconds
    return (start, -tail - load.load_seconds, load.rank)


def in_order(problem: Problem, times: Sequence[tuple[Load, int, int]], *, early: bool) -> Schedule:
    """Plan loads in the order of their loading times; each with its time and that of its bay.

    `early` moves everything forward as far as it goes; without bays that never delays anything.
    """
    schedule = Schedule(problem)
    waiting = sorted(times, key=lambda each: each[1:])
    while waiting:
        chosen = waiting[0]
        if early:
            # Moved forward, a load might pass a graver one that has become ready.
            while graver := schedule.graver_first(chosen[0], [load for load, *_ in waiting]):
                chosen = next(each for each in waiting if each[0] is graver[0])
            schedule.put(chosen[0])
        else:
            schedule.put(*chosen)
        waiting.remove(chosen)
    return schedule
