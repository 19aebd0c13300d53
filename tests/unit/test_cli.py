import subprocess
import sys

import click
import pytest

from dispatch import cli
from dispatch.cli.localised import command, option
from dispatch.errors import ConfigurationError, DispatchError
from dispatch.language import text


@pytest.mark.parametrize(("arguments", "words"), [([], "Usage: "), (["--lang", "zh"], "用法：")])
def test_help_speaks_the_language_wanted(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert cli.run([*arguments, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(words)
    for name in cli.COMMANDS:
        assert text(f"cli.summary.{name}") in shown


def test_help_comes_in_the_language_wanted_wherever_that_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["--help", "--lang", "zh"]) == 0
    assert capsys.readouterr().out.startswith("用法：")


def test_help_imports_no_command() -> None:
    program = (
        "import sys; from dispatch.cli import run; run(['--help']);"
        "print([name for name in sys.modules if name.startswith('dispatch.')"
        " or name in {'pydantic', 'aiokafka', 'faust'}])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    loaded = set(eval(said.splitlines()[-1]))
    assert loaded == {
        *(
            "dispatch.cli",
            "dispatch.cli.encoding",
            "dispatch.cli.invocation",
            "dispatch.cli.localised",
        ),
        *("dispatch.errors", "dispatch.language"),
    }


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == "dispatch, version 0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decid"], "There is no command decid. Did you mean decide?"),
        (["--lang", "fr", "decide"], "--lang: 'fr' is not one of 'en', 'zh'"),
        (["--conf"], "There is no option --conf. Did you mean --config?"),
        (["--lang", "zh", "--nosuch"], "没有“--nosuch”这个选项。"),
        (["--lang", "zh", "decide"], "缺少 FILE|-。"),
        (["--lang", "zh", "decid"], "没有“decid”这个命令。 是不是想用“decide”？"),
    ],
)
def test_a_usage_error_is_told_and_ends_with_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.run(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["unit"], ["policy"]])
def test_a_group_without_a_command_shows_its_help_once(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert cli.run(arguments) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Usage: ")
    assert shown.count("Usage: ") == 1
    assert "Commands" in shown or "Run the service" in shown


def install(monkeypatch: pytest.MonkeyPatch, made: click.Command) -> None:
    monkeypatch.setattr(cli, "COMMANDS", {"probe": f"{__name__}:probe"})
    monkeypatch.setattr(sys.modules[__name__], "probe", made, raising=False)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConfigurationError("kafka: no"), 1, "dispatch: kafka: no\n"),
        (DispatchError(), 1, "dispatch: The dispatch service met an error.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    said: str,
) -> None:
    @command("probe", help="cli.about")
    def fail() -> None:
        raise error

    install(monkeypatch, fail)
    assert cli.run(["probe"]) == status
    assert capsys.readouterr().err.strip("\n") == said.strip("\n")


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @command("probe", help="cli.about")
    def fail() -> None:
        raise ZeroDivisionError

    install(monkeypatch, fail)
    with pytest.raises(ZeroDivisionError):
        cli.run(["probe"])


def test_a_commands_integer_is_its_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    @command("probe", help="cli.about")
    def three() -> int:
        return 3

    install(monkeypatch, three)
    assert cli.run(["probe"]) == 3


def test_a_commands_help_is_looked_up_when_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @command("probe", help="cli.about")
    @option("--config", help="cli.config")
    def nothing(config: str | None) -> None:
        raise AssertionError(config)

    install(monkeypatch, nothing)
    assert cli.run(["--lang", "zh", "probe", "--help"]) == 0
    chinese = capsys.readouterr().out
    assert "院前急救" in chinese
    assert "配置文件" in chinese
    assert cli.run(["--lang", "en", "probe", "--help"]) == 0
    assert "Settings file" in capsys.readouterr().out
