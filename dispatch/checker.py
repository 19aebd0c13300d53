"""The invariants of the service, decided over the whole history of a run.

Pure: given every event that a reader of the output topics consumed, in the order of consumption,
and every input with what the inbox says of it. Events of different topics are set side by side by
the times that they state (aware UTC); those of one topic and key by their order.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from itertools import pairwise
from typing import Any, Final, Protocol

from dispatch.policy.decision import replay
from dispatch.policy.pack import Pack

_RUN: Final = ("ordered", "rolling", "on_scene", "transporting", "at_hospital", "handed_over")
# What must have come before, in the same stream, about the same assignment, handover or job.
_PRECEDED_BY: Final[Mapping[str, tuple[str, str]]] = {
    "order.amended": ("order.issued", "assignment_id"),
    "order.withdrawn": ("order.issued", "assignment_id"),
    "incident.progressed": ("incident.assigned", "assignment_id"),
    "incident.amended": ("incident.assigned", "assignment_id"),
    "incident.released": ("incident.assigned", "assignment_id"),
    "handover.updated": ("handover.announced", "handover_id"),
    "handover.reminded": ("handover.announced", "handover_id"),
    "handover.withdrawn": ("handover.announced", "handover_id"),
    "handover.closed": ("handover.announced", "handover_id"),
    "offer.withdrawn": ("transfer.offered", "offer_id"),
    "bed.released": ("bed.reserved", "reservation_id"),
    "disinfection.accepted": ("disinfection.ordered", "job_id"),
    "incident.assigned": ("call.decided", "incident_id"),
    "incident.queued": ("call.decided", "incident_id"),
    "incident.closed": ("call.decided", "incident_id"),
}

# What opens an incident, and where a transfer stands as long as no hospital has accepted it.
_OPENING: Final = frozenset({"call.received", "transfer.requested"})
_ARRANGING: Final = frozenset({"requested", "offered", "diverted", "unplaced"})


class Invariant(IntEnum):
    """What must hold, whatever happens."""

    ONE_ASSIGNMENT_A_UNIT = 1
    ONE_OUTCOME_A_CALL = 2
    NO_ORDER_BEFORE_DISINFECTION = 3
    NO_ROOM_TWICE = 4
    NO_INPUT_LOST = 5
    CAUSAL_ORDER = 6
    DECISIONS_REPLAY = 7


class Event(Protocol):
    """An event of the service as a reader consumed it; `topic` without prefix."""

    @property
    def topic(self) -> str:
        """The topic."""
        ...

    @property
    def key(self) -> str | None:
        """The key: the events of a key are in order."""
        ...

    @property
    def type(self) -> str:
        """The type."""
        ...

    @property
    def sequence(self) -> int:
        """The number of the event within its topic and key."""
        ...

    @property
    def id(self) -> str:
        """The id."""
        ...

    @property
    def cause(self) -> str:
        """The identity of the input, or the timer, behind it."""
        ...

    @property
    def data(self) -> dict[str, Any]:
        """What it says."""
        ...


@dataclass(frozen=True, slots=True)
class Input:
    """An input that was published, and what the inbox says of it (None: nothing)."""

    identity: str
    type: str
    topic: str
    key: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: one sentence, and the fewest events that show it."""

    invariant: Invariant
    sentence: str
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """An event and what it says, read once."""

    event: Event
    data: dict[str, Any]

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.data["at"])


@dataclass(frozen=True, slots=True)
class _Span:
    """From one event to the one that ends it; what nothing ends lasts."""

    name: str
    begins: _Told
    ends: _Told | None

    def reaches_into(self, later: "_Span") -> bool:
        return self.ends is None or self.ends.at > later.begins.at

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.begins.event,) if self.ends is None else (self.begins.event, self.ends.event)


_ByType = Mapping[str, Sequence[_Told]]


