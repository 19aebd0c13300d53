"""The policy of the intake: the pack for COVID-19 with the durations that the scenario states."""

import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

from dispatch.planning.scenario import Scenario

VERSION: Final = "2022.1-jinzhou"
_BASIS: Final = resources.files("dispatch.policy") / "packs" / "covid-19.toml"


def write_policy(scenario: Scenario, path: Path) -> None:
    """Write the pack to a file: loading, handing over, wear and disinfection as stated."""
    content = tomllib.loads(_BASIS.read_text("utf-8"))
    rules, batches = scenario.rules, content["transfers"]["batches"]
    batches |= {
        "moving": {name: moves.model_dump() for name, moves in scenario.mobility.items()},
        "gravest_first": rules.gravest_first,
        "loading_places": rules.loading_places,
        "disinfection_minutes": rules.disinfection_minutes,
    }
    content["protection"]["max_wear_minutes"] = rules.wear_minutes
    content["version"] = VERSION
    path.write_text("\n".join(_pairs(content)) + "\n", encoding="utf-8")


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [
        f"{json.dumps(key, ensure_ascii=False)} = {_value(value)}" for key, value in table.items()
    ]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
