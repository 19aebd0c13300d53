from pathlib import Path

import pytest

from benchmarks.quality.record import read_record
from dispatch.errors import ConfigurationError
from tests.unit.benchmarks.quality.invented import AREAS, HOSPITALS, PACK, read, row


def test_a_run_has_its_phases_as_recorded(tmp_path: Path) -> None:
    (run,) = read(tmp_path, [row(1, 30.0)]).runs
    assert (run.received, run.ready, run.ordered) == (1800.0, 1860.0, 1920.0)
    assert run.turnout_seconds == 30.0
    assert (run.scene_seconds, run.transport_seconds, run.stay_seconds) == (900.0, 600.0, 1500.0)
    assert run.on_scene == 2400.0
    assert run.scene == AREAS["01"]
    assert run.end == HOSPITALS[0]
    assert run.counts


def test_a_crew_without_a_patient_is_free_at_the_scene(tmp_path: Path) -> None:
    empty = row(1, 0.0, transport_at="", hospital_at="", disposition="No Merit")
    (run,) = read(tmp_path, [empty]).runs
    assert run.transport_seconds is None
    assert run.scene_seconds == 50 * 60.0
    assert run.stay_seconds == 0.0
    assert run.end == run.scene


def test_a_run_that_was_never_seen_on_scene_is_not_compared(tmp_path: Path) -> None:
    nowhere = row(1, 0.0, on_scene_at="", transport_at="", hospital_at="", disposition="Cancelled")
    (run,) = read(tmp_path, [nowhere]).runs
    assert not run.counts
    assert run.ends == 3600.0


def test_a_call_without_a_crew_is_left_out(tmp_path: Path) -> None:
    nobody = dict.fromkeys(
        ("unit_id", "dispatched_at", "responding_at", "on_scene_at", "transport_at"), ""
    )
    nobody |= dict.fromkeys(("hospital_at", "available_at"), "")
    record = read(tmp_path, [row(1, 0.0), row(2, 5.0, **nobody)])
    assert [run.call_id for run in record.runs] == ["00001"]
    assert record.left_out == 1


def test_a_crew_is_on_duty_through_a_short_pause_and_midnight(tmp_path: Path) -> None:
    minutes = (1300.0, 1500.0, 1500.0 + 60 + 4 * 60 + 3)
    record = read(tmp_path, [row(n, minute) for n, minute in enumerate(minutes)])
    assert [(shift.begins / 60, shift.ends / 60) for shift in record.shifts] == [
        (1302.0, 1560.0),
        (1805.0, 1863.0),
    ]


def test_posts_go_by_the_demand_of_the_odd_days(tmp_path: Path) -> None:
    rows = [row(n, n * 1.0, "01", unit_id=f"U{n}") for n in range(4)]
    rows += [row(n, n * 1.0, "02", unit_id=f"U{n}") for n in range(4, 6)]
    # The second day does not count.
    rows += [row(n, 1440.0 + n, "03", unit_id=f"U{n}") for n in range(6, 20)]
    record = read(tmp_path, rows)
    assert record.demand == {"01": pytest.approx(2 / 3), "02": pytest.approx(1 / 3)}
    first_day = [shift.post for shift in record.shifts if shift.begins < 1440 * 60]
    assert sorted(first_day) == ["01", "01", "01", "01", "02", "02"]


def test_only_the_first_days_are_read_where_asked(tmp_path: Path) -> None:
    record = read(tmp_path, [row(1, 0.0), row(2, 1441.0), row(3, 2881.0)], days=2)
    assert [run.day for run in record.runs] == [1, 2]
    assert record.days == 2


def test_a_record_without_calls_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no calls"):
        read(tmp_path, [])


def test_a_folder_without_the_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_record(tmp_path, PACK, days=None, seed=1)
