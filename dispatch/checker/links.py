"""Links: no call is linked to an incident whose crew has left with a patient."""

from collections.abc import Iterator, Sequence
from typing import Final

from dispatch.checker.history import ByType, Invariant, Told, Violation, heard_in_time

# What a unit is on its run when it has left the scene with a patient.
_LEFT: Final = frozenset({"transporting", "at_hospital", "handed_over"})


def links_to_those_that_left(told: ByType) -> Iterator[Violation]:
    """Find calls that were linked to an incident after a crew had left it with a patient.

    A unit's change states when the service heard of it, so that a late report is no violation;
    where there is none, the time that the crew gave counts, unless its run had ended before.
    """
    heard, said = _first(told["unit.changed"]), _first(heard_in_time(told))
    left = {**said, **heard}
    for link in told["call.linked"]:
        gone = left.get(link.data["incident_id"])
        if gone is not None and gone.at < link.at:
            yield Violation(
                Invariant.NO_LINK_TO_ONE_THAT_LEFT,
                f"call {link.data['call_id']} was linked to {link.data['incident_id']} after "
                f"unit {gone.data['unit_id']} had left it with a patient",
                (gone.event, link.event),
            )


def _first(changes: Sequence[Told]) -> dict[str, Told]:
    """Return by incident the first change that says that a unit has left it with a patient."""
    first: dict[str, Told] = {}
    for change in changes:
        assignment_id = change.data.get("assignment_id")
        if assignment_id is None or change.data["status"] not in _LEFT:
            continue
        incident_id = assignment_id.partition("/")[0]
        if incident_id not in first or change.at < first[incident_id].at:
            first[incident_id] = change
    return first
