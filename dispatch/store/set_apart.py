"""Senders set apart: whoever is refused too often waits by itself, and holds up nobody else.

What a sender that is set apart sends is written down as it came, without a look at it, and is dealt
with in its turn: in its order, whatever is good in it takes effect. Refusals beyond a number are
counted in one letter a transaction; so each is accounted for by its place on Kafka.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol

import orjson

from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.store.counted import Counted, begin
from dispatch.store.database import Transaction
from dispatch.store.inbound import Inbound
from dispatch.store.refusals import IN_VAIN, MOST_SENDERS, OTHERS, WINDOW, Refusals, Sender
from dispatch.topics.announcement import Reason
from dispatch.topics.cloudevents import MAX_ATTRIBUTE
from dispatch.topics.envelope import Record
from dispatch.topics.refused import kind_of
from dispatch.topics.structured import source_of

# What is dealt with, or written into one row, at once.
AT_ONCE: Final = 200  # records
ROW_BYTES: Final = 262_144
# Who has no source that is one.
NOBODY: Final = "(none)"
_PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f]+")
# Of whom this process has seen no refusals.
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


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

    @property
    def value(self) -> bytes | None:
        """Its value."""
        ...


def sender_of(record: Read) -> Sender:
    """Return who sent a record, by its first `ce_source`, else by that of the whole event in it."""
    for name, value in record.headers:
        if name == "ce_source":
            return _sender(record.topic, value or b"")
    return _sender(record.topic, source_of(record.headers, record.value))


@lru_cache(MOST_SENDERS)
def _sender(topic: str, said: bytes) -> Sender:
    try:
        source = said.decode()
    except UnicodeDecodeError:
        return Sender(topic, NOBODY)
    is_one = len(source) <= MAX_ATTRIBUTE and _PRINTABLE.fullmatch(source)
    return Sender(topic, source if is_one else NOBODY)


class SetApart:
    """Who is set apart, as one process knows it, and what one transaction has to tell of it."""

    def __init__(self) -> None:
        self._refusals = Refusals()
        # When each was last refused too often, as far as this process has seen it.
        self._apart: dict[Sender, datetime] = {}
        # Whose inputs have taken effect, the latest last.
        self._known: OrderedDict[Sender, None] = OrderedDict()
        # Whose turn was last, in the round of all and in that of those who go on meanwhile.
        self._served = {False: Sender("", ""), True: Sender("", "")}
        # Of whom something waits, and of those whose last turn was in vain, as far as is known.
        self._waiting: set[Sender] = set()
        self._in_vain: set[Sender] = set()
        self.refused = 0.0
        """What share of the last turn was refused."""
        self.written = 0
        """How many records have been written down."""
        self.taken: list[Record] = []
        """What has taken effect in the transaction in hand."""
        # The rest is of the transaction in hand as well: it is final when that is.
        self._learned: set[Sender] = set()
        self._too_many: dict[Sender, datetime] = {}
        self._new: dict[Sender, Record] = {}
        self._counted = Counted()
        # What was written down.
        self._waits: Mapping[Sender, Sequence[Record]] = {}
        self._serving: Sender | None = None
        self._meanwhile = False
        self._turn = self._refused_in_turn = 0
        self._released: tuple[set[Sender], datetime] | None = None

    def __bool__(self) -> bool:
        return bool(self._apart)

    def counted_as(self, record: Record) -> Sender:
        """Return as whose a record counts: those whom nobody knows count together."""
        self._learn()
        own = sender_of(record)
        return own if self._knows(own) else Sender(own.topic, OTHERS)

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

    async def write(self, tx: Transaction, apart: Mapping[Sender, Sequence[Record]]) -> None:
        """Write down what is set apart. Its senders stay so as long as any of it waits."""
        rows = [
            (sender.topic, sender.source, len(some), held)
            for sender, records in apart.items()
            for some, held in _rows(records)
        ]
        await tx.execute("set_apart", *([row[column] for row in rows] for column in range(4)))
        self._waits = apart

    def _queue_of(self, sender: Sender) -> Sender:
        if sender not in self._apart and sender not in self._known:
            others = Sender(sender.topic, OTHERS)
            if others in self._apart:
                return others
        return sender

    # -- refusals

    def newly_apart(self, record: Record) -> Sender | None:
        """Return whose record it is, if that sender was set apart within this transaction."""
        if not self._new or self._serving is not None:
            return None
        self._learn()
        own = sender_of(record)
        if own in self._new:
            return own
        others = Sender(own.topic, OTHERS)
        return others if others in self._new and not self._knows(own) else None

    def counts(self, each: Inbound, reasons: list[Reason], now: datetime) -> bool:
        """Note a refusal; return whether it is counted instead of kept by itself.

        What may be a call is kept, unless its sender is set apart: somebody must look at each.
        """
        self._learn()
        own = sender_of(each.record)
        sender = self._serving or own
        self._refused_in_turn += 1
        kind = kind_of(each.event_type, reasons[0].field)
        kept = self._refusals.keep(sender, kind, now)
        if self._refusals.too_many(sender, now):
            self._set_apart(sender, each.record, now)
        unknown = self._serving is None and not self._knows(own)
        if unknown and self._refusals.too_many_of_others(own.topic, now):
            self._set_apart(Sender(own.topic, OTHERS), each.record, now)
        if kept or (each.is_call and self._serving is None):
            return False
        self._counted.add(each, sender, kind, reasons)
        return True

    def note_refused(self, record: Record, now: datetime) -> None:
        """Note the refusal of what waited until all was read; it has a letter of its own."""
        self._learn()
        sender = sender_of(record)
        if self._refusals.too_many(sender, now):
            self._set_apart(sender, record, now)

    def note_crossed(self, record: Record, now: datetime) -> None:
        """Note what crossed with something, which is no fault: but for one who says it for ever."""
        self._learn()
        sender = self._serving or sender_of(record)
        if self._refusals.crosses_too_often(sender, now):
            self._refused_in_turn += 1
            if self._refusals.too_many(sender, now):
                self._set_apart(sender, record, now)

    def _knows(self, sender: Sender) -> bool:
        return sender in self._known or sender in self._learned

    def _set_apart(self, sender: Sender, record: Record, now: datetime) -> None:
        if sender not in self._apart:
            self._new.setdefault(sender, record)
        self._too_many[sender] = now

    def _learn(self) -> None:
        """Note whose inputs have taken effect; who had to wait apart for it is not known by it."""
        if not self.taken:
            return
        if self._serving is not None:
            self._refusals.accepted(self._serving, len(self.taken))
        else:
            senders = Counter([sender_of(record) for record in self.taken])
            for sender, count in senders.items():
                self._refusals.accepted(sender, count)
            self._learned.update(senders)
        self.taken = []

    async def tell(self, tx: Transaction, city: City, now: datetime) -> None:
        """Emit the letters of what was counted, and say once who is set apart."""
        for sender, record in self._new.items():
            at = record.incarnation, record.topic, record.partition, record.offset
            begin(city, now, *at, sender.source)
            escalate(
                city,
                "source_set_apart",
                None,
                sender.source,
                f"too many inputs of {sender.source} on {sender.topic} were refused: whatever it"
                " sends waits apart and is dealt with in its turn, behind everybody else's",
            )
        await self._counted.tell(tx, city, now)

    def settle(self) -> None:
        """Make final what the transaction has noted."""
        self._learn()
        self._refusals.settle()
        for sender in self._learned:
            self._known[sender] = None
            self._known.move_to_end(sender)
        while len(self._known) > MOST_SENDERS:
            self._known.popitem(last=False)
        if self._serving is not None:
            self._end_turn(self._serving)
        if self._too_many:
            self._apart |= self._too_many
        if self._waits:
            self.written += sum(map(len, self._waits.values()))
            for sender in self._waits:
                self._apart.setdefault(sender, _LONG_AGO)
        if self._released is not None:
            self._let_go(*self._released)
        self._forget()

    def _end_turn(self, sender: Sender) -> None:
        self._served[self._meanwhile] = sender
        self.refused = self._refused_in_turn / self._turn
        if self.refused > IN_VAIN:
            self._in_vain.add(sender)
        else:
            self._in_vain.discard(sender)

    def abandon(self) -> None:
        """Take back what the transaction that has not been has noted."""
        self._refusals.abandon()
        self._forget()

    def _forget(self) -> None:
        self._serving = self._released = None
        self._turn = self._refused_in_turn = 0
        self._waits = {}
        if self.taken:
            self.taken = []
        if self._learned:
            self._learned = set()
        if self._too_many:
            self._too_many, self._new = {}, {}
        self._counted.forget()

    # -- those whose turn it is

    @property
    def worthwhile(self) -> Collection[Sender]:
        """Of whom something waits, but for those of whose last turn most was refused."""
        return self._waiting - self._in_vain

    async def next(
        self, tx: Transaction, at_once: int, among: Collection[Sender] | None = None
    ) -> Sequence[Record]:
        """Take up to so many records of the next sender off what waits; none when nothing waits."""
        names = (None, None) if among is None else tuple(map(list, zip(*among, strict=True)))
        self._meanwhile = among is not None
        last = self._served[self._meanwhile]
        rows = await tx.fetch("next_set_apart", *last, at_once, ROW_BYTES, *names)
        if not rows:
            return ()
        self._serving = Sender(rows[0]["topic"], rows[0]["source"])
        records = [each for row in rows for each in _unpacked(row["topic"], row["held"])]
        # All that is beyond is of the last row.
        left = records[at_once:]
        numbers = [row["number"] for row in rows]
        held = _packed(left) if left else None
        await tx.execute("rest_set_apart", numbers, numbers[-1], len(left), held)
        self._turn = min(len(records), at_once)
        return records[:at_once]

    async def release(self, tx: Transaction, now: datetime) -> None:
        """Let those go of whom nothing waits, and who were not refused too often for a while."""
        waiting = {Sender(*row) for row in await tx.fetch("senders_set_apart")}
        self._released = waiting, now

    def hear(self, waiting: Iterable[Sender], now: datetime, written: int) -> None:
        """Take over of whom something waits, by the database, when `written` was so much."""
        self._waiting = waiting = set(waiting)
        self._in_vain &= waiting
        for sender in waiting:
            self._apart.setdefault(sender, _LONG_AGO)
        if written == self.written:
            self._let_go(waiting, now)

    def _let_go(self, waiting: Collection[Sender], now: datetime) -> None:
        for sender, refused in list(self._apart.items()):
            if sender not in waiting and now - refused > WINDOW:
                del self._apart[sender]


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
    """Return records as a line of JSON and, behind it, all that came as bytes, end to end."""
    shapes: dict[tuple[str, ...], int] = {}
    told: list[tuple[object, ...]] = []
    parts: list[bytes | None] = []
    for record in records:
        parts += record.key, record.value
        names: list[str] = []
        for name, content in record.headers:
            names.append(name)
            parts.append(content)
        shape = shapes.setdefault(tuple(names), len(shapes))
        told.append(
            (
                record.incarnation,
                record.partition,
                record.offset,
                record.timestamp_ms,
                shape,
                record.unreadable,
                record.first_offset,
            )
        )
    lengths = [None if part is None else len(part) for part in parts]
    line = orjson.dumps(([[_as_latin(name) for name in names] for names in shapes], told, lengths))
    return line + b"\n" + b"".join([part for part in parts if part])


def _unpacked(topic: str, held: bytes) -> list[Record]:
    line, _, raw = held.partition(b"\n")
    shapes, told, lengths = orjson.loads(line)
    named = [[_from_latin(name) for name in names] for names in shapes]
    parts = _cut(raw, lengths)
    return [
        Record(
            topic=topic,
            partition=partition,
            offset=offset,
            timestamp_ms=timestamp_ms,
            key=next(parts),
            value=next(parts),
            headers=tuple((name, next(parts)) for name in named[shape]),
            incarnation=incarnation,
            unreadable=unreadable,
            first_offset=first_offset,
        )
        for incarnation, partition, offset, timestamp_ms, shape, unreadable, first_offset in told
    ]


def _cut(raw: bytes, lengths: Iterable[int | None]) -> Iterator[bytes | None]:
    """Yield the parts of so many bytes each; None stands for what was null."""
    at = 0
    for length in lengths:
        if length is None:
            yield None
        else:
            yield raw[at : at + length]
            at += length


def _as_latin(name: str) -> str:
    """Return a header's name as text that any encoding takes."""
    return name.encode("utf-8", "surrogatepass").decode("latin-1")


def _from_latin(name: str) -> str:
    return name.encode("latin-1").decode("utf-8", "surrogatepass")
