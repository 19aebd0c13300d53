"""The Kafka cluster itself: which one it is, the topics that it has, and how to part from it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from dispatch.errors import ConfigurationError, Unavailable

log = structlog.get_logger(__name__)

# seconds
CLOSE_LIMIT: Final = 5.0
TOLD_LIMIT: Final = 20.0
LOOK_AGAIN: Final = 0.05

ASK_AGAIN_TIMEOUT_MS: Final = 5_000
# With Fetch 10 (KIP-110) a broker keeps and gives what clients compress by zstd: Apache Kafka 2.1.
LEAST_FETCH: Final = 10
LEAST_RELEASE: Final = "2.1"
_FETCH: Final = 1
# The release that had a version as its newest.
_RELEASES: Final = {6: "1.0", 7: "1.1", 8: "2.0"}
_ADDRESSES: Final = "bootstrap_servers"


async def unreachable(client_options: Mapping[str, Any], error: Exception) -> Unavailable:
    """Return what is said of a cluster that an error keeps away.

    Why no broker lets a client in aiokafka tells its log alone, so each is asked once more.
    """
    where = client_options["bootstrap_servers"]
    said = str(error)
    if type(error) is KafkaConnectionError:
        options = {name: value for name, value in client_options.items() if name != _ADDRESSES}
        asked = (_refusal(host, port, options) for host, port, _ in collect_hosts(where))
        told = dict.fromkeys(await asyncio.gather(*asked))
        said = "; ".join(refusal for refusal in told if refusal is not None) or said
    return Unavailable(f"Kafka at {where}: {said}")


async def _refusal(host: str, port: int, options: Mapping[str, Any]) -> str | None:
    """Return why a broker takes no connection; None when it does now."""
    try:
        connection = await create_conn(
            host, port, request_timeout_ms=ASK_AGAIN_TIMEOUT_MS, **options
        )
    except (KafkaError, OSError) as error:
        return str(error) or repr(error)
    connection.close()
    return None


async def cluster_id_of(client_options: Mapping[str, Any]) -> str:
    """Return the id of the cluster that these aiokafka options lead to.

    Raises Unavailable when it can't be reached.
    """
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    except (KafkaError, OSError) as error:
        raise await unreachable(client_options, error) from error
    finally:
        await admin.close()


async def partitions_of(
    client_options: Mapping[str, Any], topics: Collection[str]
) -> dict[str, list[int]]:
    """Return the partitions of those of the topics that the cluster has.

    Raises Unavailable when it can't be reached.
    """
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        # Asked by name, brokers may create what is missing.
        described = await admin.describe_topics()
    except (KafkaError, OSError) as error:
        raise await unreachable(client_options, error) from error
    finally:
        await admin.close()
    return {
        topic["topic"]: sorted(each["partition"] for each in topic["partitions"])
        for topic in described
        if topic["topic"] in topics
    }


async def notes_beside_offsets(client_options: Mapping[str, Any], topic: str) -> list[str]:
    """Return what the members of a topic's own group wrote beside the offsets they committed.

    The embedded broker keeps none of it. Raises Unavailable when the cluster can't be reached.
    """
    numbers = (await partitions_of(client_options, [topic])).get(topic, [])
    partitions = [TopicPartition(topic, number) for number in numbers]
    if not partitions:
        return []
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        # Asked for all that there are, the embedded broker answers what nobody can read.
        found = await admin.list_consumer_group_offsets(topic, partitions=partitions)
    except (KafkaError, OSError) as error:
        raise await unreachable(client_options, error) from error
    finally:
        await admin.close()
    return [each.metadata for each in found.values() if each.metadata]


async def check_release(client_options: Mapping[str, Any]) -> None:
    """Refuse a cluster that has a broker too old, by the versions that it says it can fetch with.

    Brokers that are down are not asked. Raises ConfigurationError, naming both versions, and
    Unavailable when the cluster can't be reached.
    """
    options = {name: value for name, value in client_options.items() if name != _ADDRESSES}
    client = AIOKafkaClient(**client_options)
    try:
        await client.bootstrap()
        brokers = [(broker.host, broker.port) for broker in client.cluster.brokers()]
    except (KafkaError, OSError) as error:
        raise await unreachable(client_options, error) from error
    finally:
        await client.close()
    fetching = await asyncio.gather(*(_fetches(host, port, options) for host, port in brokers))
    for (host, port), newest in zip(brokers, fetching, strict=True):
        if newest is not None and newest < LEAST_FETCH:
            found = _RELEASES.get(newest, "older than 1.0")
            raise ConfigurationError(
                f"Kafka at {host}:{port} is {found}, this program needs {LEAST_RELEASE} or newer"
            )


async def _fetches(host: str, port: int, options: Mapping[str, Any]) -> int | None:
    """Return the newest version of Fetch that a broker takes; None when it is not there."""
    try:
        connection = await create_conn(
            host, port, request_timeout_ms=ASK_AGAIN_TIMEOUT_MS, **options
        )
    except (KafkaError, OSError):
        return None
    # Each connection begins with the question; who asks again has to know all versions of it.
    told: dict[int, tuple[int, int]] = connection._versions  # noqa: SLF001 - it has no other way
    connection.close()
    return told.get(_FETCH, (0, 0))[1]


async def check_topics(client_options: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise Unavailable when one of the topics is missing, or the cluster can't be reached."""
    missing = sorted(set(names) - (await partitions_of(client_options, names)).keys())
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise Unavailable(
            f"Kafka has no topic {missing[0]}{more}, or does not show it to this user: "
            "`dispatch topics --check` lists them, `--create` makes them"
        )


