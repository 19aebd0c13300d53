"""Health and metrics over HTTP: /livez, /readyz and /metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web

from dispatch.discovery import Announcement
from dispatch.errors import ConfigurationError, Unavailable
from dispatch.health import DeskHealth
from dispatch.metrics import Metrics
from dispatch.settings import WebSettings

log = structlog.get_logger(__name__)

# seconds
PROBE_SECONDS = 2.0
# A database that a silent network keeps away can take longer to be given up.
LOOK_SECONDS: Final = PROBE_SECONDS + 0.5
_SILENT: Final = "database or broker: no answer in time"
# What was seen serves everybody who asks so soon after.
FRESH_SECONDS: Final = 1.0
# No page needs a connection for longer; whoever sends nothing must not keep one.
CONNECTION_SECONDS: Final = 30.0
CONNECTIONS: Final = 256
# Of the formats that are asked for within a second; whoever asks for more gets the plain one.
FORMATS: Final = 4


@dataclass(slots=True)
class _Seen:
    """How the worker is, for a moment: why it is not ready, and its metrics as they were asked."""

    reasons: list[str]
    at: float
    pages: dict[str, bytes] = field(default_factory=dict)


class _Refused(asyncio.Protocol):
    """A connection beyond those that there may be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()


class Web:
    """Serves three pages from a worker's first moment to its last, unless it is disabled.

    It is not ready until it is told whom to ask. It asks at most once a second, for all who ask it.
    """

    def __init__(self, settings: WebSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._announcement: Announcement | None = None
        self._reasons: Callable[[], Awaitable[list[str]]] | None = None
        self._health: Callable[[], Awaitable[DeskHealth]] | None = None
        self._seen: _Seen | None = None
        self._looking: asyncio.Task[_Seen] | None = None

    async def start(self) -> None:
        """Listen. Raises ConfigurationError when the address can't be had, or not announced."""
        if not self._settings.enabled:
            return
        host, port = self._settings.host, self._settings.port
        pages = web.Application()
        pages.router.add_get("/livez", self._livez)
        pages.router.add_get("/readyz", self._readyz)
        pages.router.add_get("/metrics", self._metrics_page)
        self._runner = web.AppRunner(pages, access_log=None)
        await self._runner.setup()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._connection, host, port
            )
            port = self._server.sockets[0].getsockname()[1]
            if self._settings.discovery_dir is not None:
                self._announcement = Announcement(self._settings.discovery_dir, host, port)
                self._announcement.make()
        except OSError as error:
            await self.stop()
            raise ConfigurationError(
                f"web.port: can't listen on {host}:{port}: {error}; 0 takes any that is free"
            ) from error
        except ConfigurationError:
            await self.stop()
            raise
        log.info("health and metrics", host=host, port=port)

    async def stop(self) -> None:
        """Listen no more."""
        if self._announcement is not None:
            announcement, self._announcement = self._announcement, None
            announcement.withdraw()
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
        if self._looking is not None:
            self._looking.cancel()

    def ask(
        self,
        reasons: Callable[[], Awaitable[list[str]]],
        health: Callable[[], Awaitable[DeskHealth]],
    ) -> None:
        """Ask these from now on: why the worker is not ready, and how the desk is doing."""
        self._reasons, self._health = reasons, health
        self._seen = None

    def ask_nobody(self) -> None:
        """Be unready from now on: the worker stops."""
        self._reasons = self._health = None
        self._seen = None

    def _connection(self) -> asyncio.Protocol:
        assert self._runner is not None
        server = self._runner.server
        assert server is not None
        if len(server.connections) >= CONNECTIONS:
            return _Refused()
        connection = server()
        asyncio.get_running_loop().call_later(CONNECTION_SECONDS, connection.force_close)
        return connection

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _request: web.Request) -> web.Response:
        reasons = (await self._latest()).reasons
        return web.json_response(
            {"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200
        )

    async def _metrics_page(self, request: web.Request) -> web.Response:
        seen = await self._latest()
        render, content_type = self._metrics.in_format(request.headers.get("Accept", ""))
        if content_type not in seen.pages and len(seen.pages) >= FORMATS:
            render, content_type = self._metrics.in_format("")
        if content_type not in seen.pages:
            seen.pages[content_type] = render()
        return web.Response(body=seen.pages[content_type], headers={"Content-Type": content_type})

    async def _latest(self) -> _Seen:
        """Return what was seen within the last second, or is being seen now."""
        now = asyncio.get_running_loop().time()
        if self._seen is not None and now - self._seen.at < FRESH_SECONDS:
            return self._seen
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        # Whoever hangs up does not end it for the others.
        looking = self._looking
        await asyncio.wait({looking}, timeout=LOOK_SECONDS)
        if looking.done():
            return looking.result()
        if self._seen is None or now >= self._seen.at + FRESH_SECONDS:
            # It goes on by itself; until then this is what there is to say.
            self._seen = _Seen([_SILENT], now + LOOK_SECONDS)
            self._metrics.ready.set(0)
        return self._seen

    async def _look(self) -> _Seen:
        try:
            reasons, _ = await asyncio.gather(self._why_not_ready(), self._observe_health())
            if self._reasons is None:
                # It was told to stop meanwhile.
                reasons = await self._why_not_ready()
            self._metrics.ready.set(0 if reasons else 1)
            self._seen = _Seen(reasons, asyncio.get_running_loop().time())
            return self._seen
        finally:
            self._looking = None

    async def _why_not_ready(self) -> list[str]:
        if self._reasons is None:
            return ["the worker is starting or stopping"]
        return await self._reasons()

    async def _observe_health(self) -> None:
        if self._health is None:
            return
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                self._metrics.observe_health(await self._health())
        except (Unavailable, OSError):
            # What is known without the database is served all the same.
            log.warning("metrics without the database")
