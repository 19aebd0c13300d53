"""`dispatch worker`: what it says before it works."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from dispatch.cli import worker
from dispatch.cli.up import packaged_city
from dispatch.settings import load_settings


@pytest.mark.parametrize(("broker", "warned"), [("k1.example:9092", True), ("[::1]:9092", False)])
async def test_plaintext_to_brokers_off_this_machine_is_warned_of(
    broker: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(*_: Any, **__: Any) -> None:
        pass

    monkeypatch.setattr(worker, "work", work)
    kafka = {"bootstrap_servers": broker}
    settings = load_settings(overrides={"kafka": kafka, "city": packaged_city()})
    with capture_logs() as lines:
        await worker._work(settings)
    said = [line for line in lines if "not encrypted" in line["event"]]
    assert [line["brokers"] for line in said] == ([[broker]] if warned else [])
    assert all(line["log_level"] == "warning" for line in said)
