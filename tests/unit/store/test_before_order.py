"""A word that has waited since before an order is of no run that came meanwhile."""

import pytest

from tests.integration.store.conftest import HandClock, Post, of_kind
from tests.unit.store.test_waiting import Office, Rows

REASON = "was said before the unit was given the order that it has now"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def post(clock: HandClock) -> Post:
    return Post(clock)


@pytest.fixture
def office(clock: HandClock) -> Office:
    return Office(clock, Rows())


async def test_it_acknowledges_no_order_that_came_meanwhile(
    office: Office, post: Post, clock: HandClock
) -> None:
    await office.take(post.unit("T1", status="rolling"), post.unit("T1", status="on_scene"))
    clock.forward(2)
    told = await office.take(post.call("c1", case_status="confirmed"))
    assert of_kind(told, "order.issued")[0]["unit_id"] == "T1"
    refused = [each["reasons"][0]["reason"] for each in of_kind(told, "unit.rejected")]
    assert refused == [REASON, REASON]
    assert office.outcomes() == ["accepted", "crossed", "crossed"]
    assert office.desk._city.assignments["c1/A1"].acknowledged_at is None
    assert "order_unanswered/c1/A1" in office.rows.timers
    # What its crew says of it counts.
    clock.forward(2)
    await office.take(post.unit("T1", status="rolling"))
    assert office.desk._city.units["T1"].status == "rolling"


async def test_nor_one_that_is_given_in_the_same_transaction(office: Office, post: Post) -> None:
    told = await office.take(
        post.unit("T1", status="rolling"), post.call("c1", case_status="confirmed")
    )
    assert of_kind(told, "unit.rejected")[0]["reasons"][0]["reason"] == REASON
    assert office.desk._city.assignments["c1/A1"].acknowledged_at is None


async def test_what_came_early_of_an_order_that_stands_is_taken(
    office: Office, post: Post, clock: HandClock
) -> None:
    await office.take(post.call("c1", case_status="confirmed"))
    clock.forward(2)
    await office.take(post.unit("T1", status="on_scene"))
    clock.forward(2)
    await office.take(post.unit("T1", status="rolling"))
    assert office.desk._city.units["T1"].status == "on_scene"


async def test_so_is_what_waited_for_the_run_that_a_crew_has_again(
    office: Office, post: Post, clock: HandClock
) -> None:
    await office.take(post.call("c1", case_status="confirmed"))
    clock.forward(4)
    rolled = post.unit("T1", status="rolling")
    clock.forward(30)
    there = post.unit("T1", status="on_scene")
    clock.forward(30)
    await office.fire()
    assert office.desk._city.units["T1"].status == "out_of_service"
    clock.forward(5)
    await office.take(there)
    clock.forward(5)
    await office.take(rolled)
    city = office.desk._city
    run = city.assignments[city.units["T1"].assignment_id or ""]
    assert city.assignments["c1/A1"].continued_as == run.assignment_id
    assert (city.units["T1"].status, run.met_patient) == ("on_scene", True)
