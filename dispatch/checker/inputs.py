"""Inputs: none is lost, none refused without a dead letter."""

from collections.abc import Iterator, Sequence

from dispatch.checker.history import OPENING, ByType, Input, Invariant, Violation


def inputs_lost(told: ByType, inputs: Sequence[Input]) -> Iterator[Violation]:
    """Find inputs that nothing came of: no effect, or no dead letter with a reason."""
    letters = {letter.event.cause for letter in told["input.rejected"]}
    causes = {each.event.cause for group in told.values() for each in group}
    for each in inputs:
        what = f"{each.type} {each.identity}"
        if each.outcome is None:
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was never dealt with")
        elif each.outcome == "rejected" and each.identity not in letters:
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was rejected without a dead letter")
        elif each.outcome == "accepted" and each.type in OPENING and each.identity not in causes:
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was accepted without any effect")
    for letter in told["input.rejected"]:
        if not letter.data["reasons"]:
            yield Violation(
                Invariant.NO_INPUT_LOST, "a dead letter gives no reason", (letter.event,)
            )
