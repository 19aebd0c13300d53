"""A worker's life: reach the broker and the database, work until told to stop."""

import asyncio
import gc
import signal
from collections.abc import Collection
from typing import Any, Protocol

import structlog

from dispatch.agents.app import create_app, serve
from dispatch.agents.desk import Desk
from dispatch.agents.patience import Patience, persist
from dispatch.cluster import check_release, check_topics
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics
from dispatch.settings import Settings
from dispatch.web import Web

log = structlog.get_logger(__name__)

# Every object that a call leaves in memory would have the garbage collector look at all of them
# again; at the interpreter's own thresholds that is a third of a worker's time.
GC_THRESHOLDS = (50_000, 20, 100)


class OwnDesk(Desk, Protocol):
    """A desk that the worker opens and closes."""

    async def open(self) -> None:
        """Connect and load. Raises Unavailable, or what makes it refuse this database."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...


async def work(
    settings: Settings,
    desk: OwnDesk,
    *,
    topics: Collection[str],
    patience: Patience | None = None,
) -> None:
    """Work until SIGTERM or SIGINT, waiting for the broker and the database where needed.

    Nothing is begun before all `topics` are there: one that is missing would hold up the others.
    Raises ConfigurationError when the web address can't be had, what the desk's `open` refuses
    with, and what crashed the app, if anything did.
    """
    patience = patience or Patience()
    metrics = Metrics()
    stop = asyncio.Event()
    web = Web(settings.web, metrics)

    def told_to_stop() -> None:
        web.ask_nobody()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop)
    await web.start()
    try:
        opening = asyncio.ensure_future(_open(settings, desk, topics, patience, metrics))
        await _work(settings, desk, opening, stop, patience=patience, metrics=metrics, web=web)
    finally:
        await web.stop()


async def _work(
    settings: Settings,
    desk: OwnDesk,
    opening: asyncio.Future[None],
    stop: asyncio.Event,
    *,
    patience: Patience,
    metrics: Metrics,
    web: Web,
) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    waited: set[asyncio.Future[Any]] = {opening, stopping}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not opening.done():
        opening.cancel()
        return
    await opening
    # What is here by now stays.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        app = create_app(settings, desk, metrics=metrics, patience=patience)
        web.ask(app.readiness.reasons, desk.health)
        await serve(app, stop)
    finally:
        await desk.close()


async def _open(
    settings: Settings,
    desk: OwnDesk,
    topics: Collection[str],
    patience: Patience,
    metrics: Metrics,
) -> None:
    client_options = settings.kafka.client_options()

    async def attempt() -> None:
        await check_release(client_options)
        await check_topics(client_options, topics)
        await desk.open()

    await persist(
        attempt,
        name="start",
        patience=patience,
        metrics=metrics,
        rest=asyncio.sleep,
        only=(Unavailable, OSError),
    )
