"""What institutions read on the `placements` topic, keyed by transfer_id or batch_id.

`institution_id` names the one that asked; each has a topic of its own beside it.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from dispatch.topics.announcement import Announcement, Reason, Shaped
from dispatch.topics.codes import Refused, TransferKindCode
from dispatch.topics.shapes import Trip, Unplaced

TransferStatus = Literal[
    "requested", "offered", "accepted", "diverted", "unplaced", "completed", "cancelled"
]
BatchStatus = Literal["requested", "planning", "planned", "completed", "cancelled"]


class TransferProgressed(Announcement):
    """Where a request stands: which hospital is asked, has accepted or diverted, and why.

    `unplaced` means that no hospital has room now: it is asked for again, and escalated.
    """

    event_type: ClassVar[str] = "transfer.progressed"
    transfer_id: str
    at: datetime
    status: TransferStatus
    kind: TransferKindCode
    patients: int
    hospital_id: str | None
    offer_id: str | None
    because: str
    institution_id: str | None = None


class BatchPlanned(Announcement):
    """The plan of a batch, or the next one after something changed: `revision` counts them.

    Each trip names its unit, its patients with their bed kinds, its hospital and its times;
    `unplaced` says of the others why. `bound_seconds` is a lower bound on `makespan_seconds`.
    """

    event_type: ClassVar[str] = "batch.planned"
    batch_id: str
    at: datetime
    revision: int
    because: str
    trips: list[Annotated[dict[str, Any], Shaped(Trip)]]
    unplaced: list[Annotated[dict[str, Any], Shaped(Unplaced)]]
    makespan_seconds: float
    bound_seconds: float
    complete_by: datetime | None
    in_time: bool | None
    institution_id: str | None = None


class BatchProgressed(Announcement):
    """Where a batch stands: how many patients have arrived, are on the way, wait, can't go."""

    event_type: ClassVar[str] = "batch.progressed"
    batch_id: str
    at: datetime
    status: BatchStatus
    arrived: int
    on_the_way: int
    waiting: int
    unplaced: int
    because: str
    institution_id: str | None = None


class TransferRejected(Announcement):
    """An input of an institution was refused; nothing changed. The original is a dead letter."""

    event_type: ClassVar[str] = "transfer.rejected"
    transfer_id: str
    at: datetime
    refused: Refused
    reasons: list[Reason]
    institution_id: str | None = None


OUTPUTS = (TransferProgressed, BatchPlanned, BatchProgressed, TransferRejected)
