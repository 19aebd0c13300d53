"""Rights that were given are in force on every broker, which learn of them one after the other."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.admin import CreateAclsRequest

from dispatch import cluster
from dispatch.errors import Unavailable
from dispatch.topic_admin.access import Access
from dispatch.topic_admin.roles import Entry

READ = Entry("topic", "dispatch.calls", "literal", "Read")


class Brokers:
    """Stands in for a client; each broker tells of the right when asked so often, -1: is down."""

    def __init__(self, **late: int) -> None:
        self.late = {int(name.removeprefix("broker")): often for name, often in late.items()}
        self.asked: Counter[int] = Counter()
        nodes = [SimpleNamespace(nodeId=number) for number in self.late]
        self.cluster = SimpleNamespace(brokers=lambda: nodes)

    def get_random_node(self) -> int:
        return 1

    async def send(self, node_id: int, request: Any) -> Any:
        if isinstance(request, CreateAclsRequest):
            return SimpleNamespace(creation_responses=[(0, None)])
        if self.late[node_id] < 0:
            raise NodeNotReadyError
        self.asked[node_id] += 1
        there = self.asked[node_id] > self.late[node_id]
        told = [(2, READ.name, 3, [("User:somebody", "*", 3, 3)])] if there else []
        return SimpleNamespace(error_code=0, error_message=None, resources=told)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "LOOK_AGAIN", 0.001)


def access(brokers: Any) -> Access:
    return Access(brokers)


async def test_it_waits_for_the_broker_that_hears_last_and_for_none_that_is_down() -> None:
    brokers = Brokers(broker1=0, broker2=9, broker3=-1)
    await access(brokers).allow("somebody", [READ])
    assert brokers.asked[2] > 9


async def test_a_broker_that_never_hears_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "TOLD_LIMIT", 0.05)
    with pytest.raises(Unavailable, match="somebody may do"):
        await access(Brokers(broker1=0, broker2=10**9)).allow("somebody", [READ])
