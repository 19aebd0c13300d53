"""Health and metrics over HTTP: /livez, /readyz and /metrics."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from dispatch.errors import ConfigurationError, Unavailable
from dispatch.health import DeskHealth
from dispatch.metrics import Metrics
from dispatch.settings import WebSettings

log = structlog.get_logger(__name__)

PROBE_SECONDS = 2.0


class Web:
    """Serves three pages from a worker's first moment to its last; port 0 serves none.

    It is not ready until it is told whom to ask.
    """

    def __init__(self, settings: WebSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._runner: web.AppRunner | None = None
        self._reasons: Callable[[], Awaitable[list[str]]] | None = None
        self._health: Callable[[], Awaitable[DeskHealth]] | None = None

    async def start(self) -> None:
        """Listen. Raises ConfigurationError when the address can't be had."""
        if not self._settings.port:
            return
        host, port = self._settings.host, self._settings.port
        pages = web.Application()
        pages.router.add_get("/livez", self._livez)
        pages.router.add_get("/readyz", self._readyz)
        pages.router.add_get("/metrics", self._metrics_page)
        self._runner = web.AppRunner(pages, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            raise ConfigurationError(f"web: can't listen on {host}:{port}: {error}") from error
        log.info("health and metrics", host=host, port=port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def ask(
        self,
        reasons: Callable[[], Awaitable[list[str]]],
        health: Callable[[], Awaitable[DeskHealth]],
    ) -> None:
        """Ask these from now on: why the worker is not ready, and how the desk is doing."""
        self._reasons, self._health = reasons, health

    def ask_nobody(self) -> None:
        """Be unready from now on: the worker stops."""
        self._reasons = self._health = None

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self._reasons is None:
            reasons = ["the worker is starting or stopping"]
        else:
            reasons = await self._reasons()
        return web.json_response(
            {"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200
        )

    async def _metrics_page(self, _request: web.Request) -> web.Response:
        if self._health is not None:
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    self._metrics.observe_health(await self._health())
            except (Unavailable, OSError):
                # What is known without the database is served all the same.
                log.warning("metrics without the database")
        return web.Response(
            body=self._metrics.render(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )
