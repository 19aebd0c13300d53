"""Senders set apart: whoever is refused too often waits by itself, and holds up nobody else.

What a sender that is set apart sends is written down as it came, without a look at it, and is dealt
with in its turn: in its order, whatever is good in it takes effect. Refusals beyond a number are
counted in one letter a transaction; so each is accounted for by its place on Kafka.
"""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import orjson

from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.store.database import Transaction
from dispatch.store.refusals import MOST_SENDERS, OTHERS, WINDOW, Refusals, Sender
from dispatch.topics.announcement import Reason
from dispatch.topics.cloudevents import MAX_ATTRIBUTE
from dispatch.topics.dead_letters import InputsRefused, Places
from dispatch.topics.envelope import Record
from dispatch.topics.refused import Kind, kind_of

# What is dealt with, or written into one row, at once.
AT_ONCE: Final = 200  # records
ROW_BYTES: Final = 262_144
# Who has no source that is one.
NOBODY: Final = "(none)"
_PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f]+")

_Place = tuple[str, str, int]


class Read(Protocol):
    """What is looked at to know who sent a record, also before it is taken over as a `Record`."""

    @property
    def topic(self) -> str:
        """Its topic, with the prefix."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers, as they came."""
        ...


def sender_of(record: Read) -> Sender:
    """Return who sent a record, by its first `ce_source`."""
    for name, value in record.headers:
        if name == "ce_source":
            try:
                source = (value or b"").decode()
            except UnicodeDecodeError:
                break
            if len(source) <= MAX_ATTRIBUTE and _PRINTABLE.fullmatch(source):
                return Sender(record.topic, source)
            break
    return Sender(record.topic, NOBODY)


