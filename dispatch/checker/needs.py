"""Needs: no patient is taken where what they need is lacking, unless somebody was told."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from dispatch.checker.history import ByType, Invariant, Told, Violation

# Where nobody is treated.
_NOT_TREATED: Final = frozenset({"home", "isolation_site"})


def needs_unmet_silently(told: ByType) -> Iterator[Violation]:
    """Find announcements to a hospital that lacks a capability needed, without an escalation.

    What is needed is what the decision in force says, and the announcement; what the hospital has
    is what the choice of it says.
    """
    decided: defaultdict[str, list[Told]] = defaultdict(list)
    for each in told["call.decided"]:
        decided[each.data["incident_id"]].append(each)
    chosen = {each.data["handover_id"]: each for each in told["hospital.chosen"]}
    escalated = {
        each.data["subject"]
        for each in told["escalation.raised"]
        if each.data["kind"] == "capability_lacking"
    }
    for announced in told["handover.announced"]:
        data = announced.data
        if data.get("destination") in _NOT_TREATED:
            continue
        handover_id = data["handover_id"]
        choice = chosen.get(handover_id)
        decision = _in_force(decided[data.get("incident_id", "")], announced, choice)
        needs = {*data.get("needs", ())}
        if decision is not None:
            needs.update(decision.data["decision"].get("inputs", {}).get("needs", ()))
        lacking = sorted(needs.difference(choice.data["capabilities"] if choice else ()))
        if lacking and handover_id not in escalated:
            proof = (each.event for each in (decision, announced, choice) if each is not None)
            yield Violation(
                Invariant.NO_NEED_UNMET_SILENTLY,
                f"{handover_id} brings a patient to hospital {data['hospital_id']}, which lacks "
                f"{', '.join(lacking)}, and nobody was told",
                tuple(proof),
            )


def _in_force(decisions: list[Told], announced: Told, choice: Told | None) -> Told | None:
    """Return the decision that an announcement was made on: the last before it, else the first.

    The choice of the hospital is in the same stream; without one the times must do.
    """
    if choice is not None:
        before = [each for each in decisions if each.event.sequence < choice.event.sequence]
    else:
        at = announced.at
        before = [
            each
            for each in decisions
            if (when := each.data["decision"].get("decided_at")) is not None
            and datetime.fromisoformat(when) < at
        ]
    if before:
        return max(before, key=lambda each: each.event.sequence)
    return min(decisions, key=lambda each: each.event.sequence, default=None)
