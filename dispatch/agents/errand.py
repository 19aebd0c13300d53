"""A service that does one round of work after another, by poll and by hint."""

import abc
import asyncio

import mode
import structlog

from dispatch.agents.patience import Interrupted, Patience, persist
from dispatch.metrics import Metrics

log = structlog.get_logger(__name__)


class Errand(mode.Service, abc.ABC):
    """Does `round` every `poll_seconds` of wall time, sooner when `wake` was called."""

    poll_seconds: float
    work: str

    def __init__(self, patience: Patience, metrics: Metrics) -> None:
        super().__init__()
        self._patience = patience
        self._metrics = metrics
        self._woken = asyncio.Event()
        self._at_work = asyncio.Lock()

    @abc.abstractmethod
    async def round(self) -> None:
        """Do what there is to do, and return when there is nothing more."""

    def wake(self) -> None:
        """Start the next round now."""
        self._woken.set()

    async def on_stop(self) -> None:
        """Let the round in hand end."""
        self._woken.set()
        try:
            async with asyncio.timeout(self._patience.stop_limit), self._at_work:
                pass
        except TimeoutError:
            log.warning("gave up the round in hand", work=self.work)

    @mode.Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            self._woken.clear()
            try:
                await persist(
                    self._round,
                    name=self.work,
                    patience=self._patience,
                    metrics=self._metrics,
                    rest=self._rest,
                )
            except Interrupted:
                return
            try:
                async with asyncio.timeout(self.poll_seconds):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _round(self) -> None:
        async with self._at_work:
            await self.round()

    async def _rest(self, seconds: float) -> None:
        await self.sleep(seconds)
        if self.should_stop:
            raise Interrupted