@dataclass(slots=True)
class _Count:
    """Refusals of a kind that one transaction counts, and where they stood, in the order read."""

    reasons: list[Reason]
    places: dict[int, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    count: int = 0

    def add(self, record: Record) -> None:
        self.count += 1
        ranges = self.places[record.partition]
        if ranges and ranges[-1][1] + 1 == record.offset:
            ranges[-1][1] = record.offset
        else:
            ranges.append([record.offset, record.offset])


class SetApart:
    """Who is set apart, as one process knows it, and what one transaction has to tell of it."""

    def __init__(self) -> None:
        self._refusals = Refusals()
        # When each was last heard of.
        self._apart: dict[Sender, datetime] = {}
        # Whose inputs have taken effect.
        self._known: OrderedDict[Sender, None] = OrderedDict()
        self._counted: dict[tuple[_Place, str], int] = {}
        self._served = Sender("", "")
        self._new: dict[Sender, Record] = {}
        self._counts: dict[tuple[Sender, Kind], _Count] = {}
        self._reached: dict[tuple[_Place, str], int] = {}
        self._serving: Sender | None = None

    def __bool__(self) -> bool:
        return bool(self._apart)

    # -- what comes in

    def split(
        self, records: Sequence[Record]
    ) -> tuple[Sequence[Record], Mapping[Sender, Sequence[Record]]]:
        """Return the records to deal with now, and by sender those that are set apart."""
        if not self._apart:
            return records, {}
        here: list[Record] = []
        apart: dict[Sender, list[Record]] = {}
        for record in records:
            sender = self._queue_of(sender_of(record))
            if sender in self._apart:
                apart.setdefault(sender, []).append(record)
            else:
                here.append(record)
        return here, apart

    def number_of(self, read: Iterable[Read]) -> int:
        """Return how many of some records are set apart by now."""
        if not self._apart:
            return 0
        return sum(self._queue_of(sender_of(record)) in self._apart for record in read)

    async def write(
        self, tx: Transaction, apart: Mapping[Sender, Sequence[Record]], now: datetime
    ) -> None:
        """Write down what is set apart. Its senders stay so as long as any of it waits."""
        rows = [
            (sender.topic, sender.source, len(some), held)
            for sender, records in apart.items()
            for some, held in _rows(records)
        ]
        await tx.execute("set_apart", *([row[column] for row in rows] for column in range(4)))
        self._apart |= dict.fromkeys(apart, now)

    def learn(self, records: Iterable[Record]) -> None:
        """Note whose inputs have taken effect, unless they had to wait apart for it."""
        if self._serving is not None:
            return
        for record in records:
            sender = sender_of(record)
            self._known[sender] = None
            self._refusals.accepted(sender)
        while len(self._known) > MOST_SENDERS:
            self._known.popitem(last=False)

    def _queue_of(self, sender: Sender) -> Sender:
        if sender not in self._apart and sender not in self._known:
            others = Sender(sender.topic, OTHERS)
            if others in self._apart:
                return others
        return sender

    # -- refusals

    def counts(self, record: Record, refused: str, reasons: list[Reason], now: datetime) -> bool:
        """Note a refusal; return whether it is counted instead of kept by itself."""
        own = sender_of(record)
        sender = self._serving or own
        kind = kind_of(refused, reasons[0].field)
        kept = self._refusals.keep(sender, kind, now)
        too_many = self._refusals.too_many(sender, now)
        if too_many:
            self._set_apart(sender, record, now)
        unknown = self._serving is None and own not in self._known
        if unknown and self._refusals.too_many_of_others(own.topic, now):
            self._set_apart(Sender(own.topic, OTHERS), record, now)
        if kept:
            return False
        place = (record.incarnation, record.topic, record.partition), sender.source
        if record.offset >= self._counted.get(place, 0):
            self._counts.setdefault((sender, kind), _Count(reasons)).add(record)
            self._reached[place] = record.offset + 1
        return True

    def _set_apart(self, sender: Sender, record: Record, now: datetime) -> None:
        if sender not in self._apart:
            self._new[sender] = record
        self._apart[sender] = now

    async def tell(self, tx: Transaction, city: City, now: datetime) -> None:
        """Emit the letters of what was counted, and say once who is set apart."""
        if not self._counts and not self._new:
            return
        for sender, record in self._new.items():
            _begin(city, now, record.incarnation, record.topic, record.partition, record.offset)
            escalate(
                city,
                "source_set_apart",
                None,
                sender.source,
                f"too many inputs of {sender.source} on {sender.topic} were refused: whatever it"
                " sends waits apart and is dealt with in its turn, behind everybody else's",
            )
        for (sender, kind), counted in self._counts.items():
            places = [
                Places(partition=partition, first=first, last=last)
                for partition, ranges in sorted(counted.places.items())
                for first, last in ranges
            ]
            _begin(city, now, kind.refused, sender.topic, places[0].partition, places[0].first)
            city.emit(
                InputsRefused(
                    topic=sender.topic,
                    source=sender.source,
                    at=now,
                    refused=kind.refused,
                    field=kind.field,
                    reasons=counted.reasons,
                    count=counted.count,
                    places=places,
                ),
                key=sender.source,
            )
        if self._reached:
            rows = [(*place, source, at) for (place, source), at in self._reached.items()]
            await tx.execute("note_counted", *([row[n] for row in rows] for n in range(5)))

    def settle(self) -> None:
        """What the transaction had to tell is told."""
        if self._reached:
            self._counted |= self._reached
        self._forget()

    def abandon(self) -> None:
        """The transaction has not been: who was set apart in it is so when it comes again."""
        for sender in self._new:
            self._apart.pop(sender, None)
        self._forget()

    def _forget(self) -> None:
        self._serving = None
        if self._counts or self._new or self._reached:
            self._counts, self._new, self._reached = {}, {}, {}

    # -- those whose turn it is

    async def next(self, tx: Transaction, at_once: int) -> Sequence[Record]:
        """Take up to so many records of the next sender off what waits; none when nothing waits."""
        rows = await tx.fetch("next_set_apart", *self._served)
        if not rows:
            return ()
        row = rows[0]
        self._served = self._serving = Sender(row["topic"], row["source"])
        records = _unpacked(row["topic"], row["held"])
        left = records[at_once:]
        await tx.execute(
            "rest_set_apart", row["number"], len(left), _packed(left) if left else None
        )
        return records[:at_once]

    async def release(self, tx: Transaction, now: datetime) -> None:
        """Let those go of whom nothing waits, and who have been quiet for a while."""
        waiting = {Sender(*row) for row in await tx.fetch("senders_set_apart")}
        for sender, heard in list(self._apart.items()):
            if sender not in waiting and now - heard > WINDOW:
                del self._apart[sender]

    def hear(self, senders: Iterable[Sender], counted: Iterable[Any], now: datetime) -> None:
        """Take over what other processes have set apart and counted."""
        for sender in senders:
            self._apart.setdefault(sender, now)
        for incarnation, topic, partition, source, next_offset in counted:
            self._counted[(incarnation, topic, partition), source] = next_offset


def _begin(city: City, now: datetime, *what: object) -> None:
    city.begin(now=now, cause="refusals/" + "/".join(map(str, what)))


def _rows(records: Sequence[Record]) -> Iterator[tuple[Sequence[Record], bytes]]:
    """Yield some of the records after the other, each as many as a row holds, and packed."""
    for first in range(0, len(records), AT_ONCE):
        yield from _of_a_size(records[first : first + AT_ONCE])


def _of_a_size(records: Sequence[Record]) -> Iterator[tuple[Sequence[Record], bytes]]:
    """Yield the records in as many parts as it takes, each packed; one alone may be larger."""
    packed = _packed(records)
    if len(packed) <= ROW_BYTES or len(records) == 1:
        yield records, packed
        return
    middle = len(records) // 2
    yield from _of_a_size(records[:middle])
    yield from _of_a_size(records[middle:])


def _packed(records: Sequence[Record]) -> bytes:
    """Return records as JSON, bytes as text of a character each: most are text and stay short."""
    return orjson.dumps(
        [
            (
                record.incarnation,
                record.partition,
                record.offset,
                record.timestamp_ms,
                None if record.key is None else record.key.decode("latin-1"),
                None if record.value is None else record.value.decode("latin-1"),
                [
                    (
                        name.encode("utf-8", "surrogatepass").decode("latin-1"),
                        None if value is None else value.decode("latin-1"),
                    )
                    for name, value in record.headers
                ],
                record.unreadable,
                record.first_offset,
            )
            for record in records
        ]
    )


def _unpacked(topic: str, held: bytes) -> list[Record]:
    return [
        Record(
            topic=topic,
            partition=partition,
            offset=offset,
            timestamp_ms=timestamp_ms,
            key=_raw(key),
            value=_raw(value),
            headers=tuple(
                (name.encode("latin-1").decode("utf-8", "surrogatepass"), _raw(content))
                for name, content in headers
            ),
            incarnation=incarnation,
            unreadable=unreadable,
            first_offset=first_offset,
        )
        for (
            incarnation, partition, offset, timestamp_ms, key, value, headers,
            unreadable, first_offset,
        ) in orjson.loads(held)
    ]  # fmt: skip


def _raw(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")
