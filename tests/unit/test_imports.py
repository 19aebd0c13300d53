"""Which part of the service may know which: imports point one way."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dispatch

ROOT = Path(dispatch.__path__[0])
PURE = {"geocoordinates_ffi", "orjson", "pydantic", "pydantic_core"}
# Everything of `dispatch` that each of its parts may import, beside itself.
MAY_KNOW = {
    "topics": {"errors"},
    "policy": {"topics", "errors", "toml_file"},
    "planning": {"errors", "topics", "toml_file"},
    "domain": {"planning", "policy", "topics"},
    "checker": {"policy", "topics"},
    "indicators": {"domain", "policy", "topics"},
    "claim": set(),
    "process_memory": set(),
    "store": {
        *("claim", "clock", "domain", "errors", "health", "planning", "policy", "toml_file"),
        "topics",
    },
    "agents": {
        *("claim", "cluster", "errors", "health", "kafka", "log_end", "metrics", "planning"),
        *("process_memory", "settings", "topics", "web"),
    },
    "web": {"discovery", "errors", "health", "metrics", "settings"},
    "discovery": {"errors"},
    "metrics": {"health", "log_writer", "process_memory", "topics"},
    "log_writer": set(),
    "shown": set(),
    "masking": set(),
    "logs": {"log_writer", "masking", "shown", "sparing"},
    "settings": {"errors", "kafka_token", "language", "toml_file"},
    "toml_file": {"errors"},
    "kafka_token": set(),
    "cluster": {"errors"},
    "kafka": {"topics"},
    "client": {"cluster", "errors", "kafka", "log_end", "settings", "topics"},
    "stack": {"cluster", "errors", "settings"},
    "topic_admin": {"cluster", "errors", "toml_file", "topics"},
}


def imported(part: str) -> Iterator[tuple[Path, str]]:
    """Yield every module that a part imports, also where only types are wanted."""
    folder = ROOT / part
    for path in folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                assert node.module is not None
                if node.module == "dispatch":
                    yield from ((path, f"dispatch.{alias.name}") for alias in node.names)
                else:
                    yield path, node.module


@pytest.mark.parametrize("part", MAY_KNOW)
def test_a_part_knows_only_what_stands_below_it(part: str) -> None:
    known = {part, *MAY_KNOW[part]}
    wrong = [
        (path.name, name)
        for path, name in imported(part)
        if name.startswith("dispatch.") and name.split(".")[1] not in known
    ]
    assert not wrong


@pytest.mark.parametrize("part", ["topics", "policy", "domain", "checker", "indicators"])
def test_rules_and_contract_know_nothing_of_kafka_faust_postgresql_or_the_clock(part: str) -> None:
    foreign = {name.partition(".")[0] for _, name in imported(part)} - {"dispatch"}
    assert foreign <= sys.stdlib_module_names | PURE
    assert not foreign & {"asyncio", "random", "socket", "time"}


def test_a_problem_and_its_plan_know_nothing_of_the_solver() -> None:
    known = {"problem.py", "plan.py", "placing.py", "schedule.py", "following.py", "process.py"}
    seen = {
        (path.name, name.partition(".")[0])
        for path, name in imported("planning")
        if path.name in known
    }
    assert {name for name, _ in seen} == known
    assert {module for _, module in seen} - {"dispatch"} <= sys.stdlib_module_names


def test_whoever_reads_kafka_reads_with_our_own_consumer() -> None:
    # It is extended in the one, and any will do for the other.
    exempt = {ROOT / "kafka" / "consumer.py", ROOT / "log_end.py"}
    for path in ROOT.rglob("*.py"):
        if path not in exempt:
            assert "AIOKafkaConsumer" not in path.read_text(encoding="utf-8"), path
