"""Order: of a topic and key no event is missing, and none comes before its cause."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dispatch.checker.history import Event, Invariant, Told, Violation

_RUN: Final = ("ordered", "rolling", "on_scene", "transporting", "at_hospital", "handed_over")
# What must have come before, in the same stream, about the same assignment, handover or job.
_PRECEDED_BY: Final[Mapping[str, tuple[str, str]]] = {
    "order.amended": ("order.issued", "assignment_id"),
    "order.ended": ("order.issued", "assignment_id"),
    "order.withdrawn": ("order.issued", "assignment_id"),
    "incident.progressed": ("incident.assigned", "assignment_id"),
    "incident.amended": ("incident.assigned", "assignment_id"),
    "incident.released": ("incident.assigned", "assignment_id"),
    "handover.updated": ("handover.announced", "handover_id"),
    "handover.reminded": ("handover.announced", "handover_id"),
    "handover.withdrawn": ("handover.announced", "handover_id"),
    "handover.closed": ("handover.announced", "handover_id"),
    "handover.released": ("handover.announced", "handover_id"),
    "handover.observed": ("handover.announced", "handover_id"),
    "offer.withdrawn": ("transfer.offered", "offer_id"),
    "bed.released": ("bed.reserved", "reservation_id"),
    "disinfection.accepted": ("disinfection.ordered", "job_id"),
    "incident.assigned": ("call.decided", "incident_id"),
    "incident.queued": ("call.decided", "incident_id"),
    "incident.closed": ("call.decided", "incident_id"),
}


def streams_out_of_order(
    streams: Mapping[tuple[str, str | None], Sequence[Told]],
) -> Iterator[Violation]:
    """Find gaps, and events that come late or twice, by their numbers.

    What a restored database tells leaps once in each stream: a gap here.
    """
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


def effects_before_causes(
    streams: Mapping[tuple[str, str | None], Sequence[Told]],
) -> Iterator[Violation]:
    """Find events that come without what must precede them, and runs that go back."""
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
            elif event.type == "incident.amended" and "hospital_id" in data["changed"]:
                _turned_away(data["assignment_id"], reached)


def _turned_away(assignment_id: str, reached: dict[str, tuple[int, Event]]) -> None:
    """Let a run that stood at a hospital's door be on the way again: it goes to another."""
    last = reached.get(assignment_id)
    if last is not None and _RUN[last[0]] == "at_hospital":
        reached[assignment_id] = (_RUN.index("on_scene"), last[1])


def _steps_back(each: Told, reached: dict[str, tuple[int, Event]]) -> Iterator[Violation]:
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
