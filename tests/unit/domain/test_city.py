"""The working set: what is changed can be undone, settled, loaded and forgotten."""

from time import perf_counter

import pytest

from dispatch.domain.city import City, Rejected
from dispatch.domain.handling import handle
from dispatch.domain.model import Timer
from dispatch.policy.pack import load_pack
from tests.unit.domain.city_builder import (
    DISTRICTS,
    START,
    UNDETERMINED,
    SmallCity,
    at,
    call,
    case,
    febrile,
    hospital,
    transfer_unit,
    unit,
    usual_hospitals,
)


def journal() -> City:
    city = City(pack=load_pack("covid-19"), districts=DISTRICTS, mode="epidemic")
    city.load([unit("U1"), hospital("H1", "ordinary")])
    city.begin(now=START, cause="input-1")
    return city


def test_rolling_back_leaves_what_was_done_before_the_mark() -> None:
    city = journal()
    city.put(unit("U1", reason="first"))
    city.set_timer("queue", "c1", START)
    mark = city.mark()
    city.put(unit("U1", reason="second"))
    city.put(unit("U2"))
    city.cancel_timer("queue", "c1")
    city.mode = "routine"
    city.roll_back(mark)
    assert city.units["U1"].reason == "first"
    assert "U2" not in city.units
    assert {key for _, key in city.changes.entities} == {"U1"}
    queue = Timer(timer_id="queue/c1", kind="queue", subject="c1", due_at=START)
    assert city.changes.timers == [("queue/c1", queue)]
    restored: str = city.mode
    assert restored == "epidemic"


def test_abandoning_returns_to_what_was_settled_last() -> None:
    city = journal()
    city.put(unit("U1", reason="settled"))
    city.mode = "routine"
    city.settle()
    city.put(unit("U1", reason="lost"))
    city.abandon()
    assert city.units["U1"].reason == "settled"
    assert city.mode == "routine"
    assert not city.changes.entities


def test_an_incident_that_is_undone_leaves_no_promise_no_place_in_the_queue_and_no_trace() -> None:
    city = SmallCity()
    before = city.snapshot()
    mark = city.city.mark()
    city.city.begin(now=city.now, cause="x")
    handle(city.city, febrile("c1", UNDETERMINED), "d")
    assert list(city.city.waiting) == ["c1"]
    city.city.roll_back(mark)
    assert city.snapshot() == before


def test_event_ids_follow_from_the_cause_so_that_a_replay_gives_the_same() -> None:
    histories = []
    for _ in range(2):
        city = SmallCity(unit("U1"), transfer_unit("T1"))
        city.say(case("c1"))
        city.say(call("c2"))
        city.hand_over("T1")
        histories.append([(e.event_id, e.cause, e.key, e.event) for e in city.history])
    assert histories[0] == histories[1]


def test_a_refusal_in_the_middle_of_an_override_takes_everything_back() -> None:
    city = SmallCity(unit("U1"), unit("U2", staffed=False))
    city.say(febrile("c1", UNDETERMINED))
    before = city.snapshot()
    with pytest.raises(Rejected):
        city.override("c1", hospital_id="second", unit_id="U2")
    assert city.snapshot() == before


def test_what_is_over_is_forgotten_whole_and_comes_back_whole() -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED))
    city.say(city.diverts(city.handover("U1")))
    city.hand_over("U1")
    assert "c1" in city.city.incidents  # its vehicle is still to be disinfected
    city.disinfect("U1")
    known = city.city
    assert not known.incidents
    assert not known.calls
    assert not known.assignments
    assert not known.handovers
    assert not known.jobs
    assert not known.recent._buckets
    assert not len(known.recent._places)
    assert city.incident("c1").outcome == "completed"
    assert set(known.handovers) == {"c1/A1/H1", "c1/A1/H2"}


def test_a_call_among_two_hundred_units_takes_well_under_a_millisecond_each() -> None:
    units = [unit(f"U{n}", station=at(111.5 + n / 1000, 40.7 + n / 2000)) for n in range(150)] + [
        transfer_unit(f"T{n}", station=at(111.5 + n / 250)) for n in range(50)
    ]
    city = SmallCity(*units, hospitals=usual_hospitals())
    calls = [
        febrile(f"c{n}", UNDETERMINED, location={"latitude": 41.0 + n / 100, "longitude": 111.6})
        for n in range(100)
    ]
    spent = []
    for each in calls:
        started = perf_counter()
        city.city.begin(now=city.now, cause=each.call_id)
        handle(city.city, each, "d")
        spent.append(perf_counter() - started)
        city._settle()
    assert sorted(spent)[len(spent) // 2] < 0.003, "0.5 ms where nothing else runs"