def check(
    history: Iterable[Event],
    inputs: Iterable[Input],
    *,
    packs: Mapping[str, Pack],
    now: datetime,
) -> list[Violation]:
    """Return every violation of an invariant; `now` is the time (aware) at which the run stopped.

    `packs` has every pack, by name, that decisions may name. An event that was delivered more
    than once counts once.
    """
    told: defaultdict[str, list[_Told]] = defaultdict(list)
    known: set[str] = set()
    streams: defaultdict[tuple[str, str | None], list[_Told]] = defaultdict(list)
    for event in history:
        if event.id not in known:
            known.add(event.id)
            each = _Told(event, event.data)
            told[event.type].append(each)
            streams[event.topic, event.key].append(each)
    inputs = list(inputs)
    return [
        *_units_on_two_assignments(told),
        *_calls_without_one_outcome(told, inputs, now),
        *_orders_before_disinfection(told),
        *_rooms_promised_twice(told),
        *_inputs_lost(told, inputs),
        *_streams_out_of_order(streams),
        *_effects_before_causes(streams),
        *_decisions_that_differ(told, packs),
    ]


# -- 1, 3, 4: spans that must not overlap


def _runs(told: _ByType) -> Iterator[list[_Span]]:
    """Yield the runs of each unit, in the order of its orders."""
    ends = _first_by(
        "assignment_id",
        *(told[kind] for kind in ("order.withdrawn", "handover.closed", "incident.released")),
    )
    by_unit: defaultdict[str, list[_Span]] = defaultdict(list)
    for order in told["order.issued"]:
        name = order.data["assignment_id"]
        by_unit[order.data["unit_id"]].append(_Span(name, order, ends.get(name)))
    yield from by_unit.values()


def _units_on_two_assignments(told: _ByType) -> Iterator[Violation]:
    for runs in _runs(told):
        for earlier, later in _overlaps(runs):
            unit_id = later.begins.data["unit_id"]
            yield Violation(
                Invariant.ONE_ASSIGNMENT_A_UNIT,
                f"unit {unit_id} was ordered to {later.name} while it was on {earlier.name}",
                (*earlier.events, later.begins.event),
            )


def _rooms_promised_twice(told: _ByType) -> Iterator[Violation]:
    """Find places promised twice, by handovers with a place of their own and by reservations."""
    ends = _ends_of_promises(told)
    promises: defaultdict[tuple[str, str, int], list[_Span]] = defaultdict(list)
    for announced in told["handover.announced"]:
        data = announced.data
        if data["place"] is not None:
            name = data["handover_id"]
            place = (data["hospital_id"], data["reserve"], data["place"])
            promises[place].append(_Span(name, announced, ends.get(name)))
    for reserved in told["bed.reserved"]:
        data = reserved.data
        name = data["reservation_id"]
        place = (data["hospital_id"], data["room"], data["place"])
        promises[place].append(_Span(name, reserved, ends.get(name)))
    yield from _places_held_twice(promises)
    yield from _beds_announced_without_promise(told, promises, ends)
    yield from _beds_changed_twice(told)


def _ends_of_promises(told: _ByType) -> dict[str, _Told]:
    """Return the event that ends each promise, by the id of the handover or reservation."""
    return {
        **_first_by("handover_id", told["handover.withdrawn"], told["handover.closed"]),
        **_first_by("promise_id", told["bed.occupied"]),
        **_first_by("reservation_id", told["bed.released"]),
    }


def _places_held_twice(
    promises: Mapping[tuple[str, str, int], Sequence[_Span]],
) -> Iterator[Violation]:
    for (hospital_id, room, number), spans in promises.items():
        for earlier, later in _overlaps(spans):
            yield Violation(
                Invariant.NO_ROOM_TWICE,
                f"room {number} ({room}) of hospital {hospital_id} was promised to {later.name} "
                f"while it was promised to {earlier.name}",
                (*earlier.events, later.begins.event),
            )


