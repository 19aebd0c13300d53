"""Whose topics these are: looked at before a worker begins, and again and again while it works."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from dispatch.agents.errand import Errand
from dispatch.agents.patience import Patience
from dispatch.claim import Claim, contested_by
from dispatch.cluster import cluster_id_of, notes_beside_offsets
from dispatch.errors import BoundElsewhere
from dispatch.metrics import Metrics

log = structlog.get_logger(__name__)

# Without the prefix: the topic whose group says whose all of them are.
TOPIC = "calls"
# So long a claim may be on its way, until which it counts as written: three looks.
ON_ITS_WAY_SECONDS: Final = 30.0


class ClaimedTopics:
    """The topics of one prefix, and the databases that have claimed them."""

    def __init__(self, client_options: Mapping[str, Any], prefix: str) -> None:
        self._client_options = client_options
        self._topic = prefix + TOPIC

    async def cluster_id(self) -> str:
        """Return the id of the cluster; raises Unavailable."""
        return await cluster_id_of(self._client_options)

    def says_whose(self, topic: str) -> bool:
        """Tell whether a topic's claims say whose all of them are."""
        return topic == self._topic

    async def claims(self) -> Sequence[Claim]:
        """Return the claims written beside the offsets; none on a broker that keeps none."""
        notes = await notes_beside_offsets(self._client_options, self._topic)
        claims = (Claim.read(note) for note in notes)
        return [claim for claim in claims if claim is not None]


class Ownership(Errand):
    """Ends the worker when another database has claimed the topics."""

    poll_seconds = 10.0
    work = "ownership"

    def __init__(
        self, topics: ClaimedTopics, own: Claim, patience: Patience, metrics: Metrics
    ) -> None:
        super().__init__(patience, metrics)
        self._topics = topics
        self._own = own
        # Monotonic.
        self._claimed_at: float | None = None
        self._gives_way = False

    def may_claim(self, topic: str) -> bool:
        """Tell whether this worker may claim a topic; after it gave way it claims none.

        Or the other, which goes on, would see the claim and give way to it in its turn.
        """
        if not self._gives_way and self._topics.says_whose(topic):
            self._claimed_at = time.monotonic()
        return not self._gives_way

    async def end_at_another_cluster(self, cluster_id: str) -> None:
        """End the worker: what it reads is not on the cluster any more that it began with."""
        await self.crash(
            BoundElsewhere(
                f"Kafka is another cluster by now, {cluster_id}; this worker of {self._own} ends. "
                "If its topics are to be this database's, run `dispatch adopt`"
            )
        )

    async def round(self) -> None:
        """Look who has claimed the topics."""
        written = await self._topics.claims()
        other = contested_by(self._own, written, has_claimed=self._has_claimed())
        if other is not None:
            self._gives_way = True
            log.error("another database reads these topics", other=str(other), own=str(self._own))
            await self.crash(
                BoundElsewhere(
                    f"another database reads these topics since {other.since}: {other}; this "
                    f"worker of {self._own} ends"
                )
            )

    def _has_claimed(self) -> bool:
        """Tell whether a claim of this worker's may be on its way; an older one has been seen."""
        since = self._claimed_at
        return since is not None and time.monotonic() - since < ON_ITS_WAY_SECONDS
