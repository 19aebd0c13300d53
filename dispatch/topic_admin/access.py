"""The access lists of a cluster: what a user may do there, looked at and added to."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest

from dispatch.cluster import unreachable, until_every_broker
from dispatch.errors import Unavailable
from dispatch.topic_admin.roles import EVERYBODY, Entry

# Kafka's own numbers (KIP-140, KIP-290).
_ANY: Final = 1
_ALLOW: Final = 3
_KINDS: Final = {2: "topic", 3: "group", 4: "cluster", 5: "transactional id", 6: "delegation token"}
_PATTERNS: Final = {3: "literal", 4: "prefix"}
_OPERATIONS: Final = {
    2: "All", 3: "Read", 4: "Write", 5: "Create", 6: "Delete", 7: "Alter", 8: "Describe",
    9: "ClusterAction", 10: "DescribeConfigs", 11: "AlterConfigs", 12: "IdempotentWrite",
}  # fmt: skip
_NAMELESS: Final[Any] = None
_ANYWHERE: Final = "*"


class Access:
    """The access lists; every method raises Unavailable when the cluster refuses."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    async def of(self, user: str) -> set[Entry]:
        """Return what is said of a user, and of everybody.

        What no role has, as a denial or the right of another host, is an entry that says so.
        """
        return await self._told_by(self._client.get_random_node(), user)

    async def allow(self, user: str, entries: Iterable[Entry]) -> None:
        """Let a user do this too, and wait until every broker that is up knows of it."""
        added = set(entries)
        if not added:
            return
        for entry in sorted(added):
            answer: Any = await self._client.send(
                self._client.get_random_node(),
                CreateAclsRequest(
                    _number(_KINDS, entry.kind),
                    entry.name,
                    _number(_PATTERNS, entry.pattern),
                    f"User:{user}",
                    _ANYWHERE,
                    _number(_OPERATIONS, entry.operation),
                    _ALLOW,
                ),
            )
            for code, reason in answer.creation_responses:
                _check(f"{entry.operation} on {entry.name} for {user}", code, reason)

        async def told(node_id: int) -> bool:
            return added <= await self._told_by(node_id, user)

        try:
            await until_every_broker(self._client, told)
        except TimeoutError as error:
            raise Unavailable(f"Kafka doesn't tell what {user} may do now") from error

    async def _told_by(self, node_id: int, user: str) -> set[Entry]:
        found: set[Entry] = set()
        for name in (user, EVERYBODY):
            answer: Any = await self._client.send(
                node_id,
                DescribeAclsRequest(_ANY, _NAMELESS, _ANY, f"User:{name}", _NAMELESS, _ANY, _ANY),
            )
            _check(f"to show what {user} may do", answer.error_code, answer.error_message)
            for kind, resource, pattern, acls in answer.resources:
                for _, host, operation, permission in acls:
                    said = _OPERATIONS.get(operation, str(operation))
                    if name == EVERYBODY:
                        said = f"{said} by everybody"
                    if host != _ANYWHERE:
                        said = f"{said} from {host}"
                    if permission != _ALLOW:
                        said = f"no {said}"
                    found.add(
                        Entry(
                            _KINDS.get(kind, str(kind)),
                            resource,
                            _PATTERNS.get(pattern, str(pattern)),
                            said,
                        )
                    )
        return found


@asynccontextmanager
async def open_access(client_options: Mapping[str, Any]) -> AsyncIterator[Access]:
    """Yield the access lists of the cluster that these aiokafka options lead to.

    Raises Unavailable when it can't be reached or doesn't do what it is asked.
    """
    client = AIOKafkaClient(**client_options)
    try:
        await client.bootstrap()
        yield Access(client)
    except (KafkaError, OSError) as error:
        raise await unreachable(client_options, error) from error
    finally:
        await client.close()


def _number(names: Mapping[int, str], name: str) -> int:
    return next(number for number, known in names.items() if known == name)


def _check(what: str, code: int, reason: str | None) -> None:
    if code:
        raise Unavailable(f"Kafka refuses {what}: {reason or for_code(code).__name__}")
