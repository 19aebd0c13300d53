import ast
import re
import string
from pathlib import Path

import pytest

import dispatch
from dispatch.cli import COMMANDS
from dispatch.language import LANGUAGES, catalogue, choose, speak, spoken, text


def placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}


def test_the_catalogues_have_the_same_keys() -> None:
    assert catalogue("en").keys() == catalogue("zh").keys()


def test_the_catalogues_have_the_same_placeholders() -> None:
    for key, message in catalogue("en").items():
        assert placeholders(message) == placeholders(catalogue("zh")[key]), key


def test_the_chinese_catalogue_is_chinese() -> None:
    for key, message in catalogue("zh").items():
        letters = re.sub(r"\{[^}]*\}", "", message)
        if re.search(r"[A-Za-z]{2}", letters):
            assert re.search(r"[\u4e00-\u9fff]", letters), key


def test_every_command_has_a_summary() -> None:
    for language in LANGUAGES:
        assert {f"cli.summary.{name}" for name in COMMANDS} <= catalogue(language).keys()


def test_every_key_in_the_code_is_in_the_catalogue() -> None:
    used = {
        node.args[0].value
        for path in Path(dispatch.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "text"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
    assert "cli.no_command" in used
    assert used <= catalogue("en").keys()


@pytest.mark.parametrize(
    ("wanted", "environment", "language"),
    [
        ("zh", {"DISPATCH_LANG": "en", "LANG": "en_US.UTF-8"}, "zh"),
        (None, {"DISPATCH_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh-Hans"}, "zh"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LC_MESSAGES": "zh_CN", "LANG": "en_GB"}, "zh"),
        (None, {"LANG": "fr_FR.UTF-8"}, "en"),
        ("fr", {"LANG": "zh_CN"}, "zh"),
        (None, {}, "en"),
    ],
)
def test_the_language_is_the_one_wanted_set_or_the_locales(
    wanted: str | None, environment: dict[str, str], language: str
) -> None:
    assert choose(wanted, environment) == language


def test_a_text_is_shown_in_the_language_spoken_with_its_values() -> None:
    speak("zh")
    assert spoken() == "zh"
    assert text("cli.no_command", name="x") == "没有“x”这个命令。"
    speak("en")
    assert text("cli.no_command", name="x") == "There is no command x."


def test_a_missing_text_or_value_is_a_defect() -> None:
    with pytest.raises(KeyError):
        text("cli.nothing")
    with pytest.raises(KeyError):
        text("cli.no_command")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="fr"):
        speak("fr")
