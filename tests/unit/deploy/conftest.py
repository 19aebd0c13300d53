"""What runs a command of the service outside of this machine, checked against the program."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

import click
import pytest

from dispatch.cli import group
from dispatch.settings import _OWN_VARIABLES, Settings, _variables, load_settings

Check = Callable[[Sequence[str], Mapping[str, str], Collection[PurePosixPath]], Settings]


@pytest.fixture
def check_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Return what checks a command's arguments, settings and files, and returns its settings."""

    def check(
        arguments: Sequence[str], environment: Mapping[str, str], files: Collection[PurePosixPath]
    ) -> Settings:
        name, *rest = arguments
        command = group.get_command(click.Context(group), name)
        assert command is not None, name
        command.make_context(name, list(rest))
        for variable, value in environment.items():
            if PurePosixPath(value) in files:
                there = tmp_path / value.lstrip("/")
                there.parent.mkdir(parents=True, exist_ok=True)
                there.write_text("made up", "utf-8")
                monkeypatch.setenv(variable, str(there))
            else:
                assert not value.startswith("/"), f"{variable}: nothing is mounted at {value}"
                monkeypatch.setenv(variable, value)
        settings = load_settings()
        for variable in environment:
            assert variable in known_variables(), variable
            monkeypatch.delenv(variable)
        return settings

    return check


def known_variables() -> set[str]:
    """Return the environment variables that the service reads."""
    return set(_variables(Settings)) | _OWN_VARIABLES
