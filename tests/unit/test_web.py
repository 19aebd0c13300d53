"""The pages without a worker behind them."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from dispatch import web as pages
from dispatch.errors import ConfigurationError, Unavailable
from dispatch.health import DeskHealth
from dispatch.metrics import Metrics
from dispatch.settings import WebSettings
from dispatch.web import Web

HEALTH = DeskHealth(
    writable=True, unpublished=0, unpublished_age=0.0, queue_length=7, queue_age=0.0, parked=0
)


class Worker:
    """Counts how often it is asked; it answers when it is let, or not at all."""

    def __init__(self) -> None:
        self.asked_reasons = self.asked_health = 0
        self.unready: list[str] = []
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def reasons(self) -> list[str]:
        self.asked_reasons += 1
        await self.answers.wait()
        return self.unready

    async def health(self) -> DeskHealth:
        self.asked_health += 1
        if self.away:
            raise Unavailable("away")
        return HEALTH


@asynccontextmanager
async def served(
    worker: Worker | None = None, **settings: Any
) -> AsyncIterator[tuple[Web, aiohttp.ClientSession]]:
    web = Web(WebSettings(port=0, **settings), Metrics())
    with capture_logs() as logs:
        await web.start()
    (told,) = [entry for entry in logs if entry["event"] == "health and metrics"]
    if worker is not None:
        web.ask(worker.reasons, worker.health)
    try:
        async with aiohttp.ClientSession(
            f"http://{told['host']}:{told['port']}", connector=aiohttp.TCPConnector(limit=0)
        ) as session:
            yield web, session
    finally:
        await web.stop()


async def get(session: aiohttp.ClientSession, page: str, **headers: str) -> tuple[int, str, bytes]:
    async with session.get(page, headers=headers) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.read()


async def test_an_address_that_is_taken_is_a_configuration_error_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web = Web(WebSettings(port=port), Metrics())
        with pytest.raises(
            ConfigurationError, match=rf"web\.port: can't listen on .*:{port}"
        ) as raised:
            await web.start()
    assert "\n" not in str(raised.value)


async def test_port_0_is_any_that_is_free_and_the_log_tells_which() -> None:
    async with served() as (_, one), served() as (_, other):
        assert (await get(one, "/livez"))[0] == (await get(other, "/livez"))[0] == 200


async def test_it_can_be_disabled() -> None:
    web = Web(WebSettings(enabled=False), Metrics())
    with capture_logs() as logs:
        await web.start()
    await web.stop()
    assert logs == []


@pytest.mark.parametrize("page", ["/metrics", "/readyz"])
async def test_two_hundred_who_ask_at_once_share_one_answer(page: str) -> None:
    worker = Worker()
    loop = asyncio.get_running_loop()
    async with served(worker) as (_, session):
        began = loop.time()
        answers = await asyncio.gather(*(get(session, page) for _ in range(200)))
        seconds = loop.time() - began
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) <= 1 + seconds
    assert worker.asked_reasons == worker.asked_health <= 1 + seconds


async def test_an_answer_is_not_given_for_longer_than_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker()
    async with served(worker) as (_, session):
        assert (await get(session, "/readyz"))[0] == 200
        worker.unready = ["no partitions"]
        monkeypatch.setattr(pages, "FRESH_SECONDS", 0.0)
        assert (await get(session, "/readyz"))[0] == 503
        assert b"dispatch_ready 0.0" in (await get(session, "/metrics"))[2]


async def test_failing_answers_are_shared_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LOOK_SECONDS", 0.05)
    worker = Worker()
    worker.away = True
    worker.answers.clear()
    async with served(worker) as (_, session):
        answers = await asyncio.gather(*(get(session, "/readyz") for _ in range(50)))
        assert {status for status, _, _ in answers} == {503}
        status, _, body = await get(session, "/metrics")
        assert (status, b"dispatch_ready 0.0" in body) == (200, True)
        assert worker.asked_reasons == worker.asked_health == 1
        assert (await get(session, "/livez"))[0] == 200
        # It is asked once more only when it has answered.
        monkeypatch.setattr(pages, "FRESH_SECONDS", 0.0)
        await get(session, "/readyz")
        assert worker.asked_reasons == 1
        worker.answers.set()
        assert (await get(session, "/readyz"))[0] == 200


async def test_a_worker_that_stops_is_unready_at_once() -> None:
    worker = Worker()
    async with served(worker) as (web, session):
        assert (await get(session, "/readyz"))[0] == 200
        web.ask_nobody()
        assert (await get(session, "/readyz"))[0] == 503


@pytest.mark.parametrize(
    ("accepted", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping="),
        # prometheus_client 0.26 raises at a version that is none.
        ("application/openmetrics-text;version=abc", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
async def test_metrics_come_in_the_format_that_is_asked_for(
    accepted: str, content_type: str
) -> None:
    async with served(Worker()) as (_, session):
        status, told, body = await get(session, "/metrics", Accept=accepted)
        assert status == 200
        assert told.startswith(content_type)
        assert b"dispatch_queue_length 7.0" in body
        assert body.endswith(b"# EOF\n") == told.startswith("application/openmetrics-text")


async def test_whoever_asks_in_ever_other_formats_gets_the_plain_one() -> None:
    async with served(Worker()) as (web, session):
        told = [
            (await get(session, "/metrics", Accept=f"application/openmetrics-text;version=1.0.{n}"))
            for n in range(20)
        ]
        assert all(status == 200 for status, _, _ in told)
        assert told[-1][1].startswith("text/plain")
        assert web._seen is not None
        assert len(web._seen.pages) <= pages.FORMATS + 1


async def test_there_are_only_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "CONNECTIONS", 3)
    monkeypatch.setattr(pages, "CONNECTION_SECONDS", 0.2)
    async with served(Worker()) as (web, session):
        assert web._server is not None
        address = web._server.sockets[0].getsockname()
        silent = [await asyncio.open_connection(*address) for _ in range(4)]
        # The fourth is closed at once, the others when they have said nothing for too long.
        for reader, _ in reversed(silent):
            async with asyncio.timeout(10):
                assert await reader.read() == b""
        assert (await get(session, "/livez"))[0] == 200
        for _, writer in silent:
            writer.close()


def discovered(directory: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text("utf-8")) for path in directory.glob("*.json")}


async def test_a_worker_tells_prometheus_where_it_serves_while_it_does(
    tmp_path: Path, dead_pid: Callable[[], int]
) -> None:
    machine = socket.gethostname()
    stale, another = tmp_path / f"{machine}-{dead_pid()}.json", tmp_path / "another-1.json"
    alive = tmp_path / f"{machine}-{os.getppid()}.json"
    for file in (stale, another, alive):
        file.write_text("[]")
    async with served(discovery_dir=tmp_path) as (web, session):
        assert web._server is not None
        port = web._server.sockets[0].getsockname()[1]
        assert discovered(tmp_path) == {
            f"{machine}-{os.getpid()}.json": [{"targets": [f"127.0.0.1:{port}"]}],
            another.name: [],
            alive.name: [],
        }
        assert (await get(session, "/livez"))[0] == 200
    assert sorted(discovered(tmp_path)) == sorted([another.name, alive.name])


@pytest.fixture
def dead_pid() -> Callable[[], int]:
    def ended() -> int:
        child = os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(child, 0)
        return child

    return ended


async def test_a_discovery_directory_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    web = Web(WebSettings(port=0, discovery_dir=tmp_path / "missing"), Metrics())
    with pytest.raises(ConfigurationError, match=r"web\.discovery_dir: can't write .*missing"):
        await web.start()
