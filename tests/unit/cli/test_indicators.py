"""What `dispatch indicators` shows, and the arguments that it refuses."""

import ast
from pathlib import Path

import pytest
from rich.console import Console

import dispatch
from dispatch import cli
from dispatch.cli.indicators import render
from dispatch.indicators.computation import compute, registry
from dispatch.indicators.ordering import FALLBACKS
from dispatch.language import LANGUAGES, catalogue, speak
from dispatch.policy.pack import load_pack

PACK = load_pack("covid-19")


def shown(language: str) -> str:
    speak(language)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(render(compute([], PACK)))
    return capture.get()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_indicator_is_shown_by_its_title_and_its_name(language: str) -> None:
    said = shown(language)
    for name in registry(PACK):
        assert name in said
    assert ("Zero indicators" if language == "en" else "零指标") in said


def test_without_events_counts_are_zero_and_shares_unknown() -> None:
    lines = {line.split()[-4]: line.split() for line in shown("en").splitlines() if " ok" in line}
    assert lines["missed_screenings"][-3:] == ["0", "0", "ok"]
    assert "call_answered" not in lines


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_a_finding_has_words(language: str) -> None:
    folder = Path(dispatch.__path__[0]) / "indicators"
    words = {
        key.removeprefix("indicators.why.")
        for key in catalogue(language)
        if key.startswith("indicators.why.")
    }
    said = {
        node.value
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    # Fallbacks are named by the choice of a unit.
    assert words == (words & said) | set(FALLBACKS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "2022-03-01T00:00:00"], "is no RFC 3339 time with an offset"),
        (["--to", "yesterday"], "is no RFC 3339 time with an offset"),
        (
            ["--from", "2022-03-02T00:00:00+08:00", "--to", "2022-03-01T23:59:59+08:00"],
            "--from is after --to",
        ),
        (["--district", "1507"], "1507 is not 6 digits"),
        (["--drill", "nothing"], "There is no indicator nothing; known: missed_screenings"),
    ],
)
def test_wrong_arguments_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.run(["indicators", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_database_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCH_DATABASE__DSN", "postgresql://nobody@127.0.0.1:1/none")
    assert cli.run(["indicators"]) == 1
    assert "the database can't be reached" in capsys.readouterr().err
