"""How a scenario's summary shows its stories and its verdict."""

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dispatch.language import text
from dispatch.shown import shown


def stories_table(told: Mapping[str, bool]) -> RenderableType:
    """Return the stories, by their sentences, with a mark for each that happened or did not."""
    table = Table(title=text("demo.stories"), title_justify="left", show_header=False, box=None)
    lines = [
        Text.assemble(("✓ ", "green") if happened else ("✗ ", "bold red"), sentence)
        for sentence, happened in told.items()
    ]
    half = (len(lines) + 1) // 2
    for row in range(half):
        table.add_row(*lines[row::half])
    return table


def verdict(failures: Sequence[str]) -> Text:
    """Return whether everything was as it should be, or what was not."""
    if failures:
        return Text(
            text("demo.verdict_failed", failures=shown(text("mark.semicolon").join(failures))),
            "bold red",
        )
    return Text(text("demo.verdict_ok"), "bold green")
