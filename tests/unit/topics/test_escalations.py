"""Every kind of escalation is raised somewhere, and explained to who must look."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from dispatch.domain import dispatching
from dispatch.domain.allocation import Fallback
from dispatch.topics.codes import EscalationKind

ROOT = Path(__file__).parents[3]
KINDS = set(get_args(EscalationKind))


def test_the_page_explains_every_kind_and_no_other() -> None:
    page = (ROOT / "docs" / "escalations.md").read_text(encoding="utf-8")
    first_column = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(first_column[1:]))) == KINDS


def kinds_raised() -> Iterator[str]:
    """Yield the kind that each call of `escalate` names."""
    for part in ("domain", "store"):
        for file in (ROOT / "dispatch" / part).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "escalate":
                    kind = node.args[1]
                    if isinstance(kind, ast.Constant):
                        yield str(kind.value)


def test_every_kind_is_raised() -> None:
    of_units = {*get_args(Fallback), *dispatching._RUN_FAILED.values()}
    assert of_units | set(kinds_raised()) == KINDS
