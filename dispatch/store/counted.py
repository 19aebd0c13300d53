"""Refusals that have no letter of their own: one transaction counts those of a kind in one letter.

Among them may be calls. So whoever must look is told of all of them at once, with what can be found
in their bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.store.database import Transaction
from dispatch.store.inbound import Inbound
from dispatch.store.refusals import Sender
from dispatch.store.unreadable_calls import found_in
from dispatch.topics.announcement import Reason, bounded
from dispatch.topics.dead_letters import InputsRefused, Places
from dispatch.topics.envelope import Record
from dispatch.topics.refused import Kind

# Of the telephones, places and so on of calls that are told of at once.
MOST_FOUND: Final = 20

# Where what one source sent was counted: incarnation, topic, partition, source.
_Partition = tuple[str, str, int, str]
# What a letter is about: the incarnation of the cluster, who sent it, and what is wrong.
_About = tuple[str, Sender, Kind]


@dataclass(frozen=True, slots=True)
class _Refused:
    """One refusal, and the offsets that it stands for."""

    partition: int
    first: int
    last: int
    call: Inbound | None


@dataclass(slots=True)
class _Count:
    """Refusals of a kind, in the order read; the reasons are those of the first."""

    reasons: list[Reason]
    refused: list[_Refused] = field(default_factory=list)


class Counted:
    """The refusals that one transaction counts."""

    def __init__(self) -> None:
        self._counts: dict[_About, _Count] = {}
        self._reached: dict[_Partition, int] = {}

    def add(self, each: Inbound, sender: Sender, kind: Kind, reasons: list[Reason]) -> None:
        """Count a refusal, unless this transaction has counted what stands there."""
        record = each.record
        partition = (record.incarnation, record.topic, record.partition, sender.source)
        first = max(_first(record), self._reached.get(partition, 0))
        if first > record.offset:
            return
        self._reached[partition] = record.offset + 1
        count = self._counts.setdefault((record.incarnation, sender, kind), _Count(reasons))
        call = each if each.is_call else None
        count.refused.append(_Refused(record.partition, first, record.offset, call))

    async def tell(self, tx: Transaction, city: City, now: datetime) -> None:
        """Emit the letters of what was counted now and not before, and note how far that is."""
        if not self._counts:
            return
        columns = [[place[n] for place in self._reached] for n in range(4)]
        before = {tuple(row)[:4]: row["next_offset"] for row in await tx.fetch("counted", *columns)}
        for about, count in self._counts.items():
            refused = list(_new_of(count.refused, about, before))
            if refused:
                _tell_of(city, now, about, bounded(count.reasons), refused)
        await tx.execute("note_counted", *columns, list(self._reached.values()))

    def forget(self) -> None:
        """Begin with nothing counted."""
        if self._counts:
            self._counts, self._reached = {}, {}


def begin(city: City, now: datetime, *what: object) -> None:
    """Let what follows be about refusals: its events are known again by what identifies those."""
    city.begin(now=now, cause="refusals/" + "/".join(map(str, what)))


def _first(record: Record) -> int:
    return record.offset if record.first_offset is None else record.first_offset


def _new_of(
    refused: Sequence[_Refused], about: _About, before: Mapping[tuple[object, ...], int]
) -> Iterable[_Refused]:
    """Yield what was not counted before, when it was read for the first time."""
    incarnation, sender, _ = about
    for each in refused:
        done = before.get((incarnation, sender.topic, each.partition, sender.source), 0)
        if each.last >= done:
            yield _Refused(each.partition, max(each.first, done), each.last, each.call)


def _tell_of(
    city: City, now: datetime, about: _About, reasons: list[Reason], refused: Sequence[_Refused]
) -> None:
    incarnation, sender, kind = about
    places = _places(refused)
    at = places[0].partition, places[0].first
    begin(city, now, incarnation, sender.topic, *at, *kind, sender.source)
    letter = InputsRefused(
        topic=sender.topic,
        source=sender.source,
        at=now,
        refused=kind.refused,
        field=kind.field,
        reasons=reasons,
        count=sum(place.last - place.first + 1 for place in places),
        places=places,
    )
    city.emit(letter, key=sender.source)
    calls = [each for each in refused if each.call is not None]
    if calls:
        _escalate_calls(city, sender, reasons, calls)


def _places(refused: Iterable[_Refused]) -> list[Places]:
    """Return where inputs stood, those that followed each other as one."""
    ranges: dict[int, list[tuple[int, int]]] = {}
    for each in refused:
        of_partition = ranges.setdefault(each.partition, [])
        if of_partition and of_partition[-1][1] + 1 == each.first:
            of_partition[-1] = of_partition[-1][0], each.last
        else:
            of_partition.append((each.first, each.last))
    return [
        Places(partition=partition, first=first, last=last)
        for partition, some in sorted(ranges.items())
        for first, last in some
    ]


def _escalate_calls(
    city: City, sender: Sender, reasons: Sequence[Reason], refused: Sequence[_Refused]
) -> None:
    """Tell the consoles of calls that were counted: how many, where they are, whom to ring."""
    places = _places(refused)
    count = sum(place.last - place.first + 1 for place in places)
    where = [f"{sender.topic}/{place.partition}/{place.first}-{place.last}" for place in places]
    further = f" and {len(where) - MOST_FOUND} more places" if len(where) > MOST_FOUND else ""
    why = "; ".join(f"{each.field}: {each.reason}" for each in reasons[:1])
    at = ", ".join(where[:MOST_FOUND]) + further
    said = [f"{count} calls of {sender.source} can't be taken ({at}): {why}"]
    found: dict[str, dict[str, None]] = {}
    for each in refused:
        if each.call is not None:
            for what, values in found_in(each.call).items():
                found.setdefault(what, {}).update(dict.fromkeys(values))
    said += [f"{what} {' or '.join(islice(some, MOST_FOUND))}" for what, some in found.items()]
    escalate(city, "call_unreadable", None, where[0], "; ".join(said))
