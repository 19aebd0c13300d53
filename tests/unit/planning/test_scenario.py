from collections import Counter
from pathlib import Path

import pytest

from dispatch.errors import ConfigurationError
from dispatch.planning.scenario import NAMES, read_scenario

INTAKE = Path(__file__).parents[3] / "dispatch/planning/scenarios/jinzhou-intake.toml"


def test_the_intake_is_as_its_source_states() -> None:
    problem = read_scenario("jinzhou-intake").together()
    assert Counter(each.severity for each in problem.patients) == {
        "critical": 3,
        "severe": 8,
        "ordinary": 63,
        "mild": 33,
    }
    assert (len(problem.units), problem.rules.bays, problem.rules.wear_seconds) == (12, 4, 14_400)
    assert {each.seconds_from_origin for each in problem.hospitals} == {3600}
    days = {each.ready_at.date() for each in problem.patients}
    assert len(days) == 22
    beds = {each.severity: each.beds[0] for each in problem.patients}
    assert beds == {
        "critical": "icu",
        "severe": "negative_pressure",
        "ordinary": "isolation",
        "mild": "isolation",
    }


def test_the_emptying_is_as_stated() -> None:
    problem = read_scenario("jinzhou-emptying").together()
    assert Counter(each.mobility for each in problem.patients) == {
        "walking": 120,
        "wheelchair": 54,
        "stretcher": 43,
    }
    assert [sum(each.beds.values()) for each in problem.hospitals] == [120, 80, 60]
    assert [each.seconds_from_origin for each in problem.hospitals] == [900, 1800, 3150]
    assert sum(each.beds == ("oxygen",) for each in problem.patients) >= 24


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_says_what_is_stated_and_what_is_chosen(name: str) -> None:
    scenario = read_scenario(name)
    assert scenario.name == name
    assert all((scenario.sources, scenario.stated, scenario.chosen))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            ('"HLD-107", batch = 27', '"HLD-001", batch = 27'),
            "patient.106 (HLD-001): is there twice, in batches 1 and 27",
        ),
        (('"HLD-107", batch = 27', '"HLD-107", batch = 28'), "there is no batch 28"),
        (('needs = ["pancreatitis"]', 'needs = ["dialysis"]'), "there is no [need.dialysis]"),
        (("[mobility]\nwalking", "[mobility]\n# walking"), "there is no [mobility.walking]"),
        (("\ncritical = {", "\n#"), "there is no [severity.critical]"),
        (('"JZ-T02"', '"JZ-T01"'), "unit: JZ-T01 is there twice"),
        (("bays = 4", "bays = 0"), "rules.bays: "),
        (("bays = 4", "tents = 4"), "rules.tents: "),
        (('name = "jinzhou-intake"', "name ="), "is not TOML"),
    ],
)
def test_a_bad_file_is_refused_with_where_and_why(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    content = INTAKE.read_text(encoding="utf-8")
    assert change[0] in content
    path = tmp_path / "bad.toml"
    path.write_text(content.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_scenario(str(path))
    assert str(refused.value).startswith(f"{path}: ")
    assert reason in str(refused.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^nowhere\.toml: No such file"):
        read_scenario("nowhere.toml")
