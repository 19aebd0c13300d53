"""Lives of calls as other people's clients send them: received, then answered or cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from dispatch.topics.cloudevents import timestamp
from tests.acceptance.service import call

SOURCE: Final = "somebody-elses-client"

Transaction = Literal["committed", "aborted", "open"]
Mode = Literal["binary", "structured"]


@dataclass(frozen=True, slots=True)
class Said:
    """One event: its type, what it is about, and its data."""

    event_type: str
    call_id: str
    data: dict[str, Any]

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of its CloudEvent, by their names."""
        return {
            "specversion": "1.0",
            "id": f"{self.call_id}/{self.event_type}",
            "source": SOURCE,
            "type": self.event_type,
            "datacontenttype": "application/json",
        }


@dataclass(frozen=True, slots=True)
class Life:
    """What one client, set up in one way, says of one call of its own.

    `sdk` is the mode in which an SDK of CloudEvents writes its events; without, they are written by
    hand in binary mode. An open transaction is never ended by its client.
    """

    call_id: str
    client: str
    events: tuple[Said, ...]
    codec: str = "none"
    partitioner: str = "murmur2"
    transaction: Transaction | None = None
    sdk: Mode | None = None

    @property
    def takes_effect(self) -> bool:
        """Whether the service hears of it."""
        return self.transaction in (None, "committed")

    @property
    def cancelled(self) -> bool:
        """Whether it ends with a cancellation, and not with the answers."""
        return self.events[-1].event_type == "call.cancelled"

    def described(self) -> dict[str, Any]:
        """Return it as it is told to a client in another language."""
        return {
            "codec": self.codec,
            "partitioner": self.partitioner,
            "transaction": self.transaction,
            "sdk": self.sdk,
            "key": self.call_id,
            "events": [{"attributes": each.attributes, "data": each.data} for each in self.events],
        }


# What each client has, as it calls it; the partitioner that all have comes first.
CODECS: Final = {
    "confluent-kafka": ("none", "gzip", "snappy", "lz4", "zstd"),
    "aiokafka": ("none", "gzip", "snappy", "lz4", "zstd"),
    "kafkajs": ("none", "gzip"),
    "java": ("none", "gzip", "snappy", "lz4", "zstd"),
}
PARTITIONERS: Final = {
    "confluent-kafka": (
        *("murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a", "fnv1a_random"),
        "random",
    ),
    "aiokafka": ("murmur2",),
    "kafkajs": ("murmur2", "legacy"),
    "java": ("murmur2", "round_robin", "ignoring_keys"),
}
TRANSACTIONS: Final[tuple[Transaction, ...]] = ("committed", "aborted", "open")
# Those that write with the SDK of CloudEvents of their language, too.
MODES: Final[tuple[Mode, ...]] = ("binary", "structured")
SDKS: Final[dict[str, tuple[Mode, ...]]] = {"aiokafka": MODES, "kafkajs": MODES}


def lives_of(client: str, first: int) -> list[Life]:
    """Return every life of a client; the places of its calls are numbered from `first`."""
    usual = PARTITIONERS[client][0]
    ways: list[dict[str, Any]] = [
        *({"codec": codec, "partitioner": usual} for codec in CODECS[client]),
        *({"partitioner": each} for each in PARTITIONERS[client][1:]),
        *({"partitioner": usual, "transaction": each} for each in TRANSACTIONS),
        *({"partitioner": usual, "sdk": mode} for mode in SDKS.get(client, ())),
    ]
    return [
        Life(f"{client}-{number}", client, _events(f"{client}-{number}", number), **way)
        for number, way in enumerate(ways, start=first)
    ]


def all_lives(clients: Sequence[str]) -> list[Life]:
    """Return the lives of some clients, each call at a place of its own."""
    return [
        life
        for index, client in enumerate(clients)
        for life in lives_of(client, first=1 + 40 * index)
    ]


def _events(call_id: str, number: int) -> tuple[Said, Said]:
    """Return a call that asks for the four questions, and every other time their answers."""
    received = call(call_id, number)
    received["patient"] = {"condition": "stable", "symptoms": ["fever"], "case_status": "none"}
    now = timestamp(datetime.now(UTC))
    if number % 2:
        items = dict.fromkeys(("travel", "residence", "close_contact", "exposure"), "unknown")
        body = {"call_id": call_id, "answered_at": now, "epidemiology": items}
        return Said("call.received", call_id, received), Said("call.answered", call_id, body)
    body = {"call_id": call_id, "at": now, "by": "console", "reason": "not needed"}
    return Said("call.received", call_id, received), Said("call.cancelled", call_id, body)
