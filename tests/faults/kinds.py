"""The kinds of faults, and the seeded plan of them."""

from enum import StrEnum
from random import Random
from typing import Final


class Kind(StrEnum):
    """A kind of fault."""

    KILL = "worker killed at a step"
    STOP = "worker stopped at a step for longer than its session"
    BROKER = "leader of a partition killed, and started again"
    ROLLING = "brokers restarted one after the other"
    BROKER_PAUSE = "broker paused"
    DATABASE = "database restarted"
    DATABASE_CRASH = "database ended as by a power cut"
    SWITCHOVER = "switchover of the database to a standby, and back"
    FULL_DISK = "no room on the event log's disk"
    TRANSACTION = "connection ended in the middle of a transaction"
    CUT_BROKERS = "worker cut off from the brokers"
    CUT_DATABASE = "worker cut off from the database"
    HELD_BROKERS = "nothing arrives between a worker and a broker"
    HELD_DATABASE = "nothing arrives between a worker and the database"
    REPEAT = "inputs published again"
    POISON = "bad input of every kind"
    CODECS = "inputs compressed by every codec of another client"
    UNREADABLE = "a record that no client can read, between two calls"
    ABORTED = "inputs in a transaction that is aborted"
    OPEN = "inputs in a transaction that stays open"
    OVERSIZED = "bad input with more reasons than fit anywhere"
    FLOOD = "a flood of bad input from one source"
    BLOCKED_LOG = "a worker's log that nobody drains"
    WORKER_CLOCK = "a worker whose machine's clock is fast or slow"
    DEVICE_CLOCKS = "devices whose clocks are fast or slow"
    PARTITIONERS = "inputs placed by two partitioners"
    DEAD_ZONE = "crews in a dead zone, who are heard later"
    LATE_SIGNATURES = "hospitals that are heard late"


# How often each is drawn, in comparison.
WEIGHTS: Final[dict[Kind, int]] = {
    Kind.KILL: 30,
    Kind.STOP: 12,
    Kind.BROKER: 10,
    Kind.ROLLING: 1,
    Kind.BROKER_PAUSE: 5,
    Kind.DATABASE: 5,
    Kind.DATABASE_CRASH: 4,
    Kind.SWITCHOVER: 3,
    Kind.FULL_DISK: 4,
    Kind.TRANSACTION: 10,
    Kind.CUT_BROKERS: 6,
    Kind.CUT_DATABASE: 6,
    Kind.HELD_BROKERS: 5,
    Kind.HELD_DATABASE: 5,
    Kind.REPEAT: 5,
    Kind.POISON: 4,
    Kind.CODECS: 5,
    Kind.UNREADABLE: 6,
    Kind.ABORTED: 5,
    Kind.OPEN: 4,
    Kind.OVERSIZED: 4,
    Kind.FLOOD: 4,
    Kind.BLOCKED_LOG: 5,
    Kind.WORKER_CLOCK: 6,
    Kind.DEVICE_CLOCKS: 6,
    Kind.PARTITIONERS: 5,
    Kind.DEAD_ZONE: 6,
    Kind.LATE_SIGNATURES: 6,
}
# What only several brokers stand, or only Apache Kafka knows.
_OF_BROKERS: Final = frozenset(
    {Kind.BROKER, Kind.ROLLING, Kind.BROKER_PAUSE, Kind.ABORTED, Kind.OPEN}
)
# Beside these, whoever else calls is answered as usual.
OTHERS_UNHARMED: Final = frozenset({Kind.UNREADABLE, Kind.OVERSIZED, Kind.FLOOD, Kind.BLOCKED_LOG})


def plan_of_faults(count: int, seed: int, *, brokers: bool) -> list[Kind]:
    """Return so many faults in seeded order: each kind once at least, if there is room.

    Without `brokers` nothing is done to the brokers themselves.
    """
    random = Random(f"{seed}/faults")
    kinds = [kind for kind in Kind if brokers or kind not in _OF_BROKERS]
    drawn = random.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=max(0, count - len(kinds)))
    chosen = [*drawn, *kinds][-count:] if count else []
    random.shuffle(chosen)
    return chosen
