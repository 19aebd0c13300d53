import json
from pathlib import Path

import pytest

from dispatch import cli

SMALL = """
name = "small"
about = "Two patients."
sources = []
stated = []
chosen = ["everything"]
speed_km_h = 60
deadline_hours = {hours}
batch = [{{ number = 1, at = "2022-02-08T09:00:00+08:00" }}]
unit = [{{ unit_id = "U1", vehicle = "basic", crew = "regular", distance_km = 0 }}]
patient = [
    {{ patient_id = "P1", batch = 1, severity = "mild", mobility = "walking" }},
    {{ patient_id = "P2", batch = 1, severity = "severe", mobility = "walking" }},
]
hospital = [{{ hospital_id = "H1", distance_km = 10, beds = {{ ward = {beds} }} }}]

[rules]
patients_per_vehicle = 1
gravest_first = true
wear_minutes = 240
disinfection_minutes = 0
loading_places = 1

[mobility]
walking = {{ load_minutes = 5, hand_over_minutes = 5 }}

[severity]
mild = {{ beds = ["ward"], vehicles = ["basic"], crews = ["regular"] }}
severe = {{ beds = ["ward"], vehicles = ["basic"], crews = ["regular"] }}
"""


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def small(tmp_path: Path, *, beds: int = 2, hours: int = 1) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL.format(beds=beds, hours=hours), encoding="utf-8")
    return str(path)


@pytest.mark.usefixtures("wide")
def test_a_plan_is_shown_by_waves_with_its_bound_and_deadline(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["transfers", "plan", small(tmp_path)]) == 0
    shown = capsys.readouterr().out
    rows = [line.split()[:4] for line in shown.splitlines()]
    assert ["1", "U1", "P2", "H1"] in rows
    assert ["2", "U1", "P1", "H1"] in rows
    assert "2 patients in 2 trips, the last handed over after 0:50 h" in shown
    assert "less than 0:50 h: at most 0.0% longer" in shown
    assert "The deadline holds" in shown


@pytest.mark.usefixtures("wide")
def test_who_is_not_placed_is_told_and_the_deadline_not_held(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["--lang", "zh", "transfers", "plan", small(tmp_path, beds=1)]) == 0
    shown = capsys.readouterr().out
    assert "P1：未能安排，适用的床位都给了同样重或更重的患者" in shown
    assert "不能在时限内完成" in shown


def test_a_plan_is_a_line_of_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.run(["transfers", "plan", small(tmp_path), "--json", "--seed", "3"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["batch_id"] == "small-1"
    assert [trip["patients"] for trip in plan["trips"]] == [["P2"], ["P1"]]
    assert plan["trips"][0]["beds"] == {"P2": "ward"}
    assert plan["trips"][0]["load_at"] == "2022-02-08T01:00:00Z"
    assert (plan["in_time"], plan["gap"], plan["deadline"]) == (True, 0.0, "2022-02-08T02:00:00Z")


@pytest.mark.usefixtures("wide")
def test_many_batches_are_a_row_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["transfers", "plan", "jinzhou-intake"]) == 0
    shown = capsys.readouterr().out
    assert sum(line.strip().startswith("jinzhou-intake-") for line in shown.splitlines()) == 27


@pytest.mark.usefixtures("wide")
def test_many_trips_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["transfers", "plan", "jinzhou-intake", "--together", "--seconds", "0"]) == 0
    shown = capsys.readouterr().out
    assert "107 patients in 107 trips" in shown
    assert "and 97 further trips" in shown
    lines = shown.splitlines()
    assert any(line.split()[:3] == ["省集中救治锦州中心", "107", "107"] for line in lines)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere.toml"], 1, "dispatch: nowhere.toml: No such file"),
        (["jinzhou-intake", "--draw", "plan.pdf"], 2, "a picture ends in .svg or .png"),
        (["jinzhou-intake", "--seconds", "-1"], 2, "--seconds: "),
    ],
)
def test_what_is_wrong_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    assert cli.run(["transfers", "plan", *arguments]) == status
    assert said in capsys.readouterr().err


def test_a_plan_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "plan.png"
    assert cli.run(["transfers", "plan", small(tmp_path), "--draw", str(picture)]) == 0
    assert picture.stat().st_size > 0


def test_a_picture_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "no" / "plan.svg"
    assert cli.run(["transfers", "plan", small(tmp_path), "--draw", str(picture)]) == 1
    assert capsys.readouterr().err == f"dispatch: {picture}: No such file or directory\n"
