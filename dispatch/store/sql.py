"""The statements of the store, each in an `.sql` file named for what it does."""

from importlib import resources
from typing import Final

_FOLDER: Final = resources.files("dispatch.store") / "queries"
STATEMENTS: Final[dict[str, str]] = {
    entry.name.removesuffix(".sql"): entry.read_text("utf-8")
    for entry in _FOLDER.iterdir()
    if entry.name.endswith(".sql")
}
