"""Health and metrics over HTTP: /livez, /readyz and /metrics."""

import asyncio
from collections.abc import Sequence

import mode
import structlog
from aiohttp import web

from dispatch.agents.desk import Desk
from dispatch.agents.intake import Intake
from dispatch.agents.publisher import Publisher
from dispatch.errors import Unavailable
from dispatch.metrics import Metrics
from dispatch.settings import WebSettings

log = structlog.get_logger(__name__)

PROBE_SECONDS = 2.0


class Web(mode.Service):
    """Serves three pages; port 0 serves none."""

    def __init__(
        self,
        settings: WebSettings,
        desk: Desk,
        publisher: Publisher,
        intakes: Sequence[Intake],
        metrics: Metrics,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._desk = desk
        self._publisher = publisher
        self._intakes = intakes
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        if not self._settings.port:
            return
        pages = web.Application()
        pages.router.add_get("/livez", self._livez)
        pages.router.add_get("/readyz", self._readyz)
        pages.router.add_get("/metrics", self._metrics_page)
        self._runner = web.AppRunner(pages, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.host, self._settings.port).start()
        log.info("health and metrics", host=self._settings.host, port=self._settings.port)

    async def on_stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        reasons = [
            f"{intake.topic}: no partitions assigned yet"
            for intake in self._intakes
            if not intake.assigned
        ]
        database, broker = await asyncio.gather(self._database(), self._broker())
        reasons += database + broker
        return web.json_response(
            {"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200
        )

    async def _metrics_page(self, _request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                self._metrics.observe_health(await self._desk.health())
        except (Unavailable, OSError):
            # What is known without the database is served all the same.
            log.warning("metrics without the database")
        return web.Response(
            body=self._metrics.render(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def _database(self) -> list[str]:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                health = await self._desk.health()
        except (Unavailable, OSError):
            return ["database: can't be reached"]
        return [] if health.writable else ["database: takes no writes"]

    async def _broker(self) -> list[str]:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reachable = await self._publisher.reachable()
        except TimeoutError:
            reachable = False
        return [] if reachable else ["broker: can't be reached"]
