"""Districts are given by name or code, and places are said by their names."""

import pytest

from dispatch import cli
from dispatch.cli.city_plan import know_names, packaged_cities
from dispatch.settings import load_settings
from dispatch.wording import named


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("没有", "没有旗市区“没有”；可用：海拉尔区（150702）"),
        ("凌", "没有旗市区“凌”；可用：凌河区（210703）、凌海市（210781）"),
        ("1507", "1507 不是 6 位数字"),
    ],
)
@pytest.mark.parametrize("command", [["indicators"], ["call"], ["transfers", "request"]])
def test_a_district_that_is_not_there_is_told_with_those_that_are(
    capsys: pytest.CaptureFixture[str], command: list[str], given: str, said: str
) -> None:
    assert cli.run(["--lang", "zh", *command, "--district", given]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("given", ["海拉尔区", "海拉尔", "150702"])
def test_a_district_is_given_by_name_or_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    asked = {}

    def look(*arguments: object) -> None:
        asked["district"] = arguments[2].district  # type: ignore[attr-defined]  # a scope
        raise KeyboardInterrupt

    monkeypatch.setattr("dispatch.cli.indicators._look", look)
    assert cli.run(["indicators", "--district", given]) == 130
    assert asked == {"district": "150702"}
    # No complaint: only the line is ended that Ctrl-C stands in.
    assert capsys.readouterr().err == "\n"


def test_names_are_those_of_the_citys_plan() -> None:
    know_names(load_settings(overrides={"city": packaged_cities()[0]}))
    assert named("HLR-PEOPLES") == "海拉尔人民医院"
    assert named("150702") == "海拉尔区"
    assert named("JZ-RESERVE") == "JZ-RESERVE"


def test_without_a_plan_the_names_are_those_of_the_package() -> None:
    know_names(load_settings())
    assert named("HLR-PEOPLES") == "海拉尔人民医院"
    assert named("JZ-RESERVE") == "凌海后备定点医院"


def test_a_plan_that_cannot_be_read_gives_no_names(tmp_path: object) -> None:
    know_names(load_settings(overrides={"city": f"{tmp_path}/none.toml"}))
    assert named("HLR-PEOPLES") == "HLR-PEOPLES"
