"""`make kafka` keeps its brokers running: one that ends is started again, and nothing else ends."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka import run
from dispatch.errors import StackError


@dataclass
class Node:
    number: int
    running: bool = True
    log: Path = Path("broker.log")


@dataclass
class Cluster:
    """Brokers of which some end as soon as they are started, and one look at which is the last."""

    broken: frozenset[int] = frozenset()
    nodes: tuple[Node, ...] = field(default_factory=lambda: tuple(Node(n) for n in (1, 2, 3)))
    started: list[int] = field(default_factory=list)

    async def start_broker(self, number: int) -> None:
        self.started.append(number)
        if number in self.broken:
            raise StackError(f"broker {number} doesn't get ready")
        self.nodes[number - 1].running = True


class Looked(Exception):
    """There were enough looks."""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(range(20))

    async def look_again(_seconds: float) -> None:
        if next(looks, None) is None:
            raise Looked

    monkeypatch.setattr(asyncio, "sleep", look_again)


async def keep(cluster: Any) -> None:
    await run._keep_running(cluster)


async def test_a_broker_that_ends_is_started_again_and_it_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = Cluster()
    cluster.nodes[1].running = False
    with pytest.raises(Looked):
        await keep(cluster)
    assert cluster.started == [2]
    said = capsys.readouterr().err
    assert "broker 2 has ended, and is started again" in said
    assert "broker 2 is back" in said


async def test_one_that_keeps_ending_is_left_alone_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = Cluster(broken=frozenset({2}))
    cluster.nodes[1].running = False
    with pytest.raises(Looked):
        await keep(cluster)
    assert cluster.started == [2] * run.MOST_RESTARTS
    assert capsys.readouterr().err.count("broker 2 keeps ending, and is left alone") == 1


async def test_it_ends_when_no_broker_can_be_kept() -> None:
    cluster = Cluster(broken=frozenset({1, 2, 3}))
    for node in cluster.nodes:
        node.running = False
    with pytest.raises(StackError, match="no broker runs any more"):
        await keep(cluster)
