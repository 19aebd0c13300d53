"""Which brokers are too old, by what they say that they can be asked for."""

from types import SimpleNamespace
from typing import Any

import pytest

from dispatch import cluster
from dispatch.errors import ConfigurationError

OPTIONS = {"bootstrap_servers": "kafka-1:9092"}


class Client:
    """Knows two brokers."""

    def __init__(self, **_: Any) -> None:
        brokers = [SimpleNamespace(host=f"kafka-{number}", port=9092) for number in (1, 2)]
        self.cluster = SimpleNamespace(brokers=lambda: brokers)

    async def bootstrap(self) -> None:
        """Be connected."""

    async def close(self) -> None:
        """Be closed."""


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[int, tuple[int, int]] | None]:
    """Return what each broker takes, by its host; None of one that is down."""
    versions: dict[str, dict[int, tuple[int, int]] | None] = {
        "kafka-1": {1: (4, 18)},
        "kafka-2": {1: (0, 11)},
    }

    async def connect(host: str, port: int, **options: Any) -> Any:
        assert port == 9092
        assert "bootstrap_servers" not in options
        if versions[host] is None:
            raise OSError
        return SimpleNamespace(_versions=versions[host], close=lambda: None)

    monkeypatch.setattr(cluster, "AIOKafkaClient", Client)
    monkeypatch.setattr(cluster, "create_conn", connect)
    return versions


async def test_brokers_that_are_new_enough_are_taken(
    fetches: dict[str, dict[int, tuple[int, int]] | None],
) -> None:
    await cluster.check_release(OPTIONS)
    # The oldest that will do, and one that is down.
    fetches.update({"kafka-1": None, "kafka-2": {1: (0, 10)}})
    await cluster.check_release(OPTIONS)


@pytest.mark.parametrize(
    ("newest", "release"), [(8, "2.0"), (7, "1.1"), (6, "1.0"), (5, "older than 1.0")]
)
async def test_one_older_broker_is_refused_with_both_versions(
    fetches: dict[str, dict[int, tuple[int, int]] | None], newest: int, release: str
) -> None:
    fetches["kafka-2"] = {1: (0, newest)}
    said = f"Kafka at kafka-2:9092 is {release}, this program needs 2.1 or newer"
    with pytest.raises(ConfigurationError, match=said):
        await cluster.check_release(OPTIONS)


async def test_a_broker_that_cannot_be_fetched_from_is_refused(
    fetches: dict[str, dict[int, tuple[int, int]] | None],
) -> None:
    fetches["kafka-1"] = {}
    with pytest.raises(ConfigurationError, match=r"kafka-1:9092 is older than 1\.0"):
        await cluster.check_release(OPTIONS)
