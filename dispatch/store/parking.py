"""Inputs that overtook the call they refer to: kept until it comes, or until their time is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from dispatch.domain.city import City
from dispatch.store.inbound import Inbound
from dispatch.store.sql import STATEMENTS
from dispatch.topics.envelope import Record


@dataclass(frozen=True, slots=True)
class Parked:
    """An input that waits for a call."""

    identity: str
    call_id: str
    record: Record


class Parking:
    """The parked inputs that one transaction has to do with, and what becomes of them."""

    def __init__(self, connection: asyncpg.Connection, city: City) -> None:
        self._connection = connection
        self._city = city
        self._stored: dict[str, Parked] = {}
        self._new: dict[str, Parked] = {}
        self._gone: list[str] = []
        # What became of those that wait no more.
        self.outcomes: dict[str, str] = {}

    async def open_for(self, call_ids: Iterable[str], identities: Iterable[str] = ()) -> None:
        """Read what waits for some calls, and what some timers are about."""
        asked = list(call_ids), list(identities)
        rows = await self._connection.fetch(STATEMENTS["parked_for"], *asked) if any(asked) else ()
        for row in rows:
            record = Record(
                topic=row["topic"],
                partition=row["partition"],
                offset=row["offset"],
                timestamp_ms=row["timestamp_ms"],
                key=row["key"],
                value=row["value"],
                headers=tuple(zip(row["header_names"], row["header_values"], strict=True)),
            )
            self._stored[row["identity"]] = Parked(row["identity"], row["call_id"], record)

    def park(self, call_id: str, identity: str, inbound: Inbound) -> None:
        """Let an input wait for its call, for as long as the pack allows."""
        self._new[identity] = Parked(identity, call_id, inbound.record)
        limit = timedelta(seconds=self._city.pack.events.parked_seconds)
        self._city.set_timer("parked", identity, self._city.now + limit)

    def release(self, call_id: str) -> list[Parked]:
        """Return what has waited for a call that has come, in the order it was parked."""
        released = [p for p in self._stored.values() if p.call_id == call_id]
        released += [p for p in self._new.values() if p.call_id == call_id]
        for parked in released:
            self._forget(parked.identity)
            self._city.cancel_timer("parked", parked.identity)
        return released

    def waits_for(self, identity: str) -> str | None:
        """Return the call that an input is parked for, if it is."""
        parked = self._stored.get(identity)
        return None if parked is None else parked.call_id

    def expire(self, identity: str) -> Parked | None:
        """Return an input whose time is over, if it is still parked."""
        parked = self._stored.get(identity)
        if parked is not None:
            self._forget(identity)
        return parked

    async def write(self) -> None:
        """Write what was parked, what no longer is, and what became of it."""
        if self._gone:
            outcomes = [self.outcomes[identity] for identity in self._gone]
            await self._connection.execute(STATEMENTS["unpark"], self._gone, outcomes)
        for parked in self._new.values():
            record = parked.record
            await self._connection.execute(
                STATEMENTS["park"],
                parked.identity,
                parked.call_id,
                record.topic,
                record.partition,
                record.offset,
                record.timestamp_ms,
                record.key,
                record.value,
                [name for name, _ in record.headers],
                [value for _, value in record.headers],
            )

    def _forget(self, identity: str) -> None:
        if self._new.pop(identity, None) is None:
            del self._stored[identity]
            self._gone.append(identity)
