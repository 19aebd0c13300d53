"""The Kafka cluster itself: which one it is, and the topics that it has."""

from collections.abc import Collection, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from dispatch.errors import Unavailable


async def cluster_id_of(client_options: Mapping[str, Any]) -> str:
    """Return the id of the cluster that these aiokafka options lead to.

    Raises Unavailable when it can't be reached.
    """
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {client_options['bootstrap_servers']}: {error}") from error
    finally:
        await admin.close()


async def ensure_topics(
    client_options: Mapping[str, Any],
    names: Collection[str],
    *,
    partitions: int,
    replication: int,
) -> None:
    """Create the topics that don't exist yet; those that do stay as they are.

    `client_options` are aiokafka's, as from `KafkaSettings.client_options`. Raises Unavailable
    when the cluster can't be reached or refuses.
    """
    where = client_options["bootstrap_servers"]
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        missing = set(names) - set(await admin.list_topics())
        answer: Any = await admin.create_topics(
            [NewTopic(name, partitions, replication) for name in sorted(missing)]
        )
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {where}: {error}") from error
    finally:
        await admin.close()
    for name, code, *reason in answer.topic_errors:
        # Somebody else may have created it meanwhile.
        if code not in (0, TopicAlreadyExistsError.errno):
            said = reason[0] if reason and reason[0] else for_code(code).__name__
            raise Unavailable(f"Kafka at {where} doesn't create the topic {name}: {said}")
