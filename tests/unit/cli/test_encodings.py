"""A terminal that can't show a character gets another for it: no command ends by it."""

import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest

from dispatch import cli

# What each says of itself, and how it reads what is written.
ENCODINGS = {
    "ascii": ({"PYTHONIOENCODING": "ascii"}, "ascii"),
    "strict": ({"PYTHONIOENCODING": "ascii:strict"}, "ascii"),
    "gbk": ({"PYTHONIOENCODING": "gbk"}, "gbk"),
    "latin-1": ({"PYTHONIOENCODING": "latin-1:strict"}, "latin-1"),
    "C": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "ascii"),
    "utf-8": ({"PYTHONIOENCODING": "utf-8"}, "utf-8"),
}
# Runs every command's help in a process of its own, whose output is a pipe.
EVERY_HELP = """
from dispatch import cli
import click

def leaves(command, way):
    yield way
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from leaves(command.get_command(context, name), (*way, name))

for language in ("en", "zh"):
    for way in leaves(cli.group, ()):
        assert cli.run(["--lang", language, *way, "--help"]) == 0, way
"""
SAID = (
    ["policy", "symptoms"],
    ["policy", "needs"],
    ["policy", "kinds"],
    ["policy", "agents"],
    ["policy", "reasons"],
    ["policy", "check", "influenza-a-h1n1-2009"],
    ["policy", "check", "没有"],
    ["decide", "-"],
    ["transfers", "plan", "没有.toml"],
    ["transfers", "request", "--patient", "甲"],
    ["call", "--district", "没有"],
    ["indicators", "--drill", "没有"],
    ["clocks"],
    ["tail", "--topic", "没有"],
)


def run(encoding: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "PYTHON", "LANG")) or name == "PYTHONPATH"
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        input='{"call_id": 1}\n没有\n'.encode(),
        capture_output=True,
        env=environment | ENCODINGS[encoding][0] | {"DISPATCH_DATABASE__DSN": "postgresql:///x"},
        check=False,
        cwd=Path(cli.__file__).parents[2],
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"Error" not in done.stderr, done.stderr
    return done


def readable(encoding: str, said: bytes) -> str:
    """Return what such a terminal shows; raise UnicodeDecodeError where it is rubbish."""
    return said.decode(ENCODINGS[encoding][1])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_commands_help_is_shown_on_every_terminal(encoding: str) -> None:
    done = run(encoding, "-c", EVERY_HELP)
    assert done.returncode == 0
    said = readable(encoding, done.stdout)
    for name in cli.COMMANDS:
        assert f"dispatch {name}" in said


@pytest.mark.parametrize(
    ("command", "encoding"),
    list(zip(cli.COMMANDS, cycle(["ascii", "gbk", "latin-1", "C"]), strict=False)),
)
def test_every_command_complains_on_every_terminal(command: str, encoding: str) -> None:
    done = run(encoding, "-m", "dispatch", "--lang", "zh", command, "--没有")
    assert done.returncode == 2
    assert "--help" in readable(encoding, done.stderr)


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1"])
@pytest.mark.parametrize("arguments", SAID, ids=" ".join)
def test_what_a_command_says_is_shown_on_every_terminal(
    arguments: list[str], encoding: str
) -> None:
    done = run(encoding, "-m", "dispatch", "--lang", "zh", *arguments)
    assert done.returncode in {0, 1, 2}
    assert done.stdout or done.stderr
    # JSON is UTF-8, whatever a terminal speaks.
    readable("utf-8" if arguments[0] == "decide" else encoding, done.stdout)
    readable(encoding, done.stderr)


def test_signs_that_a_terminal_lacks_are_shown_by_what_looks_alike() -> None:
    done = run(
        "ascii", "-c", "from dispatch import cli; cli.run(['--version']); print('a → b – ≤ 中')"
    )
    assert readable("ascii", done.stdout).splitlines()[-1] == r"a -> b - <= \u4e2d"
