"""Swaps: no crew takes over from another later than the pack allows, or once it is on scene."""

from collections.abc import Iterator, Mapping
from typing import Final

from dispatch.checker.history import (
    ByType,
    Invariant,
    Told,
    Violation,
    first_by,
    heard_in_time,
)
from dispatch.policy.pack import Pack
from dispatch.topics.incidents import OTHER_NOT_DISINFECTED

# What a report rounds.
_ROUNDED: Final = 0.1  # seconds


def swaps_too_late(told: ByType, packs: Mapping[str, Pack]) -> Iterator[Violation]:
    """Find crews that took over from one that would have been there sooner, by more than allowed.

    The dispatcher's own choices are no concern of the rules.
    """
    # Events from before orders said whom they take over are left out.
    ordered = [each for each in told["incident.assigned"] if "instead_of" in each.data]
    telling = {each.data["incident_id"] for each in ordered}
    takes_over = {each.data["instead_of"]: each for each in ordered}
    orders = first_by("assignment_id", told["order.issued"])
    chosen = {(each.data["incident_id"], each.data["at"]) for each in told["incident.overridden"]}
    arrived = {
        each.data["assignment_id"]: each
        for each in heard_in_time(told)
        if each.data["status"] == "on_scene"
    }
    for released in told["incident.released"]:
        data = released.data
        if data["outcome"] != "swapped" or data["incident_id"] not in telling:
            continue
        before, after = data["assignment_id"], takes_over.get(data["assignment_id"])
        if before in arrived:
            yield Violation(
                Invariant.NO_SWAP_TOO_LATE,
                f"{before} was swapped although its crew had reached the patient",
                (arrived[before].event, released.event),
            )
        if after is None:
            yield Violation(
                Invariant.NO_SWAP_TOO_LATE,
                f"{before} was swapped and nothing was ordered in its place",
                (released.event,),
            )
        elif (after.data["incident_id"], after.data["at"]) not in chosen:
            yield from _too_late(before, after, released, orders, packs)


def _too_late(
    before: str,
    after: Told,
    released: Told,
    orders: Mapping[str, Told],
    packs: Mapping[str, Pack],
) -> Iterator[Violation]:
    name, later = after.data["assignment_id"], after.data["later_seconds"]
    order = orders.get(name)
    pack = None if order is None else packs.get(order.data["policy"]["pack"])
    if order is None or pack is None:
        # Found by others: an assignment without its order, a pack that is not at hand.
        return
    # A vehicle that must be disinfected first suits nobody.
    policy = pack.allocation
    undisinfected = OTHER_NOT_DISINFECTED in after.data["why"]
    limits = policy.suited_later_seconds if undisinfected else policy.swap_later_seconds
    allowed = limits["stable" if order.data["condition"] == "stable" else "critical"]
    if later > allowed + _ROUNDED:
        yield Violation(
            Invariant.NO_SWAP_TOO_LATE,
            f"{name} took over {before} {later} s later; the pack allows {allowed} s",
            (after.event, released.event),
        )
