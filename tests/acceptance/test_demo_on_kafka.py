"""The scenarios of the demo, whole, on Apache Kafka."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from dispatch.demo.city import performance as city
from dispatch.demo.jinzhou import performance as jinzhou
from dispatch.stack.broker import Broker
from dispatch.stack.embedded import AnyBroker


@pytest.mark.timeout(600)
@pytest.mark.parametrize("perform", [city.perform, jinzhou.perform], ids=["city", "jinzhou"])
async def test_every_story_is_told_and_every_invariant_holds(
    perform: Callable[..., Any], data_dir: Path, kafka: Callable[[Path], AnyBroker]
) -> None:
    if kafka is Broker:
        pytest.skip("needs Apache Kafka: make test-kafka")
    summary = await perform(
        data_dir, seed=1, speed=None, show=lambda *_: nullcontext(lambda: None), kafka=kafka
    )
    assert summary.failures == []
    assert summary.lost == summary.double_booked == 0
