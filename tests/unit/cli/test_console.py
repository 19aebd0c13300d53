"""Tables and lines on a console: what they hold is text, never markup."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from dispatch.cli import access, clocks, run, topics
from dispatch.cli.console import PlainConsole
from dispatch.policy.pack import PACKS
from dispatch.topics.cloudevents import timestamp

ODD = "[bold]x[/bold] :smile: [/] $y$"
HOSTILE = "\x1b[2J\u202e\n[red]"
NOW = timestamp(datetime(2022, 12, 23, tzinfo=UTC))


def a_clock(said: str) -> dict[str, Any]:
    names = dict.fromkeys(("kind", "owner", "escalate_to"), said)
    times = {"started_at": NOW, "due_at": NOW, "left_seconds": 1.0, "state": "running"}
    return names | times | {"subject": said + "2", "breached": False}


TABLES: dict[str, Callable[[str], Table]] = {
    "clocks": lambda said: clocks.tabulate([a_clock(said)]),
    "access": lambda said: access.tabulate(
        [dict.fromkeys(("kind", "name", "pattern", "operation"), said) | {"what": "missing"}]
    ),
    "topics": lambda said: topics.tabulate(
        [dict.fromkeys(("topic", "what", "found", "wanted", "why"), said)]
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_cell_shows_what_it_holds(name: str) -> None:
    shown = Console(file=StringIO(), width=400, record=True)
    shown.print(TABLES[name](ODD))
    shown.print(TABLES[name](HOSTILE))
    said = shown.export_text()
    assert ODD in said
    assert "\\x1b[2J\\u202e\\n[red]" in said
    assert all(line.isprintable() for line in said.split("\n"))


def test_a_line_shows_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    PlainConsole().print(f"{ODD}\n\x1b[2J\x9b")
    assert capsys.readouterr().out == f"{ODD}\n\\x1b[2J\\x9b\n"


def test_what_a_pack_says_is_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (PACKS / "covid-19.toml").read_text(encoding="utf-8")
    path = tmp_path / "odd.toml"
    marked = text.replace("sources = [", 'sources = ["[bold red]law[/] \\u001b[2J", ', 1)
    assert marked != text
    path.write_text(marked, encoding="utf-8")
    assert run(["policy", "check", str(path)]) == 0
    said = "".join(capsys.readouterr().out.split())
    assert "[boldred]law[/]\\x1b[2J" in said
    assert run(["policy", "check", "--json", str(path)]) == 0
    assert "[bold red]law[/] \\u001b[2J" in capsys.readouterr().out
