"""Write a city's plan as the TOML file that the service reads."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dispatch.store.plan import CityPlan


def write_plan(plan: CityPlan, path: Path) -> None:
    """Write a plan to a file."""
    content = plan.model_dump(mode="json", exclude_none=True)
    lines = [
        f"{key} = {_value(value)}" for key, value in content.items() if not isinstance(value, list)
    ]
    for name, entries in content.items():
        if isinstance(entries, list):
            for entry in entries:
                lines += ["", f"[[{name}]]", *_pairs(entry)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{json.dumps(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    # JSON's texts, numbers and truth values are TOML's too.
    return json.dumps(value, ensure_ascii=False)
