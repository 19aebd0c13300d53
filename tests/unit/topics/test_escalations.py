"""Every kind of escalation is raised somewhere, and explained to who must look."""

import re
from pathlib import Path
from typing import get_args

from dispatch.topics.incidents import EscalationKind

ROOT = Path(__file__).parents[3]
KINDS = set(get_args(EscalationKind))


def test_the_page_explains_every_kind_and_no_other() -> None:
    page = (ROOT / "docs" / "escalations.md").read_text(encoding="utf-8")
    first_column = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(first_column[1:]))) == KINDS


def test_every_kind_is_raised() -> None:
    code = "".join(
        file.read_text("utf-8")
        for part in ("domain", "store")
        for file in (ROOT / "dispatch" / part).glob("*.py")
    )
    assert {kind for kind in KINDS if f'"{kind}"' not in code} == set()
