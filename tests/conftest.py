"""The stack that the tests share: one PostgreSQL and one broker a run, fresh names a test."""

import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from dispatch import language, wording
from dispatch.stack.broker import Broker
from dispatch.stack.embedded import AnyBroker, Stack, running_stack
from dispatch.store.schema import amigrate
from tests.apache_kafka import ApacheKafka, fetch

OPTION = "--apache-kafka"
BESIDE = "--beside-apache-kafka"
# Where tests work through Kafka; those of the others that need a broker need none in particular.
THROUGH_KAFKA = (
    *("integration/agents", "integration/kafka", "integration/security", "integration/simulation"),
    *("integration/stack", "integration/topic_admin", "integration/test_client.py"),
    *("integration/test_limits.py", "integration/test_log_end.py", "integration/test_no_leader.py"),
    "acceptance",
)

# How long an example takes depends on what else runs, and a run fails by no draw that another
# doesn't have. To look for more: --hypothesis-profile more.
settings.register_profile("more", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("more"), derandomize=True)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        OPTION,
        type=int,
        choices=(1, 3),
        metavar="BROKERS",
        help="run what works through Kafka on so many brokers of Apache Kafka (make test-kafka)",
    )
    parser.addoption(
        BESIDE, action="store_true", help="leave out what runs on Apache Kafka (make test-kafka)"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose what works through Kafka, or all the rest, where one of them is asked for."""
    on_kafka, beside = config.getoption(OPTION) is not None, config.getoption(BESIDE)
    if on_kafka or beside:
        chosen = [item for item in items if works_through_kafka(item) is on_kafka]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def works_through_kafka(item: pytest.Item) -> bool:
    """Return whether a test is one for Apache Kafka: it brings no broker of its own, or one."""
    where = item.path.relative_to(Path(__file__).parent)
    fixtures = {"stack", "centre", "kafka"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) and any(where.is_relative_to(each) for each in THROUGH_KAFKA)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    language.speak("en")
    wording.know({})
    yield
    language.speak("en")
    wording.know({})


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DISPATCH_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Unlike tmp_path, open to the account that PostgreSQL runs as for root.
    with tempfile.TemporaryDirectory(prefix="dispatch-test-") as directory:
        path = Path(directory)
        path.chmod(0o711)
        yield path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(pytestconfig: pytest.Config) -> AsyncIterator[Stack]:
    brokers = pytestconfig.getoption(OPTION)
    kafka = Broker if brokers is None else partial(ApacheKafka, fetch(), brokers)
    async with running_stack(durable=False, kafka=kafka) as running:
        yield running


@pytest.fixture
def kafka(pytestconfig: pytest.Config) -> Callable[[Path], AnyBroker]:
    """Return what makes the broker of a test's own stack; one, as nobody copies what it holds."""
    if pytestconfig.getoption(OPTION) is None:
        return Broker
    return partial(ApacheKafka, fetch(), 1)


@pytest.fixture
def apache_kafka(stack: Stack) -> ApacheKafka:
    """Return the three brokers of Apache Kafka that the tests run on."""
    if not isinstance(stack.broker, ApacheKafka) or stack.broker.replication < 3:
        pytest.skip("needs three brokers of Apache Kafka: make test-kafka")
    return stack.broker


@pytest_asyncio.fixture
async def database(stack: Stack) -> AsyncIterator[str]:
    """Yield the URL of an empty database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    await _administer(stack, f"CREATE DATABASE {name}")
    yield stack.postgres.dsn_of(name)
    await _administer(stack, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(stack: Stack) -> str:
    """Return the name of a database with this version's schema, to be copied."""
    await _administer(stack, "CREATE DATABASE migrated")
    await amigrate({"dsn": stack.postgres.dsn_of("migrated")})
    return "migrated"


@pytest_asyncio.fixture
async def migrated(stack: Stack, template: str) -> AsyncIterator[str]:
    """Yield the URL of a database with this version's schema, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    await _administer(stack, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield stack.postgres.dsn_of(name)
    await _administer(stack, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def topic_prefix() -> str:
    """Return a prefix that no other test's topics have."""
    return f"test-{uuid.uuid4().hex}."


async def _administer(stack: Stack, statement: str) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
