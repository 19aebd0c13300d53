"""A batch that takes long to decide is not taken for a stopped process."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from dispatch.domain import handling
from dispatch.domain.city import City
from dispatch.errors import Unavailable
from dispatch.store import desk as module
from dispatch.store.database import IDLE_IN_TRANSACTION
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
