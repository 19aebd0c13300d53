"""The working set of one city in memory, and the record of what one transaction changes in it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from dispatch.domain.arrivals import Arrivals, must_be_told
from dispatch.domain.believing import NOWHERE, Bounds
from dispatch.domain.case_index import CaseIndex
from dispatch.domain.linking import IncidentIndex
from dispatch.domain.model import (
    Assignment,
    Batch,
    CallRecord,
    Clock,
    District,
    Entity,
    Handover,
    Hospital,
    Incident,
    Job,
    KnownCase,
    Offer,
    Report,
    Reservation,
    Timer,
    Transfer,
    Unit,
    owner_of,
)
from dispatch.domain.on_the_way import OnTheWay
from dispatch.domain.roster import Roster
from dispatch.domain.travel import Travel, usual_travel
from dispatch.domain.waiting import WaitingQueue
from dispatch.policy.pack import Pack
from dispatch.topics.announcement import Announcement, Reason, bounded
from dispatch.topics.city import CityMode
from dispatch.topics.cloudevents import derived_id

R = TypeVar("R")

_ID_FIELD: dict[type, str] = {
    Unit: "unit_id",
    Hospital: "hospital_id",
    CallRecord: "call_id",
    Incident: "incident_id",
    Assignment: "assignment_id",
    Handover: "handover_id",
    Job: "job_id",
    Transfer: "transfer_id",
    Offer: "offer_id",
    Reservation: "reservation_id",
    Batch: "batch_id",
    Clock: "clock_id",
    Report: "report_id",
    KnownCase: "case_id",
}


def id_of(entity: Entity) -> str:
    """Return the id of a record."""
    found: str = getattr(entity, _ID_FIELD[type(entity)])
    return found


@dataclass(frozen=True, slots=True)
class Emission:
    """An event to publish: its deterministic id, its key and what it says."""

    event_id: str
    cause: str
    key: str | None
    event: Announcement


@dataclass(slots=True)
class Changes:
    """What a transaction has to write."""

    entities: dict[tuple[type, str], Entity] = field(default_factory=dict)
    # Those of them that there were not before.
    created: set[tuple[type, str]] = field(default_factory=set)
    timers: list[tuple[str, Timer | None]] = field(default_factory=list)
    emissions: list[Emission] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point to which the working set can be rolled back."""

    undo: int
    emissions: int
    timers: int
    mode: CityMode


class Rejected(Exception):
    """An input that must not take effect: where and why, the first reason and any further ones."""

    def __init__(self, field: str, reason: str, *further: Reason) -> None:
        super().__init__(f"{field}: {reason}")
        self.reasons = bounded([Reason(field=field, reason=reason), *further])


class Early(Rejected):
    """An input that does not follow from what is known: what comes between may be unread still."""


class Unknown(Rejected):
    """An input that refers to something of which nobody has heard yet."""


class Crossed(Rejected):
    """An input that crossed with something else on its way: it was right when it was said."""


class Duplicate(Exception):
    """An input that says again what is known already."""


