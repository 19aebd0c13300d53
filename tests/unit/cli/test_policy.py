"""`dispatch policy` shows what packs are about, and which words stand for which symptom."""

import json
from pathlib import Path

import pytest

from dispatch import cli
from dispatch.domain.lifecycle import RUN_END
from dispatch.policy.pack import Pack, load_pack, pack_names


def test_every_symptom_is_listed_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--lang", "en", "policy", "symptoms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    pack = load_pack("covid-19")
    assert len(lines) == len(pack.vocabulary.symptoms) + 1
    assert lines[0].startswith("fever (screened): 发热、发烧、")
    assert "; fever, high fever, " in lines[0]
    assert lines[-1].startswith("unknown: 不详、")
    screened = [line.partition(" ")[0] for line in lines if "(screened)" in line]
    assert screened == list(pack.screening.trigger_symptoms)


def test_every_symptom_is_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy", "symptoms", "influenza-a-h1n1-2009", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    breathless = next(each for each in found if each["code"] == "shortness_of_breath")
    assert breathless["trigger"] is False
    assert "喘不上气" in breathless["zh"]
    assert "dyspnea" in breathless["en"]
    assert breathless["patterns"]


@pytest.mark.parametrize(
    ("listing", "line"),
    [
        ("needs", "ventilator：呼吸机；ventilator（医院能力：重症救治；车型：负压型、监护型）"),
        ("needs", "paralysis：瘫痪；paralysis"),
        ("needs", "dialysis：透析；dialysis（医院能力：透析；不得延误）"),
        ("kinds", "close_contact：密切接触者；close contact"),
        (
            "agents",
            "chlorine_wipe：含氯消毒剂擦拭；wiping with chlorine（不低于 1000 mg/L，不少于 30 分钟）",  # noqa: E501 - a line
        ),
        ("reasons", "拒绝出车：vehicle_fault：车辆故障；vehicle fault"),
    ],
)
def test_every_code_is_listed_with_its_words(
    capsys: pytest.CaptureFixture[str], listing: str, line: str
) -> None:
    assert cli.run(["--lang", "zh", "policy", listing]) == 0
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("name", "load"), [(name, load_pack(name)) for name in pack_names()])
def test_listings_are_whole(capsys: pytest.CaptureFixture[str], name: str, load: Pack) -> None:
    for listing, codes in (
        ("needs", set(load.needs.codes)),
        ("kinds", set(load.transfers.kinds)),
        ("agents", set(load.disinfection.minimums)),
    ):
        assert cli.run(["policy", listing, name, "--json"]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {each["code"] for each in found} == codes
        assert all(each["zh"] and each["en"] for each in found)
    assert cli.run(["policy", "reasons", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(each["outcome"], each["code"]) for each in found} == {
        (outcome, code) for outcome, some in RUN_END.items() for code in some
    }


def test_a_summary_is_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--lang", "zh", "policy", "check", "covid-19"]) == 0
    said = capsys.readouterr().out
    assert "1 分钟" in said
    assert "咽痛" in said
    assert "2020-01-26" in said


@pytest.mark.parametrize("name", pack_names())
def test_an_exported_pack_is_the_same_pack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = tmp_path / "ours.toml"
    assert cli.run(["policy", "export", name, "--to", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert load_pack(str(file)) == load_pack(name)
    assert cli.run(["policy", "export", name]) == 0
    assert capsys.readouterr().out == file.read_text("utf-8")


def test_an_exported_pack_can_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    assert cli.run(["policy", "export", "covid-19", "--to", str(file)]) == 0
    changed = file.read_text("utf-8").replace("deadline_seconds = 60", "deadline_seconds = 45")
    file.write_text(changed, "utf-8")
    assert load_pack(str(file)).screening.deadline_seconds == 45


def test_an_export_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ours.toml"
    file.write_text("mine")
    assert cli.run(["--lang", "en", "policy", "export", "covid-19", "--to", str(file)]) == 1
    assert "ours.toml: File exists" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert cli.run(["--lang", "en", "policy", "export", "plague"]) == 1
    assert "plague: not the name of a pack (covid-19, " in capsys.readouterr().err
