"""Inputs that are not legal yet: kept until they are, or until nothing can make them so any more.

Each waits under one subject (`domain/subjects.py`), and is tried again whenever that changes. How
many wait is bounded, of each subject, each sender and all: nobody's flood takes the others' room.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from dispatch.domain.awaited import PARKED
from dispatch.domain.city import City
from dispatch.domain.subjects import said_at
from dispatch.store.database import Transaction
from dispatch.store.inbound import Inbound
from dispatch.store.refusals import OTHERS, Sender
from dispatch.store.sql import STATEMENTS
from dispatch.topics.announcement import Reason
from dispatch.topics.envelope import Record

# How many may wait: in all, of one sender, and under one subject.
MOST: Final = 10_000
MOST_OF_SENDER: Final = 5_000
MOST_OF_OTHERS: Final = 1_000
MOST_OF_SUBJECT: Final = 100

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parked:
    """An input that waits: under a subject, and as whose it counts.

    `unknown` says that it refers to something of which nobody has heard. `since` (aware UTC) is
    when it was read. `number` is its place among those parked before this transaction, None of one
    that was parked in it.
    """

    identity: str
    subject: str
    sender: Sender
    unknown: bool
    since: datetime | None
    number: int | None
    inbound: Inbound

    @property
    def order(self) -> tuple[int, datetime, bool, int]:
        """When it was appended at the broker, then its own time, then when it was parked."""
        event = self.inbound.event
        said = None if event is None else said_at(event)
        appended = self.inbound.record.timestamp_ms
        return appended, said or _ALWAYS, self.number is None, self.number or 0


class Places:
    """How many inputs wait, by subject and sender, as the database has it."""

    def __init__(self) -> None:
        self._inputs = 0
        self._subjects: dict[str, int] = {}
        self._senders: dict[Sender, int] = {}
        # Of which working set and version it is told.
        self._of: tuple[City, int] | None = None

    def __bool__(self) -> bool:
        return bool(self._inputs)

    async def hear(self, tx: Transaction, city: City) -> None:
        """Learn what others have parked or taken out, if they have."""
        if self._of is not None and self._of[0] is city and tx.parked_version <= self._of[1]:
            return
        self._inputs, self._subjects, self._senders = 0, {}, {}
        for row in await tx.fetch("parked_by_subject"):
            self._add(row["subject"], Sender(row["topic"], row["source"]), row["inputs"])
        self._of = city, tx.version - 1

    def settle(self, city: City, version: int) -> None:
        """Make final what was added and taken out: a version of this process's has written it."""
        self._of = city, version

    def abandon(self) -> None:
        """Begin anew with what the database holds."""
        self._of = None

    def among(self, subjects: Collection[str]) -> set[str]:
        """Return those of some subjects for which anything waits."""
        return {each for each in subjects if each in self._subjects}

    def have_room(self, subject: str, sender: Sender) -> bool:
        """Return whether one more may wait, under a subject and as a sender's."""
        most = MOST_OF_OTHERS if sender.source == OTHERS else MOST_OF_SENDER
        return (
            self._inputs < MOST
            and self._subjects.get(subject, 0) < MOST_OF_SUBJECT
            and self._senders.get(_whoever(sender), 0) < most
        )

    def add(self, parked: Parked) -> None:
        """Count one that begins to wait."""
        self._add(parked.subject, parked.sender, 1)

    def take_out(self, parked: Parked) -> None:
        """Count one less."""
        self._add(parked.subject, parked.sender, -1)

    def _add(self, subject: str, sender: Sender, more: int) -> None:
        sender = _whoever(sender)
        self._inputs += more
        self._subjects[subject] = self._subjects.get(subject, 0) + more
        self._senders[sender] = self._senders.get(sender, 0) + more
        if not self._subjects[subject]:
            del self._subjects[subject]
        if not self._senders[sender]:
            del self._senders[sender]


def _whoever(sender: Sender) -> Sender:
    """Return as whose an input counts: those whom nobody knows do together, on any topic."""
    return Sender("", OTHERS) if sender.source == OTHERS else sender


