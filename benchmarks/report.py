"""The report: one JSON file, in which every bench has its place."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """Return what the file holds; nothing where there is none."""
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write the file anew."""
    text = json.dumps(results, ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def batch_sizes(known: Mapping[str, Any]) -> dict[str, int]:
    """Return the batch size of each side that a sweep has found to be its best."""
    sides = known.get("durable-orders", {}).get("sides", {})
    return {name: side["batch_size"] for name, side in sides.items()}
