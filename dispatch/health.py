"""How the desk is doing, as the service tells its operators."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeskHealth:
    """What waits, how much and for how long; ages are in seconds, 0 where nothing waits.

    `writable` says whether the database accepts writes, `unpublished` counts events that are not
    known to have reached Kafka (their age is wall time), `queue_length` incidents that wait for a
    crew (their age is that of the service's clock), `parked` inputs that wait for their call,
    `set_apart` those of senders that were refused too often, `open_incidents` incidents that this
    process has in memory.
    """

    writable: bool
    unpublished: int
    unpublished_age: float
    queue_length: int
    queue_age: float
    parked: int
    open_incidents: int = 0
    set_apart: int = 0
