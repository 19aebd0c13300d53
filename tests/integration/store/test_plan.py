"""The plan of a city in the database: what it brings in, and what it leaves as it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from dispatch.errors import ConfigurationError
from dispatch.policy.pack import load_pack
from dispatch.store.desk import Desk
from dispatch.store.plan import CityPlan, read_plan
from dispatch.topics.cloudevents import timestamp
from tests.integration.store.conftest import PREFIX, HandClock, Post, kinds, small_city


async def test_a_new_city_starts_in_the_mode_of_its_plan_and_keeps_what_it_was_told(
    migrated: str, clock: HandClock, post: Post
) -> None:
    plan = small_city().model_copy(update={"mode": "routine"})
    switch = {"at": timestamp(clock.time), "mode": "epidemic", "reason": "a case", "by": "x"}
    async with _open(migrated, plan, clock) as desk:
        refused = await desk.take(
            [post.record("city", "city.mode_switched", "city", {**switch, "mode": "routine"})]
        )
        assert "input.rejected" in kinds(refused)
        switched = await desk.take([post.record("city", "city.mode_switched", "city", switch)])
        assert "city.mode_changed" in kinds(switched)
    async with _open(migrated, plan, clock) as desk:
        assert await _value(migrated, "SELECT mode FROM centre") == "epidemic"


@pytest.mark.parametrize("hospital_id", ["a.b", "a:b", "a/b", "医院", "", "x" * 65])
def test_a_hospital_whose_id_no_topic_can_bear_is_refused(hospital_id: str, tmp_path: Path) -> None:
    packaged = Path(str(resources.files("dispatch"))) / "cities" / "hulunbuir.toml"
    plan = tmp_path / "city.toml"
    plan.write_text(packaged.read_text("utf-8").replace("EWK-BANNER", hospital_id), "utf-8")
    with pytest.raises(ConfigurationError, match=r"hospital_id: must be 1 to 64 .* topics bear"):
        read_plan(plan)


async def test_a_plan_that_comes_back_has_events_of_its_own(
    migrated: str, clock: HandClock
) -> None:
    for crew in ("regular", "transfer", "regular"):
        plan = small_city(3)
        first, *others = plan.unit
        moved = first.model_copy(update={"crew": crew})
        async with _open(migrated, plan.model_copy(update={"unit": (moved, *others)}), clock):
            pass
    query = "SELECT count(*) - count(DISTINCT event_id) FROM events"
    assert await _value(migrated, query) == 0
    assert await _value(migrated, "SELECT count(*) FROM events") == 3


@asynccontextmanager
async def _open(dsn: str, plan: CityPlan, clock: HandClock) -> AsyncIterator[Desk]:
    desk = Desk(
        {"dsn": dsn}, plan=plan, pack=load_pack("covid-19"), clock=clock, topic_prefix=PREFIX
    )
    await desk.open()
    try:
        yield desk
    finally:
        await desk.close()


async def _value(dsn: str, query: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
