"""The invariants of the service, decided over the whole history of a run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """An input that was published, and what the inbox says of it (None: nothing)."""

    identity: str
    type: str
    topic: str
    partition: int
    offset: int
    outcome: str | None
