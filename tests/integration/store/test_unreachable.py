"""A database off this machine that speaks no TLS: one line, which names the settings."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dispatch.errors import ConfigurationError, Unavailable
from dispatch.settings import load_settings
from dispatch.stack.addresses import free_port
from dispatch.stack.postgres import Postgres
from dispatch.store.database import Database
from dispatch.store.reading import open_snapshot
from dispatch.store.schema import migrate

SETTINGS = r"database\.ssl_mode and database\.ssl_ca_file"


@pytest.fixture
async def options(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, Any]]:
    """Yield how the settings have a server reached that is taken to be on another machine."""
    port = free_port("127.0.0.1")
    settings = {"listen_addresses": "127.0.0.1", "port": str(port)}
    server = Postgres(data_dir, durable=False, settings=settings)
    await server.start()
    try:
        monkeypatch.setattr("dispatch.settings._on_this_machine", lambda _: False)
        dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        yield load_settings(fallback={"database": {"dsn": dsn}}).database.connect_options()
    finally:
        await server.stop()
        server.close()


async def test_who_speaks_no_tls_is_not_talked_to_in_the_clear(options: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match=SETTINGS):
        migrate(options)
    with pytest.raises(Unavailable, match=SETTINGS):
        await Database(options).open()
    with pytest.raises(Unavailable, match=SETTINGS):
        async with open_snapshot(options):
            pass


def test_a_url_that_libpq_does_not_take_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"^database\.dsn: .*unheard_of"):
        migrate({"dsn": "postgresql://127.0.0.1/x?unheard_of=1"})
