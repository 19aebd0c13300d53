"""What is installed is pinned, and nobody's index is written down with it."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = sorted(ROOT.glob("requirements*.lock"))
PACKAGES = ROOT / "tests" / "javascript_packages"


@pytest.mark.parametrize("lock", PINS, ids=lambda path: path.name)
def test_a_lock_names_no_index(lock: Path) -> None:
    assert not re.search(r"://|index-url|find-links", lock.read_text("utf-8"))


def test_the_clients_of_javascript_are_pinned_and_their_registry_is_not_named() -> None:
    wanted = json.loads((PACKAGES / "package.json").read_text("utf-8"))["dependencies"]
    pinned = json.loads((PACKAGES / "package-lock.json").read_text("utf-8"))["packages"]
    assert pinned.pop("")["dependencies"] == wanted
    for name, version in wanted.items():
        assert pinned[f"node_modules/{name}"]["version"] == version
    assert not any("resolved" in package for package in pinned.values())