async def ensure_topics(
    client_options: Mapping[str, Any],
    names: Collection[str],
    *,
    partitions: int,
    replication: int,
    single: Collection[str] = (),
) -> None:
    """Create the topics that don't exist yet, until every broker tells of them.

    Those that are `single`, too, have one partition: with one key or one reader more are of no use.

    Those that exist stay as they are.
    `client_options` are aiokafka's, as from `KafkaSettings.client_options`. Raises Unavailable
    when the cluster can't be reached or refuses.
    """
    where = client_options["bootstrap_servers"]
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        missing = {*names, *single} - set(await admin.list_topics())
        if not missing:
            return
        answer: Any = await admin.create_topics(
            [
                NewTopic(name, 1 if name in single else partitions, replication)
                for name in sorted(missing)
            ]
        )
    except (KafkaError, OSError) as error:
        raise await unreachable(client_options, error) from error
    finally:
        await admin.close()
    for name, code, *reason in answer.topic_errors:
        # Somebody else may have created it meanwhile.
        if code not in (0, TopicAlreadyExistsError.errno):
            said = reason[0] if reason and reason[0] else for_code(code).__name__
            raise Unavailable(f"Kafka at {where} doesn't create the topic {name}: {said}")
    await until_told(client_options, missing)


async def until_told(client_options: Mapping[str, Any], names: Collection[str]) -> None:
    """Wait until every broker that is up tells of these topics: they learn one after the other.

    Raises Unavailable when they don't.
    """
    client = AIOKafkaClient(**client_options)
    try:
        await client.bootstrap()

        async def told(node_id: int) -> bool:
            return set(names) <= await _led(client, node_id)

        await until_every_broker(client, told)
    except (KafkaError, OSError) as error:
        where = client_options["bootstrap_servers"]
        raise Unavailable(f"Kafka at {where} doesn't tell of new topics: {error}") from error
    finally:
        await client.close()


async def until_every_broker(
    client: AIOKafkaClient, told: Callable[[int], Awaitable[bool]]
) -> None:
    """Wait until each broker that is up, by its id, has been told of something.

    One that is down will have heard of it when it is up. Raises TimeoutError when one is not told
    in time.
    """
    async with asyncio.timeout(TOLD_LIMIT):
        for broker in client.cluster.brokers():
            with contextlib.suppress(NodeNotReadyError):
                while not await told(broker.nodeId):  # noqa: ASYNC110 - brokers only answer
                    await asyncio.sleep(LOOK_AGAIN)


async def _led(client: AIOKafkaClient, node_id: int) -> set[str]:
    """Return the topics of which a broker knows who leads every partition."""
    told: Any = await client.send(node_id, MetadataRequest(None))
    return {
        topic["topic"]
        for topic in told.to_object()["topics"]
        if all(each["leader"] >= 0 for each in topic["partitions"])
    }


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Close a producer; what no broker has acknowledged in time is given up."""
    try:
        async with asyncio.timeout(CLOSE_LIMIT):
            await producer.stop()
    except (KafkaError, OSError) as error:
        log.info("producer closed without its broker", error=repr(error))
        # One that is idempotent goes on trying for ever otherwise.
        await producer._sender.close()  # noqa: SLF001 - it has no other end
        await producer.client.close()
