"""What must not be, found in what was read: pure, and tested with a planted case of each."""

import base64
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from dispatch.checker import Input, Invariant, Violation
from dispatch.simulation.seen import Seen
from dispatch.topics import for_everybody
from tests.faults.poison import Bad


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: its kind, one sentence, and the fewest events that show it."""

    kind: str
    sentence: str
    events: tuple[Seen, ...] = ()


INVARIANTS: Final = {
    Invariant.ONE_ASSIGNMENT_A_UNIT: "units on two assignments",
    Invariant.ONE_OUTCOME_A_CALL: "calls without one outcome",
    Invariant.NO_ORDER_BEFORE_DISINFECTION: "contaminated units ordered",
    Invariant.NO_ROOM_TWICE: "beds promised twice",
    Invariant.NO_INPUT_LOST: "inputs lost",
    Invariant.CAUSAL_ORDER: "events missing or out of order",
    Invariant.DECISIONS_REPLAY: "decisions that differ on replay",
    Invariant.OWN_TOPICS: "hospitals' own topics that differ",
    Invariant.NO_SWAP_TOO_LATE: "crews that took over too late",
    Invariant.NO_LINK_TO_ONE_THAT_LEFT: "calls linked to runs that had left",
}
ACKNOWLEDGED: Final = "inputs that the brokers lost"
PARKED: Final = "parked inputs without an end"
DOUBLED: Final = "orders doubled in effect"
POISON: Final = "bad inputs without their reason"
TWO_CONTENTS: Final = "ids with two contents"
UNPUBLISHED: Final = "events of the log that are not on Kafka"
INVENTED: Final = "events on Kafka that are not in the log"
LEFT: Final = "events left in the outbox"
HELD_UP: Final = "faults after which nothing went on"
ABORTED: Final = "aborted inputs that took effect"
UNREADABLE: Final = "unreadable records that are no dead letters"
SLOW: Final = "times in which others had to wait for their answers"
NOT_THE_CITYS: Final = "orders at a time that was not the city's"
UNTOLD: Final = "wrong clocks of which nothing was said"
# For the answer to all but one in a hundred calls, while one client or record does harm.
ANSWER_LIMIT: Final = 2.0  # wall seconds
# On a machine that is busy with other things, as many times what the same took just before.
TIMES_USUAL: Final = 4.0
KINDS: Final = (
    *INVARIANTS.values(),
    ACKNOWLEDGED,
    PARKED,
    DOUBLED,
    POISON,
    TWO_CONTENTS,
    UNPUBLISHED,
    INVENTED,
    LEFT,
    HELD_UP,
    ABORTED,
    UNREADABLE,
    SLOW,
    NOT_THE_CITYS,
    UNTOLD,
)


def found_by_checker(violation: Violation) -> Finding:
    events = tuple(event for event in violation.events if isinstance(event, Seen))
    return Finding(INVARIANTS[violation.invariant], violation.sentence, events)


def as_a_reader(raw: Iterable[Seen]) -> tuple[list[Seen], int]:
    """Return what a reader takes, who drops what is not newer; and how much came again.

    What it drops and has not seen before leaves a gap, which is for the checker.
    """
    latest: dict[tuple[str, str | None], int] = {}
    known: set[str] = set()
    taken, again = [], 0
    for seen in raw:
        stream = (seen.topic, seen.key)
        if seen.sequence > latest.get(stream, 0):
            latest[stream] = seen.sequence
            taken.append(seen)
        elif seen.id in known:
            again += 1
        known.add(seen.id)
    return taken, again


def lost_by_brokers(acknowledged: Mapping[str, int], there: Mapping[str, int]) -> Iterator[Finding]:
    """Find topics that hold fewer inputs than the brokers have acknowledged."""
    for topic, number in acknowledged.items():
        if there.get(topic, 0) < number:
            sentence = f"{topic}: {number} acknowledged, {there.get(topic, 0)} there"
            yield Finding(ACKNOWLEDGED, sentence)


def parked_without_end(inputs: Iterable[Input], waiting: set[str]) -> Iterator[Finding]:
    """Find inputs that were parked and wait no more, and nothing became of them."""
    for each in inputs:
        if each.outcome == "parked" and each.identity not in waiting:
            sentence = f"{each.type} {each.identity} was parked, and nothing came of it"
            yield Finding(PARKED, sentence)


def otherwise_in_the_log(seen: Seen | None, row: Mapping[str, Any]) -> Finding | None:
    """Compare an event of the log with what is on Kafka under its id."""
    what = f"{row['type']} {row['event_id']} (position {row['position']})"
    if seen is None:
        return Finding(UNPUBLISHED, f"{what} is not on Kafka")
    if _place(seen) != (row["topic"], row["key"], row["sequence"], row["cause"]):
        return Finding(UNPUBLISHED, f"{what} has another place there", (seen,))
    if for_everybody(row["type"], orjson.loads(row["data"])) != seen.data:
        return Finding(UNPUBLISHED, f"{what} says something else there", (seen,))
    return None


def two_contents(raw: Sequence[Seen]) -> Iterator[Finding]:
    """Find ids under which two different things were said."""
    first: dict[str, Seen] = {}
    for seen in raw:
        known = first.setdefault(seen.id, seen)
        # From the log it comes with its fields in another order.
        same = known.value == seen.value or known.data == seen.data
        if not same or _place(known) != _place(seen):
            yield Finding(TWO_CONTENTS, f"{seen.id} was published with two contents", (known, seen))


def doubled(history: Sequence[Seen]) -> Iterator[Finding]:
    """Find assignments ordered twice, and inputs that came to be twice what they are once."""
    first: dict[tuple[str, str], Seen] = {}
    for seen in history:
        if seen.type == "order.issued":
            name = seen.data["assignment_id"]
        elif seen.type in ("call.linked", "incident.closed") or (
            seen.type == "call.decided" and seen.data["because"] == "the call came in"
        ):
            name = seen.key or ""
            if seen.type == "call.linked":
                name = seen.data["call_id"]
        else:
            continue
        known = first.setdefault((seen.type, name), seen)
        if known is not seen:
            yield Finding(DOUBLED, f"{seen.type} of {name} happened twice", (known, seen))


def poison_not_refused(history: Sequence[Seen], poison: Sequence[Bad]) -> Iterator[Finding]:
    """Find bad inputs that are no dead letters, or whose letters don't give the reason."""
    reasons: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
    for seen in history:
        if seen.type == "input.rejected":
            letter = seen.data
            headers = tuple(tuple(header) for header in letter["headers_base64"])
            about = {reason["field"] for reason in letter["reasons"]}
            reasons[letter["key_base64"], letter["value_base64"], headers] |= about
    for bad in poison:
        headers = tuple((name, base64_of(value)) for name, value in bad.headers)
        about = reasons[base64_of(bad.key), base64_of(bad.value), headers]
        if bad.field not in about:
            sentence = f"{bad.kind} ({bad.key!r}) was refused for {sorted(about) or 'nothing'}"
            yield Finding(POISON, sentence)


