"""A batch that takes long to decide is not taken for a stopped process."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.errors import Unavailable
from dispatch.store import one_writer as module
from dispatch.store.database import IDLE_IN_TRANSACTION, Transaction
from dispatch.topics.fields import Content
from tests.integration.store.conftest import Post, of_kind

SLOW = 0.4  # seconds a call


@pytest.fixture
def slow_work(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = handling.handle

    def slowly(city: City, event: Content, digest: str) -> None:
        time.sleep(SLOW)  # the work itself, which nothing else can be waited for
        handle(city, event, digest)

    monkeypatch.setattr(handling, "handle", slowly)


@pytest.mark.usefixtures("slow_work")
async def test_a_batch_may_take_longer_than_a_stopped_process(
    open_desk: Callable[..., Any], post: Post
) -> None:
    desk = await open_desk()
    calls = int(IDLE_IN_TRANSACTION / 1_000 / SLOW) + 2
    events = await desk.take([post.call(f"c{n}") for n in range(calls)])
    assert len(of_kind(events, "call.decided")) == calls


@pytest.mark.usefixtures("slow_work")
async def test_no_transaction_lasts_for_ever(
    open_desk: Callable[..., Any], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await open_desk()
    with monkeypatch.context() as patched:
        patched.setattr(module, "TRANSACTION", 1_000)
        with pytest.raises(Unavailable):
            await desk.take([post.call(f"c{n}") for n in range(5)])
    assert of_kind(await desk.take([post.call("c1")]), "order.issued")


async def test_however_many_are_open_they_are_read_a_few_at_a_time(
    open_desk: Callable[..., Any], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await open_desk()
    await desk.take([post.call(f"c{n}", condition="critical") for n in range(1, 8)])
    asked: list[int] = []
    fetch = Transaction.fetch

    async def watched(self: Transaction, name: str, *arguments: Any) -> Any:
        if name == "load_incidents":
            asked.append(len(arguments[0]))
        return await fetch(self, name, *arguments)

    monkeypatch.setattr(Transaction, "fetch", watched)
    monkeypatch.setattr(module, "INCIDENTS_AT_ONCE", 3)
    another = await open_desk()
    # With the city itself, to which some belongs.
    assert asked == [3, 3, 2]
    assert another._city.incidents == desk._city.incidents
    assert another._city.calls == desk._city.calls
    assert (await another.health()).open_incidents == 7