class Parking:
    """The parked inputs that one transaction has to do with, and what becomes of them."""

    def __init__(
        self, tx: Transaction, city: City, places: Places, read: Callable[[Record], Inbound]
    ) -> None:
        self._tx = tx
        self._city = city
        self._places = places
        self._read = read
        self._subjects_read: set[str] = set()
        self._stored: dict[str, Parked] = {}
        self._new: dict[str, Parked] = {}
        self._gone: dict[str, Parked] = {}
        self._now_known: list[str] = []
        self._written = False
        # Why those that were tried may not take effect yet.
        self._reasons: dict[str, list[Reason]] = {}
        # What became of those that wait no more.
        self.outcomes: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._places)

    # -- what begins to wait

    def has_room(self, subject: str, sender: Sender) -> bool:
        """Return whether one more may wait, under a subject and as a sender's."""
        return self._places.have_room(subject, sender)

    def park(
        self, identity: str, inbound: Inbound, *, subject: str, sender: Sender, unknown: bool
    ) -> None:
        """Let an input wait: until all is read, or, for what is unknown, as the pack allows."""
        now = self._city.now
        self._new[identity] = parked = Parked(
            identity, subject, sender, unknown, now, None, inbound
        )
        self._places.add(parked)
        limit = self._city.pack.events.parked_seconds if unknown else 0
        self._city.set_timer(PARKED, identity, self._city.now + timedelta(seconds=limit))

    # -- what is tried again

    def waiting_for(self, subjects: Collection[str]) -> set[str]:
        """Return those of some subjects for which anything waits."""
        return self._places.among(subjects)

    async def read(self, subjects: Iterable[str], identities: Iterable[str] = ()) -> None:
        """Read what waits for some subjects, and some inputs, where that has not been done."""
        asked = [each for each in subjects if each not in self._subjects_read]
        named = [each for each in identities if each not in self._stored]
        if not asked and not named:
            return
        self._subjects_read.update(asked)
        for row in await self._tx.fetch("parked_for", asked, named):
            identity = row["identity"]
            if identity in self._stored or identity in self._gone:
                continue
            record = Record(
                topic=row["topic"],
                partition=row["partition"],
                offset=row["offset"],
                timestamp_ms=row["timestamp_ms"],
                key=row["key"],
                value=row["value"],
                headers=tuple(zip(row["header_names"], row["header_values"], strict=True)),
            )
            sender = Sender(row["topic"], row["source"])
            self._stored[identity] = Parked(
                identity, row["subject"], sender, row["unknown"], row["since"], row["number"],
                self._read(record),
            )  # fmt: skip

    def under(self, subjects: Collection[str]) -> list[Parked]:
        """Return what waits for some subjects and was read: as appended, then by its own time."""
        found = (*self._stored.values(), *self._new.values())
        return sorted((p for p in found if p.subject in subjects), key=lambda p: p.order)

    def named(self, identities: Collection[str]) -> list[Parked]:
        """Return those of some inputs that wait and were read, in the same order."""
        found = (*self._stored.values(), *self._new.values())
        return sorted((p for p in found if p.identity in identities), key=lambda p: p.order)

    def waits_on(self, identity: str, reasons: list[Reason], *, unknown: bool) -> None:
        """Note that one that was tried waits on, and why; what is known now waits less long."""
        self._reasons[identity] = reasons
        parked = self._stored.get(identity) or self._new.get(identity)
        if parked is None or unknown or not parked.unknown:
            return
        known = replace(parked, unknown=False)
        if identity in self._new:
            self._new[identity] = known
        else:
            self._stored[identity] = known
            self._now_known.append(identity)
        self._city.set_timer(PARKED, identity, self._city.now)

    def waits(self, identity: str) -> bool:
        """Return whether an input that was read waits still."""
        return identity in self._stored or identity in self._new

    def reasons(self, identity: str) -> list[Reason]:
        """Return why an input may not take effect, by the last try."""
        return self._reasons[identity]

    def leave(self, identity: str, outcome: str) -> None:
        """Note what became of an input: it waits no more."""
        if (parked := self._new.pop(identity, None)) is None:
            self._gone[identity] = parked = self._stored.pop(identity)
        self._places.take_out(parked)
        self._city.cancel_timer(PARKED, identity)
        self.outcomes[identity] = outcome

    # -- how it ends

    async def write(self) -> None:
        """Write what was parked, what no longer is, and what became of it."""
        if not self._gone and not self._new and not self._now_known:
            return
        self._written = True
        if self._gone:
            outcomes = [self.outcomes[identity] for identity in self._gone]
            await self._tx.execute("unpark", list(self._gone), outcomes)
        if self._new:
            await self._tx.connection.executemany(
                STATEMENTS["park"], [_row(parked) for parked in self._new.values()]
            )
        await self._tx.execute("note_parked", self._now_known)

    def settle(self) -> None:
        """Make it final: it is committed."""
        if self._written:
            self._places.settle(self._city, self._tx.version)


def _row(parked: Parked) -> tuple[object, ...]:
    record = parked.inbound.record
    return (
        parked.identity,
        parked.subject,
        parked.sender.source,
        parked.unknown,
        record.topic,
        record.partition,
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        [name for name, _ in record.headers],
        [value for _, value in record.headers],
    )
