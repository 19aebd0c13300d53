"""The console on which commands print tables: what they hold is text, never markup."""

from typing import Any

from rich.console import Console
from rich.text import Text

from dispatch.shown import shown, shown_lines


class PlainConsole(Console):
    """A rich console for which `[bold]` and `:smile:` are what they say; it shows no escapes."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Print to standard output, or to standard error."""
        super().__init__(stderr=stderr, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text of a line, a cell or a title."""
        return super().render_str(shown_lines(text), **options)


def cell(content: str) -> Text:
    """Return the cell of a table that holds this, on whichever console it is printed."""
    return Text(shown(content))
