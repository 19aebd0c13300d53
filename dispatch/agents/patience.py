"""How long the services wait, and how they go on by themselves after an infrastructure fault."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from aiokafka.errors import KafkaError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    retry_if_not_exception_type,
    wait_exponential,
    wait_random,
)

from dispatch.errors import Unavailable
from dispatch.metrics import Metrics

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits and pauses, all in seconds of wall time."""

    first_pause: float = 0.2
    # Less than a limit waits for a partition that stands: what has a fault behind it goes on first.
    # And the last of them must not double what a switchover takes.
    longest_pause: float = 5.0
    # After it a batch without an answer is put again; replays take no effect.
    batch_limit: float = 30.0
    # A worker that stops gives the batch in hand this long.
    stop_limit: float = 10.0
    # Limits wait so long for a partition of which nothing is dealt with; those of a worker that
    # died have another sooner.
    standstill_limit: float = 15.0
    # And so long for one that is being dealt with.
    backlog_limit: float = 600.0
    # A worker is not ready when one of its partitions has stood so long with records waiting.
    standing_limit: float = 30.0
    # A worker without a database that takes writes leaves its partitions to others after so long.
    database_limit: float = 20.0
    # What a revocation may take of the session timeout: the others wait for it.
    revocation_share: float = 0.4


class Overdue(Exception):
    """A batch had no answer within its limit."""


INFRASTRUCTURE = (Unavailable, KafkaError, OSError, Overdue)


class Interrupted(Exception):
    """The work was given up between two attempts: the service stops or lost its partitions."""


async def persist(
    work: Callable[[], Awaitable[T]],
    *,
    name: str,
    patience: Patience,
    metrics: Metrics,
    rest: Callable[[float], Awaitable[None]],
    only: tuple[type[Exception], ...] = (Exception,),
) -> T:
    """Do `work`; whenever it raises one of `only`, rest, longer each time, and do it again.

    A defect is not given up either: nothing may be lost by it, and its log line is louder.
    `rest` is called with the seconds to pause, and raises Interrupted to give up.
    """

    def report(state: RetryCallState) -> None:
        assert state.outcome is not None
        assert state.next_action is not None
        metrics.retries.labels(work=name).inc()
        error = state.outcome.exception()
        assert error is not None
        context = {
            "work": name,
            "attempt": state.attempt_number,
            "pause_seconds": round(state.next_action.sleep, 2),
            "error": type(error).__name__,
        }
        if isinstance(error, INFRASTRUCTURE):
            log.warning("waiting for the infrastructure", reason=str(error), **context)
        else:
            log.error("defect, trying again", exc_info=error, **context)

    async def attempt() -> T:
        # Tenacity awaits only what it recognises as a coroutine function.
        return await work()

    attempts = AsyncRetrying(
        retry=retry_if_exception_type(only) & retry_if_not_exception_type(Interrupted),
        wait=wait_exponential(multiplier=patience.first_pause, max=patience.longest_pause)
        + wait_random(0, patience.first_pause),
        sleep=rest,
        before_sleep=report,
    )
    return await attempts(attempt)