def _beds_announced_without_promise(
    told: _ByType,
    promises: Mapping[tuple[str, str, int], Sequence[_Span]],
    ends: Mapping[str, _Told],
) -> Iterator[Violation]:
    """Find handovers that bring a patient to a bed not kept for them, or two to the same bed."""
    announced: defaultdict[tuple[str, str, int], list[_Span]] = defaultdict(list)
    for each in told["handover.announced"]:
        hospital_id, handover_id = each.data["hospital_id"], each.data["handover_id"]
        span = _Span(handover_id, each, ends.get(handover_id))
        for bed in each.data.get("beds", ()):
            place = (hospital_id, bed["room"], bed["place"])
            announced[place].append(span)
            kept = any(
                promise.begins.data.get("patient_id") == bed["patient_id"]
                and promise.begins.at <= each.at
                and (promise.ends is None or promise.ends.at >= each.at)
                for promise in promises.get(place, ())
            )
            if not kept:
                yield Violation(
                    Invariant.NO_ROOM_TWICE,
                    f"{handover_id} brings patient {bed['patient_id']} to room {bed['place']} "
                    f"({bed['room']}) of hospital {hospital_id}, which is not kept for them",
                    (each.event,),
                )
    yield from _places_held_twice(announced)


def _beds_changed_twice(told: _ByType) -> Iterator[Violation]:
    """Find promises whose bed was let go or taken more than once, or freed more than once."""
    for kinds in (("bed.released", "bed.occupied"), ("bed.vacated",)):
        first: dict[str, _Told] = {}
        changes = [each for kind in kinds for each in told[kind]]
        for each in sorted(changes, key=lambda each: (each.at, each.event.sequence)):
            promise_id = each.data.get("reservation_id") or each.data.get("promise_id")
            if promise_id is None:
                continue
            if promise_id in first:
                before = first[promise_id].event
                yield Violation(
                    Invariant.NO_ROOM_TWICE,
                    f"the bed of {promise_id} was {each.event.type.removeprefix('bed.')} after it "
                    f"was {before.type.removeprefix('bed.')}",
                    (before, each.event),
                )
            first.setdefault(promise_id, each)


def _orders_before_disinfection(told: _ByType) -> Iterator[Violation]:
    accepted = _first_by("job_id", told["disinfection.accepted"])
    orders: defaultdict[str, list[_Told]] = defaultdict(list)
    for order in told["order.issued"]:
        orders[order.data["unit_id"]].append(order)
    jobs = {job.data["assignment_id"]: job for job in told["disinfection.ordered"]}
    contaminated = [h for h in told["handover.closed"] if h.data["disinfection"] == "terminal"]
    begins = {h.data["assignment_id"]: h for h in contaminated}
    for assignment_id, begin in ({**jobs, **begins}).items():
        job = jobs.get(assignment_id)
        unit_id = begin.data["unit_id"]
        if job is None:
            yield Violation(
                Invariant.NO_ORDER_BEFORE_DISINFECTION,
                f"no disinfection was ordered for unit {unit_id} after {assignment_id}",
                (begin.event,),
            )
        certificate = accepted.get(job.data["job_id"]) if job is not None else None
        for order in orders[unit_id]:
            late = certificate is None or order.at < certificate.at
            if order.data["assignment_id"] != assignment_id and begin.at <= order.at and late:
                proof = () if certificate is None else (certificate.event,)
                yield Violation(
                    Invariant.NO_ORDER_BEFORE_DISINFECTION,
                    f"unit {unit_id} was ordered to {order.data['assignment_id']} before its "
                    f"disinfection after {assignment_id} was accepted",
                    (begin.event, order.event, *proof),
                )


def _overlaps(spans: Sequence[_Span]) -> Iterator[tuple[_Span, _Span]]:
    """Yield neighbours of which the earlier reaches into the later."""
    ordered = sorted(spans, key=lambda span: span.begins.at)
    for earlier, later in pairwise(ordered):
        if earlier.reaches_into(later):
            yield earlier, later


