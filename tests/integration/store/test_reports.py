"""Reports on a real PostgreSQL: sent again by whichever process runs, until acknowledged."""

from collections.abc import Callable
from typing import Any

from dispatch.store.desk import Desk
from dispatch.topics.cloudevents import timestamp
from tests.integration.store.conftest import HandClock, Post, fire_due, kinds, of_kind

OpenDesk = Callable[..., Any]


def acknowledged(post: Post, report_id: str) -> Any:
    incident_id = report_id.partition("/")[0]
    body = {
        "incident_id": incident_id,
        "report_id": report_id,
        "at": timestamp(post.clock.time),
        "by": "cdc",
    }
    return post.record("commission", "report.acknowledged", incident_id, body)


async def handed_over(desk: Desk, post: Post) -> list[Any]:
    """Bring a confirmed case to the hospital and have the vehicle disinfected."""
    events = [*await desk.take([post.call("c1", case_status="confirmed")])]
    for status in ("rolling", "on_scene", "transporting", "at_hospital"):
        events += await desk.take([post.unit("T1", status=status)])
    handover = {"handover_id": "c1/A1/H1", "by": "n"}
    events += await desk.take([post.hospital("H1", "handover.signed_by_hospital", **handover)])
    events += await desk.take([post.unit("T1", "handover.signed_by_crew", **handover)])
    return events


async def test_a_restart_goes_on_sending_a_report_until_it_is_acknowledged(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    before = await open_desk()
    events = await handed_over(before, post)
    [first] = of_kind(events, "case.reported")
    await before.close()
    clock.forward(900)
    after = await open_desk()
    [again] = of_kind(await fire_due(after), "case.reported")
    assert (first["attempt"], again["attempt"]) == (1, 2)
    assert again["report_id"] == first["report_id"]
    assert again["content"] == first["content"]
    settled = await after.take([acknowledged(post, first["report_id"])])
    assert of_kind(settled, "report.settled")[0]["attempts"] == 2
    assert await after.take([acknowledged(post, first["report_id"])]) == []
    clock.forward(7_200)
    assert "case.reported" not in kinds(await fire_due(after))


async def test_a_restart_knows_the_cases_of_a_cluster_and_the_first_of_the_city(
    open_desk: OpenDesk, post: Post
) -> None:
    before = await open_desk()
    [first] = of_kind(
        await before.take([post.call("c0", case_status="confirmed", age=30.0)]), "case.reported"
    )
    await before.close()
    after = await open_desk()
    record = post.call("g0", case_status="confirmed", age=60.0)
    [second] = of_kind(await after.take([record]), "case.reported")
    assert (first["first_case"], first["cluster"]) == (True, [])
    assert (second["first_case"], second["cluster"]) == (False, ["c0", "g0"])


async def test_two_processes_do_not_send_a_report_twice(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    one, other = await open_desk(), await open_desk()
    await one.published(await one.take([post.call("c1", case_status="confirmed")]))
    clock.forward(900)
    sent = [*await fire_due(one), *await fire_due(other)]
    assert [report["attempt"] for report in of_kind(sent, "case.reported")] == [2]
    await other.take([acknowledged(post, "c1/R1")])
    clock.forward(900)
    assert "case.reported" not in kinds(await fire_due(one))


async def test_a_process_reads_no_more_than_the_case_that_another_has_found(
    open_desk: OpenDesk, post: Post
) -> None:
    one, two = await open_desk(), await open_desk()
    await one.take([post.call(f"c{n}", case_status="confirmed") for n in range(3)])
    await two.take([post.unit("T1")])
    known = dict(two._city.known_cases)
    assert len(known) == 3
    await one.take([post.call("c9", case_status="confirmed")])
    await two.take([post.unit("T1")])
    assert two._city.known_cases.keys() == known.keys() | {"city/c9"}
    assert all(two._city.known_cases[key] is case for key, case in known.items())


async def test_a_case_that_one_process_has_forgotten_another_forgets_too(
    open_desk: OpenDesk, post: Post, clock: HandClock
) -> None:
    one, other = await open_desk(), await open_desk()
    for call_id, age in (("c0", 30.0), ("g0", 60.0)):
        await one.take([post.call(call_id, case_status="confirmed", age=age)])
    for report_id in ("c0/R1", "g0/R1"):
        await other.take([acknowledged(post, report_id)])
    clock.forward(14 * 86_400)
    await fire_due(one)
    again = post.unit("R1", "case.found", assignment_id="c0/A1", case_status="confirmed")
    await other.take([again])
    for desk in (one, other):
        assert list(desk._city.known_cases) == ["city/c0"]
