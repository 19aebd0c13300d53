"""Decisions: each replays to the same result from what it says it was taken on."""

from collections.abc import Iterator, Mapping

from dispatch.checker.history import ByType, Invariant, Violation
from dispatch.policy.decision import replay
from dispatch.policy.pack import Pack


def decisions_that_differ(told: ByType, packs: Mapping[str, Pack]) -> Iterator[Violation]:
    """Find decisions that the pack they name takes otherwise, or whose pack is not at hand."""
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