def _first_by(field: str, *groups: Sequence[_Told]) -> dict[str, _Told]:
    """Return the earliest event for each value of a field."""
    first: dict[str, _Told] = {}
    for group in groups:
        for each in group:
            value = each.data[field]
            if value not in first or each.at < first[value].at:
                first[value] = each
    return first


# -- 2: one outcome a call


def _calls_without_one_outcome(
    told: _ByType, inputs: Sequence[Input], now: datetime
) -> Iterator[Violation]:
    closed: defaultdict[str, list[_Told]] = defaultdict(list)
    for end in told["incident.closed"]:
        closed[end.data["incident_id"]].append(end)
    for incident_id, ends in closed.items():
        if len(ends) > 1:
            yield Violation(
                Invariant.ONE_OUTCOME_A_CALL,
                f"incident {incident_id} was closed more than once",
                tuple(end.event for end in ends),
            )
    belongs = _incident_of_each_call(told)
    accepted = {i.key for i in inputs if i.type in _OPENING and i.outcome == "accepted"}
    for call_id in sorted(key for key in accepted if key is not None and key not in belongs):
        yield Violation(
            Invariant.ONE_OUTCOME_A_CALL, f"call {call_id} was accepted and never dealt with"
        )
    pending = _Pending(told, now)
    for incident_id in dict.fromkeys(incident_id for incident_id, _ in belongs.values()):
        if incident_id not in closed and not pending.cared_for(incident_id):
            evidence = next(proof for found, proof in belongs.values() if found == incident_id)
            yield Violation(
                Invariant.ONE_OUTCOME_A_CALL,
                f"incident {incident_id} has no outcome and nothing is being done about it",
                (evidence.event,),
            )


def _incident_of_each_call(told: _ByType) -> dict[str, tuple[str, _Told]]:
    """Return the incident that each call belongs to at the end, and the event that says so."""
    belongs = {e.data["call_id"]: (e.data["incident_id"], e) for e in told["call.decided"]}
    undone = {each.data["call_id"] for each in told["link.undone"]}
    for link in told["call.linked"]:
        if link.data["call_id"] not in undone:
            belongs[link.data["call_id"]] = (link.data["incident_id"], link)
    return belongs


class _Pending:
    """Who cares for the incidents without an outcome."""

    def __init__(self, told: _ByType, now: datetime) -> None:
        self._now = now
        over = _first_by(
            "assignment_id",
            *(told[kind] for kind in ("order.withdrawn", "handover.closed", "incident.released")),
        )
        self._served = {
            order.data["incident_id"]
            for order in told["order.issued"]
            if order.data["assignment_id"] not in over
        }
        self._last: dict[str, _Told] = {}
        watched = ("incident.queued", "incident.held", "incident.resumed", "call.decided")
        for kind in watched:
            for each in told[kind]:
                incident_id = each.data["incident_id"]
                last = self._last.get(incident_id)
                if last is None or each.event.sequence > last.event.sequence:
                    self._last[incident_id] = each
        self._asked = {each.data["call_id"]: each for each in told["screening.requested"]}
        placed: dict[str, _Told] = {}
        for each in told["transfer.progressed"]:
            before = placed.get(each.data["transfer_id"])
            if before is None or each.event.sequence > before.event.sequence:
                placed[each.data["transfer_id"]] = each
        self._arranged = {key for key, each in placed.items() if each.data["status"] in _ARRANGING}

    def cared_for(self, incident_id: str) -> bool:
        """Return whether a unit is on it, it is in the queue, or a deadline is still running.

        A hospital is asked for a transfer, or looked for, until one has accepted.
        """
        if incident_id in self._served or incident_id in self._arranged:
            return True
        last = self._last[incident_id]
        if last.event.type == "incident.queued":
            return True
        if last.event.type == "incident.held":
            return datetime.fromisoformat(last.data["until"]) >= self._now
        asked = self._asked.get(incident_id)
        if asked is None or asked.data["deadline"] is None:
            return False
        return datetime.fromisoformat(asked.data["deadline"]) >= self._now