def aborted_in_effect(history: Sequence[Seen], aborted: Collection[str]) -> Iterator[Finding]:
    """Find events about calls whose transaction was aborted."""
    for seen in history:
        if seen.key in aborted:
            yield Finding(ABORTED, f"{seen.key} was never called, and {seen.type}", (seen,))


def unreadable_not_kept(
    history: Sequence[Seen], places: Iterable[tuple[str, int, int]], prefix: str
) -> Iterator[Finding]:
    """Find records that can't be read (topic, partition, offset) and that no dead letter names."""
    letters = (seen.data for seen in history if seen.type == "input.rejected")
    kept = {(letter["topic"], letter["partition"], letter["offset"]) for letter in letters}
    for topic, partition, offset in places:
        if (prefix + topic, partition, offset) not in kept:
            yield Finding(UNREADABLE, f"{topic}-{partition} at {offset}")


def share_within(waited: Sequence[float], share: float = 0.99) -> float:
    """Return within how many seconds this share of some answers came; 0 where there are none."""
    return sorted(waited)[math.ceil(share * len(waited)) - 1] if waited else 0.0


def not_the_citys(order: Seen, now: datetime, *, within: timedelta) -> Iterator[Finding]:
    """Find that an order, seen `now` by the city's clock (aware), is further from that in time."""
    at = datetime.fromisoformat(order.data["at"])
    if abs(at - now) > within:
        yield Finding(NOT_THE_CITYS, f"issued at {at}, seen at {now}", (order,))


def slow_answers(waited: Sequence[float], usual: Sequence[float]) -> Iterator[Finding]:
    """Find that others waited too long for their answers; `usual` is how long they did before."""
    before = share_within(usual)
    if (seconds := share_within(waited)) > max(ANSWER_LIMIT, TIMES_USUAL * before):
        sentence = (
            f"99 of 100 answers to {len(waited)} calls came within {seconds:.2f} s, just before "
            f"within {before:.2f} s"
        )
        yield Finding(SLOW, sentence)


def _place(seen: Seen) -> tuple[str, str | None, int, str]:
    return seen.topic, seen.key, seen.sequence, seen.cause


def base64_of(raw: bytes | None) -> str | None:
    """Return bytes as a dead letter carries them."""
    return None if raw is None else base64.b64encode(raw).decode("ascii")