class City:
    """Units, hospitals and open incidents of one city, as rules see and change them.

    Records are immutable; `put` replaces one. Every change is journalled, so that a refused input
    or a failed transaction leaves no trace. `now` and `cause` are set for each input or timer,
    `waits_since` for an input that was read before and has waited: when it was read.
    """

    def __init__(
        self,
        *,
        pack: Pack,
        districts: Mapping[str, District],
        mode: CityMode,
        travel: Travel | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        """Begin with nobody; without `bounds` those of the districts' centres, and the margin."""
        self.pack = pack
        self.bounds = bounds or NOWHERE.around(
            [each.centre for each in districts.values()], pack.positions.bounds_margin_metres
        )
        self.travel = travel or usual_travel(pack)
        self.districts = districts
        self.mode: CityMode = mode
        self._settled_mode: CityMode = mode
        self.units: dict[str, Unit] = {}
        self.hospitals: dict[str, Hospital] = {}
        self.calls: dict[str, CallRecord] = {}
        self.incidents: dict[str, Incident] = {}
        self.assignments: dict[str, Assignment] = {}
        self.handovers: dict[str, Handover] = {}
        self.jobs: dict[str, Job] = {}
        self.transfers: dict[str, Transfer] = {}
        self.offers: dict[str, Offer] = {}
        self.reservations: dict[str, Reservation] = {}
        self.batches: dict[str, Batch] = {}
        self.clocks: dict[str, Clock] = {}
        self.reports: dict[str, Report] = {}
        self.known_cases: dict[str, KnownCase] = {}
        self.roster = Roster()
        self.arrivals = Arrivals()
        self.on_the_way = OnTheWay()
        self.taken_bays: Counter[str | None] = Counter()
        self.waiting = WaitingQueue()
        self.recent = IncidentIndex(pack)
        self.cases = CaseIndex()
        # How many hold each place: while what others wrote is read in, the next before the last.
        self._promised: dict[tuple[str, str], Counter[int]] = {}
        self._tables: dict[type, dict[str, Any]] = {
            Unit: self.units,
            Hospital: self.hospitals,
            CallRecord: self.calls,
            Incident: self.incidents,
            Assignment: self.assignments,
            Handover: self.handovers,
            Job: self.jobs,
            Transfer: self.transfers,
            Offer: self.offers,
            Reservation: self.reservations,
            Batch: self.batches,
            Clock: self.clocks,
            Report: self.reports,
            KnownCase: self.known_cases,
        }
        self._owned: dict[str, dict[tuple[type, str], None]] = {}
        self._undo: list[tuple[type, str, Entity | None]] = []
        self._begun = 0
        self.changes = Changes()
        self.now: datetime = datetime.min.replace(tzinfo=UTC)
        self.cause = ""
        self.waits_since: datetime | None = None
        self._seed = ""
        self._ordinal = 0

    # -- one input or timer at a time

    def begin(
        self, *, now: datetime, cause: str, seed: str = "", waits_since: datetime | None = None
    ) -> None:
        """Start on the next input or timer: `now` is the time it is decided at.

        The ids of its events follow from `seed`, where others have the same cause, else from that.
        `waits_since` (aware UTC) is when an input was read that has waited.
        """
        self.now = now
        self.cause = cause
        self.waits_since = waits_since
        self._seed = seed or cause
        self._ordinal = 0
        self._begun = len(self._undo)

    def in_seconds(self, seconds: float) -> datetime:
        """Return the time that many seconds from now."""
        return self.now + timedelta(seconds=seconds)

    # -- changes

    def put(self, entity: Entity) -> None:
        """Store a record, replacing the one with its id."""
        kind = type(entity)
        key = id_of(entity)
        before = self._tables[kind].get(key)
        self._undo.append((kind, key, before))
        if before is None:
            self.changes.created.add((kind, key))
        self._store(kind, key, entity)
        self.changes.entities[kind, key] = entity

    def emit(self, event: Announcement, *, key: str | None) -> None:
        """Publish an event under a key; its id follows from the seed and its ordinal."""
        event_id = derived_id(self._seed, self._ordinal)
        self._ordinal += 1
        self.changes.emissions.append(Emission(event_id, self.cause, key, event))

    def set_timer(self, kind: str, subject: str, due_at: datetime) -> None:
        """Look at `subject` again at `due_at`; replaces an earlier timer of that kind."""
        timer_id = f"{kind}/{subject}"
        timer = Timer(timer_id=timer_id, kind=kind, subject=subject, due_at=due_at)
        self.changes.timers.append((timer_id, timer))

    def cancel_timer(self, kind: str, subject: str) -> None:
        """Forget a timer, if there is one."""
        self.changes.timers.append((f"{kind}/{subject}", None))

    def changed(self, kind: type) -> list[str]:
        """Return the ids of the records of a kind that this input or timer has changed so far."""
        return list(self.before(kind))

    def before(self, kind: type[R]) -> dict[str, R | None]:
        """Return those records as they were before this input or timer, None where there was none.

        They come by their ids, in the order in which they were changed.
        """
        found: dict[str, Any] = {}
        for what, key, before in self._undo[self._begun :]:
            if what is kind:
                found.setdefault(key, before)
        return found

    def touched(self) -> list[Entity]:
        """Return the records that this input or timer has changed so far, as they are now."""
        names = dict.fromkeys((kind, key) for kind, key, _ in self._undo[self._begun :])
        records = (self._tables[kind].get(key) for kind, key in names)
        return [record for record in records if record is not None]

    def mark(self) -> Mark:
        """Return a point to come back to."""
        return Mark(
            len(self._undo), len(self.changes.emissions), len(self.changes.timers), self.mode
        )

    def roll_back(self, mark: Mark) -> None:
        """Undo everything since `mark`."""
        while len(self._undo) > mark.undo:
            kind, key, before = self._undo.pop()
            self._store(kind, key, before)
            if before is None:
                self.changes.entities.pop((kind, key), None)
                self.changes.created.discard((kind, key))
            else:
                self.changes.entities[kind, key] = before
        del self.changes.emissions[mark.emissions :]
        del self.changes.timers[mark.timers :]
        self.mode = mark.mode
        self._ordinal = 0

    def settle(self) -> None:
        """The changes are committed: they can no longer be undone."""
        self._undo.clear()
        self._settled_mode = self.mode
        self.changes = Changes()

    def abandon(self) -> None:
        """The transaction failed: undo everything since the last `settle`."""
        self.roll_back(Mark(0, 0, 0, self._settled_mode))
        self.changes = Changes()

    # -- what other processes wrote

    def load(self, entities: Iterable[Entity]) -> None:
        """Take over records as another process committed them."""
        for entity in entities:
            self._store(type(entity), id_of(entity), entity)

    def forget(self, owners: Iterable[str]) -> None:
        """Drop what belongs to closed incidents and batches from memory; the database keeps it."""
        for owner in owners:
            for kind, key in list(self._owned.get(owner, ())):
                self._store(kind, key, None)

    def forget_ended(self, owner: str) -> None:
        """Drop those papers of an owner from memory that have ended."""
        for kind, key in list(self._owned.get(owner, ())):
            if getattr(self._tables[kind][key], "ended_at", None) is not None:
                self._store(kind, key, None)

    # -- what rules ask

    def free_place(self, hospital: Hospital, room: str) -> int | None:
        """Return the lowest room of a kind that is free and promised to nobody, counting from 1."""
        free = hospital.rooms.get(room, 0)
        taken = self._promised.get((hospital.hospital_id, room), ())
        if len(taken) >= free:
            return None
        return next(place for place in range(1, len(taken) + 2) if place not in taken)

    def hold_place(self, hospital_id: str, room: str, place: int) -> None:
        """Promise a place to nobody, for as long as this working set lasts."""
        self._promised.setdefault((hospital_id, room), Counter())[place] += 1

    def promised(self, hospital_id: str, room: str) -> int:
        """Return how many rooms of a kind are promised to patients who have not come yet."""
        return len(self._promised.get((hospital_id, room), ()))

    def owned(self, owner: str) -> list[Entity]:
        """Return what belongs to an incident, transfer or batch, or to the city itself."""
        return [self._tables[kind][key] for kind, key in self._owned.get(owner, ())]

    def _store(self, kind: type, key: str, entity: Any) -> None:
        table = self._tables[kind]
        before = table.get(key)
        if entity is None:
            table.pop(key, None)
        else:
            table[key] = entity
        self._index_owner(kind, key, before, entity)
        if kind is Unit:
            self.roster.replace(before, entity)
            self._index_run(before, entity)
        elif kind is Incident:
            self._index_incident(key, before, entity)
        elif kind is CallRecord:
            self._index_call(before, entity)
        elif kind is Assignment:
            self._index_search(key)
            self.on_the_way.note(key, entity)
        elif kind is Handover:
            self._index_promise(before, entity)
            self._index_arrival(before, entity)
        elif kind is Reservation:
            self._index_promise(before, entity)
        elif kind is Job:
            self._index_job(before, entity)
        elif kind is KnownCase:
            self._index_case(before, entity)

    def _index_owner(
        self, kind: type, key: str, before: Entity | None, after: Entity | None
    ) -> None:
        was = None if before is None else owner_of(before)
        now = None if after is None else owner_of(after)
        if was == now:
            return
        if was is not None:
            owned = self._owned[was]
            del owned[kind, key]
            if not owned:
                del self._owned[was]
        if now is not None:
            self._owned.setdefault(now, {})[kind, key] = None

    def _index_incident(self, key: str, before: Incident | None, after: Incident | None) -> None:
        if after is not None and after.status == "waiting":
            self.waiting.add(after)
        else:
            self.waiting.discard(key)
        if before is not None and after is not None and before.place is after.place:
            return
        if before is not None:
            self.recent.discard(before)
        if after is not None:
            self.recent.add(after)

    def _index_call(self, before: CallRecord | None, after: CallRecord | None) -> None:
        if before is not None and after is not None and before.content is after.content:
            return
        if before is not None:
            self.recent.discard_call(before)
        if after is not None:
            self.recent.add_call(after)

    def _index_run(self, before: Unit | None, after: Unit | None) -> None:
        for unit in (before, after):
            if unit is not None and unit.assignment_id is not None:
                self._index_search(unit.assignment_id)
                self.on_the_way.moved(unit.assignment_id)

    def _index_arrival(self, before: Handover | None, after: Handover | None) -> None:
        self.arrivals.expect(before, after)
        for handover in (before, after):
            if handover is not None:
                self._index_search(handover.assignment_id)

    def _index_search(self, assignment_id: str) -> None:
        run = self.assignments.get(assignment_id)
        sought = run is not None and run.ended_at is None and self._lacks_hospital(run)
        self.arrivals.seek(assignment_id, sought=sought)

    def _lacks_hospital(self, run: Assignment) -> bool:
        unit = self.units.get(run.unit_id)
        if unit is None or unit.assignment_id != run.assignment_id:
            return False
        announced = None if run.handover_id is None else self.handovers.get(run.handover_id)
        told = announced is not None and announced.ended_at is None
        return not told and must_be_told(self.pack, run.rule, unit.status)

    def _index_job(self, before: Job | None, after: Job | None) -> None:
        for job, taken in ((before, -1), (after, 1)):
            if job is not None and job.ended_at is None:
                self.taken_bays[job.centre_id] += taken

    def _index_case(self, before: KnownCase | None, after: KnownCase | None) -> None:
        if before is not None:
            self.cases.discard(before)
        if after is not None:
            self.cases.add(after)

    def _index_promise(
        self, before: Handover | Reservation | None, after: Handover | Reservation | None
    ) -> None:
        for promise, held in ((before, -1), (after, 1)):
            if promise is None or promise.place is None or promise.ended_at is not None:
                continue
            places = self._promised.setdefault((promise.hospital_id, promise.room), Counter())
            places[promise.place] += held
            if not places[promise.place]:
                del places[promise.place]
