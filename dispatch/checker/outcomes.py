"""Calls: each has one outcome, or somebody cares for it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from dispatch.checker.history import (
    ENDS_OF_RUNS,
    OPENING,
    ByType,
    Input,
    Invariant,
    Told,
    Violation,
    first_by,
)

# Where a transfer stands as long as no hospital has accepted it.
_ARRANGING: Final = frozenset({"requested", "offered", "diverted", "unplaced"})
# What says where an incident stands that nobody serves.
_WATCHED: Final = (
    "call.decided",
    "incident.queued",
    "incident.held",
    "incident.resumed",
    "incident.assigned",
)


def calls_without_one_outcome(
    told: ByType, inputs: Sequence[Input], now: datetime
) -> Iterator[Violation]:
    """Find calls never dealt with, incidents closed twice, and such that nobody cares for."""
    closed: defaultdict[str, list[Told]] = defaultdict(list)
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
    accepted = {i.key for i in inputs if i.type in OPENING and i.outcome == "accepted"}
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


def _incident_of_each_call(told: ByType) -> dict[str, tuple[str, Told]]:
    """Return the incident that each call belongs to at the end, and the event that says so."""
    belongs = {e.data["call_id"]: (e.data["incident_id"], e) for e in told["call.decided"]}
    undone = {each.data["call_id"] for each in told["link.undone"]}
    for link in told["call.linked"]:
        if link.data["call_id"] not in undone:
            belongs[link.data["call_id"]] = (link.data["incident_id"], link)
    return belongs


class _Pending:
    """Who cares for the incidents without an outcome."""

    def __init__(self, told: ByType, now: datetime) -> None:
        self._now = now
        over = first_by(
            "assignment_id",
            *(told[kind] for kind in ENDS_OF_RUNS),
        )
        self._served = {
            order.data["incident_id"]
            for order in told["order.issued"]
            if order.data["assignment_id"] not in over
        }
        self._last: dict[str, Told] = {}
        watched = [each for kind in _WATCHED for each in told[kind]]
        for each in sorted(watched, key=lambda each: each.event.sequence):
            if not self._stays_in_queue(each):
                self._last[each.data["incident_id"]] = each
        self._asked = {each.data["call_id"]: each for each in told["screening.requested"]}
        placed: dict[str, Told] = {}
        for each in told["transfer.progressed"]:
            before = placed.get(each.data["transfer_id"])
            if before is None or each.event.sequence > before.event.sequence:
                placed[each.data["transfer_id"]] = each
        self._arranged = {key for key, each in placed.items() if each.data["status"] in _ARRANGING}

    def _stays_in_queue(self, each: Told) -> bool:
        """Return whether it is a new decision on an incident that waits, and goes on waiting."""
        last = self._last.get(each.data["incident_id"])
        return (
            last is not None
            and last.event.type == "incident.queued"
            and each.event.type == "call.decided"
            and each.data["decision"]["action"] == "dispatch"
        )

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
