"""The published calls for service: times, endings, and the city that is read off them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.errors import ConfigurationError
from dispatch.policy.pack import load_pack
from dispatch.simulation.epidemic import overlay
from dispatch.simulation.plan_file import write_plan
from dispatch.simulation.recorded import Recorded
from dispatch.simulation.sfgov import plan_of, read_calls, read_rows, recorded_calls
from dispatch.store.plan import read_plan
from tests.unit.simulation.recorded_day import UNITS, row, write_day

NOBODY = (None, None, None, None, None, None)


def read(folder: Path, *rows: str, seed: int = 1) -> list[Recorded]:
    path = write_day(folder, list(rows))
    return recorded_calls(path, read_calls(path), seed=seed)


def test_times_are_local_and_come_out_in_utc(tmp_path: Path) -> None:
    (recorded,) = read(tmp_path, row(1, minute=0))
    assert recorded.call.received_at == datetime(2017, 3, 1, 17, 0, tzinfo=UTC)
    assert recorded.times.hospital_at == datetime(2017, 3, 1, 17, 40, tzinfo=UTC)
    assert recorded.ends_empty is None
    assert recorded.cancelled_at is None


@pytest.mark.parametrize(
    ("disposition", "reason"),
    [
        ("Patient Declined Transport", "transport_declined"),
        ("Gone on Arrival", "patient_left"),
        ("Unable to Locate", "patient_not_found"),
        ("Something New", "treated_on_scene"),
    ],
)
def test_a_run_without_transport_ends_empty(tmp_path: Path, disposition: str, reason: str) -> None:
    (recorded,) = read(
        tmp_path, row(1, minute=0, disposition=disposition, after=(2, 3, 9, None, None, 30))
    )
    assert recorded.ends_empty == reason


def test_a_transport_counts_whatever_the_disposition(tmp_path: Path) -> None:
    (recorded,) = read(tmp_path, row(1, minute=0, disposition="Gone on Arrival"))
    assert recorded.ends_empty is None


def test_calls_that_were_called_off_are_cancelled(tmp_path: Path) -> None:
    alone, called_off = read(
        tmp_path,
        row(1, minute=0, disposition="No Merit", unit="", after=NOBODY),
        row(2, minute=1, disposition="Cancelled", after=(2, 3, None, None, None, 8)),
    )
    assert alone.cancelled_at is not None
    assert 30 <= (alone.cancelled_at - alone.call.received_at).total_seconds() <= 300
    assert called_off.cancelled_at == called_off.times.available_at


def test_the_epidemic_follows_from_the_seed(tmp_path: Path) -> None:
    rows = [row(number, minute=number) for number in range(50)]
    assert read(tmp_path, *rows, seed=1) == read(tmp_path, *rows, seed=1)
    assert read(tmp_path, *rows, seed=1) != read(tmp_path, *rows, seed=2)


def test_the_epidemic_leaves_some_questions_without_an_answer() -> None:
    added = [overlay(1, f"C{number}", "stable") for number in range(500)]
    assert {each.caller["kind"] for each in added} == {"public", "institution"}
    waits = [each.answers_after for each in added]
    assert any(wait is None for wait in waits)
    assert any(wait is not None and wait > 60 for wait in waits)
    assert sum(wait is not None and wait < 60 for wait in waits) > 250


def test_the_city_is_read_off_the_record_and_can_be_written(tmp_path: Path) -> None:
    path = write_day(tmp_path, [row(number, minute=number) for number in range(18)])
    hospitals = read_rows(tmp_path / "sf_hospitals.csv", ("name",))
    plan = plan_of(read_calls(path), hospitals, load_pack("covid-19"))
    assert {unit.unit_id for unit in plan.unit} == set(UNITS)
    assert [u.unit_id for u in plan.unit if u.crew == "transfer"] == ["A1"]
    assert {u.vehicle for u in plan.unit} == {"negative_pressure", "monitoring"}
    roles = [role for hospital in plan.hospital for role in hospital.roles]
    assert roles.count("designated") == 1
    assert (roles.count("fever_clinic"), roles.count("emergency_buffer")) == (2, 1)
    assert [h.roles for h in plan.hospital if h.service_at_first == "cases"] == [("designated",)]
    write_plan(plan, tmp_path / "city.toml")
    assert read_plan(tmp_path / "city.toml") == plan


def test_a_record_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("call_number,received_at\n1,x\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has no column available_at"):
        read_calls(path)


def test_a_broken_row_is_named(tmp_path: Path) -> None:
    broken = row(2, minute=1).replace("2017-03-01T09:01:00", "soon", 1)
    with pytest.raises(ConfigurationError, match="line 3"):
        read(tmp_path, row(1, minute=0), broken)


@pytest.mark.parametrize("field", ['"' + "x" * 200_000 + '"', '"never closed' + "\nx" * 100_000])
def test_a_field_that_is_too_long_gives_one_line(field: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(f"name,latitude\nfirst,1\n{field},2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"calls\.csv: line \d+: field larger than"):
        read_rows(path, ("name",))
