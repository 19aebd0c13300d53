"""The topics of a cluster: looked at, created, and given other settings."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from dispatch.cluster import unreachable, until_told
from dispatch.errors import Unavailable
from dispatch.topic_admin.promise import (
    Fault,
    Found,
    Wanted,
    broker_faults,
    faults,
    new_settings,
)

# seconds until every broker has heard of a change
HEARD_LIMIT: Final = 15.0
LOOK_AGAIN: Final = 0.1
# A city may have a thousand units: in one request a controller would not be done in time.
CREATED_AT_ONCE: Final = 200
# Where Kafka says that a value was given to the topic itself (KIP-226).
OWN: Final = 1


@dataclass(frozen=True, slots=True)
class Changes:
    """What was done to a cluster's topics: created, cured, and what is left to people."""

    created: tuple[str, ...]
    cured: tuple[Fault, ...]
    left: tuple[Fault, ...]


class TopicAdmin:
    """An administrator of topics; every method raises Unavailable when the cluster refuses."""

    def __init__(self, admin: AIOKafkaAdminClient, client_options: Mapping[str, Any]) -> None:
        self._admin = admin
        self._client_options = client_options

    async def find(self, names: Iterable[str]) -> dict[str, Found]:
        """Return those of the topics that the cluster has."""
        # By name it would create those that are missing, where brokers may.
        there = sorted(set(names) & set(await self._admin.list_topics()))
        if not there:
            return {}
        described: list[dict[str, Any]] = await self._admin.describe_topics(there)
        settings = await self._settings(there)
        found = {}
        for topic in described:
            _check(topic["topic"], topic["error_code"])
            of_topic = settings[topic["topic"]]
            found[topic["topic"]] = Found(
                partitions=len(topic["partitions"]),
                replication=min(len(each["replicas"]) for each in topic["partitions"]),
                settings={name: value for name, (value, _) in of_topic.items()},
                own={name: value for name, (value, source) in of_topic.items() if source == OWN},
            )
        return found

    async def faults(self, wanted: Mapping[str, Wanted]) -> list[Fault]:
        """Return all that breaks the promise, topic by topic, and then of the brokers."""
        return faults(wanted, await self.find(wanted)) + broker_faults(await self._brokers())

    async def bring_about(self, wanted: Mapping[str, Wanted]) -> Changes:
        """Create what is missing, give what is there the settings that it lacks.

        Partitions and copies of a topic that is there are never changed: see `Changes.left`.
        """
        found = await self.find(wanted)
        wrong = faults(wanted, found)
        missing = {name: topic for name, topic in wanted.items() if name not in found}
        curable = [fault for fault in wrong if fault.cure is not None]
        if missing:
            await self._create(missing)
            await until_told(self._client_options, missing)
        if curable:
            await self._cure(curable, found)
        return Changes(tuple(missing), tuple(curable), tuple(await self._left(wanted)))

    async def _left(self, wanted: Mapping[str, Wanted]) -> list[Fault]:
        """Return what is still wrong once every broker may have heard of the changes."""
        deadline = time.monotonic() + HEARD_LIMIT
        while True:
            left = await self.faults(wanted)
            hopeless = all(fault.cure is None and fault.reason != "missing" for fault in left)
            if hopeless or time.monotonic() > deadline:
                return left
            await asyncio.sleep(LOOK_AGAIN)

    async def _create(self, topics: Mapping[str, Wanted]) -> None:
        new = [
            NewTopic(name, wanted.partitions, wanted.replication, None, new_settings(wanted))
            for name, wanted in topics.items()
        ]
        for first in range(0, len(new), CREATED_AT_ONCE):
            answer: Any = await self._admin.create_topics(new[first : first + CREATED_AT_ONCE])
            for name, code, *reason in answer.topic_errors:
                # Somebody else may have created it meanwhile.
                if code != TopicAlreadyExistsError.errno:
                    _check(name, code, *reason)

    async def _cure(self, curable: Iterable[Fault], found: Mapping[str, Found]) -> None:
        # The client knows no incremental change: all settings of a topic's own are replaced, so
        # the others go along, and what somebody else alters at the same instant is lost.
        changed: dict[str, dict[str, str]] = {}
        for fault in curable:
            if fault.cure is not None:
                own = changed.setdefault(fault.topic, dict(found[fault.topic].own))
                own[fault.cure.name] = str(fault.cure.value)
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, name, own) for name, own in changed.items()
        ]
        answers: list[Any] = await self._admin.alter_configs(resources)
        for answer in answers:
            for code, reason, _, name in answer.resources:
                _check(name, code, reason)

    async def _brokers(self) -> dict[int, dict[str, str]]:
        """Return the settings of each broker that is up, by its id."""
        brokers = [each["node_id"] for each in (await self._admin.describe_cluster())["brokers"]]
        resources = [ConfigResource(ConfigResourceType.BROKER, str(each)) for each in brokers]
        found = {}
        answers: list[Any] = await self._admin.describe_configs(resources)
        for answer in answers:
            for code, reason, _, name, entries in answer.resources:
                _check(f"broker {name}", code, reason)
                found[int(name)] = {entry[0]: entry[1] for entry in entries}
        return found

    async def _settings(self, names: Iterable[str]) -> dict[str, dict[str, tuple[str, int]]]:
        """Return the value of each setting in effect for a topic, and where it is from."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found = {}
        answers: list[Any] = await self._admin.describe_configs(resources)
        for answer in answers:
            for code, reason, _, name, entries in answer.resources:
                _check(name, code, reason)
                found[name] = {entry[0]: (entry[1], entry[3]) for entry in entries}
        return found


@asynccontextmanager
async def open_admin(client_options: Mapping[str, Any]) -> AsyncIterator[TopicAdmin]:
    """Yield an administrator of the cluster that these aiokafka options lead to.

    Raises Unavailable when it can't be reached or doesn't do what it is asked.
    """
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        yield TopicAdmin(admin, client_options)
    except (KafkaError, OSError) as error:
        raise await unreachable(client_options, error) from error
    finally:
        await admin.close()


def _check(name: str, code: int, reason: str | None = None) -> None:
    if code:
        raise Unavailable(f"Kafka refuses {name}: {reason or for_code(code).__name__}")
