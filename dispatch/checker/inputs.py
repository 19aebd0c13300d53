"""Inputs: none is lost, none refused without a dead letter, of its own or with others."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from dispatch.checker.history import OPENING, ByType, Input, Invariant, Told, Violation

_Ranges = Mapping[tuple[str, int], Sequence[tuple[int, int]]]


def inputs_lost(told: ByType, inputs: Sequence[Input]) -> Iterator[Violation]:
    """Find inputs that nothing came of: no effect, or no dead letter with a reason."""
    letters = {letter.event.cause for letter in told["input.rejected"]}
    counted = _counted(told["inputs.refused"])
    causes = {each.event.cause for group in told.values() for each in group}
    for each in inputs:
        what = f"{each.type} {each.identity}"
        if each.outcome is None:
            if not _holds(counted, each):
                yield Violation(Invariant.NO_INPUT_LOST, f"{what} was never dealt with")
        elif (
            each.outcome == "rejected"
            and each.identity not in letters
            and not _holds(counted, each)
        ):
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was rejected without a dead letter")
        elif each.outcome == "accepted" and each.type in OPENING and each.identity not in causes:
            yield Violation(Invariant.NO_INPUT_LOST, f"{what} was accepted without any effect")
    for letter in (*told["input.rejected"], *told["inputs.refused"]):
        if not letter.data["reasons"]:
            yield Violation(
                Invariant.NO_INPUT_LOST, "a dead letter gives no reason", (letter.event,)
            )
    for letter in told["inputs.refused"]:
        held = sum(place["last"] - place["first"] + 1 for place in letter.data["places"])
        if held != letter.data["count"]:
            sentence = f"a dead letter counts {letter.data['count']} inputs and names {held}"
            yield Violation(Invariant.NO_INPUT_LOST, sentence, (letter.event,))


def _counted(letters: Sequence[Told]) -> _Ranges:
    """Return where inputs were refused that have no letter of their own."""
    ranges: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for letter in letters:
        for place in letter.data["places"]:
            found = ranges[letter.data["topic"], place["partition"]]
            found.append((place["first"], place["last"]))
    return {partition: _merged(found) for partition, found in ranges.items()}


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _holds(counted: _Ranges, each: Input) -> bool:
    if each.place is None:
        return False
    topic, partition, offset = each.place
    ranges = counted.get((topic, partition), ())
    before = bisect_right(ranges, offset, key=lambda found: found[0])
    return before > 0 and offset <= ranges[before - 1][1]