# -- 5: no input lost


def _inputs_lost(told: _ByType, inputs: Sequence[Input]) -> Iterator[Violation]:
    letters = {letter.event.cause for letter in told["input.rejected"]}
    causes = {each.event.cause for group in told.values() for each in group}
    for each in inputs:
        what = f"{each.type} {each.identity}"
        if each.outcome is None:
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was never dealt with")
        elif each.outcome == "rejected" and each.identity not in letters:
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was rejected without a dead letter")
        elif each.outcome == "accepted" and each.type in _OPENING and each.identity not in causes:
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was accepted without any effect")
    for letter in told["input.rejected"]:
        if not letter.data["reasons"]:
            yield Violation(
                Invariant.NO_INPUT_LOST, "a dead letter gives no reason", (letter.event,)
            )


# -- 6: order


def _streams_out_of_order(
    streams: Mapping[tuple[str, str | None], Sequence[_Told]],
) -> Iterator[Violation]:
    for (topic, key), events in streams.items():
        expected, before = 1, None
        for each in events:
            found = each.event.sequence
            if found != expected:
                what = "comes late, or twice" if found < expected else "follows a gap"
                yield Violation(
                    Invariant.CAUSAL_ORDER,
                    f"{topic} of {key}: number {found} {what}, number {expected} was expected",
                    (each.event,) if before is None else (before, each.event),
                )
            expected, before = max(expected, found + 1), each.event


def _effects_before_causes(
    streams: Mapping[tuple[str, str | None], Sequence[_Told]],
) -> Iterator[Violation]:
    for events in streams.values():
        come: set[tuple[str, str]] = set()
        reached: dict[str, tuple[int, Event]] = {}
        for each in events:
            event, data = each.event, each.data
            for field in (
                "assignment_id",
                "handover_id",
                "offer_id",
                "reservation_id",
                "job_id",
                "incident_id",
            ):
                if data.get(field) is not None:
                    come.add((event.type, data[field]))
            needed = _PRECEDED_BY.get(event.type)
            if needed is not None and (needed[0], data[needed[1]]) not in come:
                yield Violation(
                    Invariant.CAUSAL_ORDER,
                    f"{event.type} of {data[needed[1]]} comes without a {needed[0]} before it",
                    (event,),
                )
            if event.type == "incident.progressed":
                yield from _steps_back(each, reached)


def _steps_back(each: _Told, reached: dict[str, tuple[int, Event]]) -> Iterator[Violation]:
    """Note how far a run has come, and find the report that goes back."""
    assignment_id, status = each.data["assignment_id"], each.data["status"]
    step = _RUN.index(status)
    last = reached.get(assignment_id)
    if last is not None and step <= last[0]:
        yield Violation(
            Invariant.CAUSAL_ORDER,
            f"{assignment_id} comes to {status} after {_RUN[last[0]]}",
            (last[1], each.event),
        )
    reached[assignment_id] = (step, each.event)


# -- 7: decisions replay


def _decisions_that_differ(told: _ByType, packs: Mapping[str, Pack]) -> Iterator[Violation]:
    for each in told["call.decided"]:
        decision = each.data["decision"]
        call_id, policy = each.data["call_id"], decision["policy"]
        pack = packs.get(policy["pack"])
        if pack is None or pack.version != policy["version"]:
            name = f"{policy['pack']} {policy['version']}"
            sentence = f"call {call_id} was decided by {name}, which is not at hand"
        elif replay(decision["inputs"], pack).as_dict() != decision:
            sentence = f"the decision on call {call_id} does not replay to the same result"
        else:
            continue
        yield Violation(Invariant.DECISIONS_REPLAY, sentence, (each.event,))
