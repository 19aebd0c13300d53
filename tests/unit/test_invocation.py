from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.cli.invocation import Invocation
from dispatch.stack.addresses import Addresses, announce, locked

RUNNING = Addresses(
    pid=1,
    bootstrap="127.0.0.1:1234",
    dsn="postgresql://postgres@/dispatch?host=/run/x",
    cluster_id="c",
    scenario_clock="/run/clock",
)


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DISPATCH_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def running(data_dir: Path) -> Iterator[None]:
    with locked(data_dir):
        announce(data_dir, RUNNING)
        yield


@pytest.mark.usefixtures("running")
def test_commands_reach_the_stack_that_runs_here() -> None:
    settings = Invocation().settings()
    assert settings.kafka.bootstrap_servers == RUNNING.bootstrap
    assert not settings.kafka.enable_idempotence
    assert settings.database.connect_options() == {"dsn": RUNNING.dsn}
    assert settings.scenario_clock == Path("/run/clock")


@pytest.mark.usefixtures("running")
def test_a_cluster_of_ones_own_has_nothing_of_the_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH_KAFKA__BOOTSTRAP_SERVERS", "kafka.example:9092")
    settings = Invocation().settings()
    assert settings.kafka.bootstrap_servers == "kafka.example:9092"
    assert settings.kafka.enable_idempotence
    assert settings.database.connect_options() == {"dsn": RUNNING.dsn}


def test_without_a_stack_the_defaults_hold() -> None:
    assert Invocation().settings().kafka.bootstrap_servers == "127.0.0.1:9092"


def test_addresses_that_a_dead_owner_left_are_not_used(data_dir: Path) -> None:
    (data_dir / "lock").touch()
    announce(data_dir, RUNNING)
    assert Invocation().settings().kafka.bootstrap_servers == "127.0.0.1:9092"


def test_the_commands_own_options_win() -> None:
    assert Invocation().settings(policy="mine").policy == "mine"
