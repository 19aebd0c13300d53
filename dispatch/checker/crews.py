"""Crews: what matters on their way reaches them, and whom they can ring up is in their orders."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from dispatch.checker.history import (
    ByType,
    Event,
    Input,
    Invariant,
    Told,
    Violation,
    first_by,
)
from dispatch.topics.fields import Content

_CRITICAL: Final = "critical"
_OVER: Final = ("order.withdrawn", "order.ended")


def critical_changes_untold(told: ByType) -> Iterator[Violation]:
    """Find crews who were not told that their patient has become critical.

    Of each order that stood when a decision found the patient critical who was not before, what
    its crew was last told by then must be that.
    """
    over = first_by("assignment_id", *(told[kind] for kind in _OVER))
    said: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    orders: defaultdict[str, list[Told]] = defaultdict(list)
    for order in told["order.issued"]:
        orders[order.data["incident_id"]].append(order)
        said[order.data["assignment_id"]].append((order.at, order.data.get("condition", "")))
    for each in sorted(told["order.amended"], key=lambda each: each.event.sequence):
        if "condition" in each.data["changed"]:
            condition = each.data["changed"]["condition"]
            said[each.data["assignment_id"]].append((each.at, condition))
    for decided in _turned_critical(told):
        at = datetime.fromisoformat(decided.data["decision"]["decided_at"])
        for order in orders[decided.data["incident_id"]]:
            name = order.data["assignment_id"]
            ended = over.get(name)
            if order.at > at or (ended is not None and ended.at <= at):
                continue
            known = [condition for when, condition in said[name] if when <= at]
            if known[-1] != _CRITICAL:
                yield Violation(
                    Invariant.CREWS_TOLD,
                    f"unit {order.data['unit_id']} was not told that the patient of {name} has "
                    "become critical",
                    (order.event, decided.event),
                )


def _turned_critical(told: ByType) -> Iterator[Told]:
    """Yield the decisions that found a patient critical who was not in the one before."""
    before: dict[str, str] = {}
    for each in sorted(told["call.decided"], key=lambda each: each.event.sequence):
        incident_id = each.data["incident_id"]
        condition = each.data["decision"]["inputs"].get("condition")
        if condition == _CRITICAL and before.get(incident_id) not in (None, _CRITICAL):
            yield each
        before[incident_id] = condition


def numbers_in(event: Content | None) -> tuple[str, ...]:
    """Return the telephone numbers that a call or a request gives to those who go there."""
    who = (getattr(event, "caller", None), getattr(event, "contact", None))
    return tuple(each.phone for each in who if each is not None and each.phone is not None)


def numbers_untold(
    told: ByType, inputs: Iterable[Input], orders: Iterable[Event]
) -> Iterator[Violation]:
    """Find telephone numbers that were given and are not in the orders of those who go there.

    `orders` are the events of the units' own topics, in their order: numbers stand there alone.
    """
    over = first_by("assignment_id", *(told[kind] for kind in _OVER))
    undone = {each.data["call_id"] for each in told["link.undone"]}
    linked = {
        each.data["call_id"]: each
        for each in told["call.linked"]
        if each.data["call_id"] not in undone
    }
    of_incident: defaultdict[str, dict[str, Event]] = defaultdict(dict)
    in_order: defaultdict[str, set[str | None]] = defaultdict(set)
    for event in orders:
        if event.type not in ("order.issued", "order.amended"):
            continue
        name = event.data["assignment_id"]
        of_incident[event.data["incident_id"]].setdefault(name, event)
        said = event.data if event.type == "order.issued" else event.data["changed"]
        in_order[name].update(each["phone"] for each in said.get("contacts") or ())
    for each in inputs:
        if each.key is None or each.outcome != "accepted" or not each.numbers:
            continue
        link = linked.get(each.key)
        incident_id = each.key if link is None else link.data["incident_id"]
        for name, order in of_incident[incident_id].items():
            ended = over.get(name)
            if link is not None and ended is not None and ended.at <= link.at:
                continue
            if not in_order[name].issuperset(each.numbers):
                yield Violation(
                    Invariant.CREWS_TOLD,
                    f"a number that call {each.key} gave is not in the order {name}",
                    (order,),
                )
