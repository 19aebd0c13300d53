"""This build beside an earlier one: `python -m benchmarks.against REV`, or `make bench-against`.

Each build has a work tree and an environment of its own; they take turns, each run on a stack,
a database and topics of its own. What counts is the ratio of each round: what slowed the machine
then, slowed both. Rounds in which a side had to wait are in the spread.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import as_range, series

ROOT: Final = Path(__file__).parents[1]
FIGURES: Final = {
    "cpu_us_per_call": "processor time of the worker a call, in us",
    "calls_per_second": "durable orders a second",
}


@dataclass(frozen=True, slots=True)
class Build:
    """A build to run: its tree, and the interpreter of its environment."""

    name: str
    tree: Path
    python: Path


@contextmanager
def earlier(revision: str) -> Iterator[Build]:
    """Yield the build of a revision, in a tree that is removed afterwards.

    Raises CalledProcessError when there is no such revision, or it can't be installed.
    """
    with tempfile.TemporaryDirectory(prefix="dispatch-against-") as directory:
        tree = Path(directory) / "tree"
        _run("git", "-C", ROOT, "worktree", "add", "--detach", tree, revision)
        try:
            _run("make", "-C", tree, "setup")
            yield Build(revision, tree, tree / ".venv/bin/python")
        finally:
            _run("git", "-C", ROOT, "worktree", "remove", "--force", tree)


def compare(builds: Sequence[Build], *, rounds: int, calls: int, batch_size: int) -> dict[str, Any]:
    """Let the builds take turns; return each figure, and its ratios to the last build's."""
    found: dict[str, list[Mapping[str, float]]] = {build.name: [] for build in builds}
    for number in range(rounds):
        # Who comes second in one round comes first in the next.
        for build in builds if number % 2 else reversed(builds):
            figures = _measure(build, calls, batch_size)
            found[build.name].append(figures)
            told = ", ".join(f"{figures[name]:,.0f} {name}" for name in FIGURES)
            sys.stderr.write(f"round {number + 1}: {build.name}: {told}\n")
    first, second = (found[build.name] for build in builds)
    return {
        name: {
            **{build.name: series([run[name] for run in found[build.name]]) for build in builds},
            "ratio": series([a[name] / b[name] for a, b in zip(first, second, strict=True)]),
        }
        for name in FIGURES
    }


def _measure(build: Build, calls: int, batch_size: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory(prefix="dispatch-against-") as directory:
        report = Path(directory) / "report.json"
        _run(
            *(build.python, "-m", "benchmarks", "durable-orders", "--sides", "ours"),
            *("--rounds", "1", "--calls", str(calls), "--batch-size", str(batch_size)),
            *("--report", report),
            cwd=build.tree,
        )
        side = json.loads(report.read_text(encoding="utf-8"))["durable-orders"]["sides"]["ours"]
        return {name: side[name]["median"] for name in FIGURES}


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command, and show what it says only when it fails."""
    done = subprocess.run(  # noqa: S603 - our own commands, no shell
        command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        done.check_returncode()


def main() -> int:
    """Compare; print a table."""
    parser = argparse.ArgumentParser("python -m benchmarks.against", description=__doc__)
    parser.add_argument("revision", help="the earlier build")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=8_000, help="a run")
    parser.add_argument("--batch-size", type=int, default=500)
    arguments = parser.parse_args()
    with earlier(arguments.revision) as before:
        ours = Build("this build", ROOT, Path(sys.executable))
        found = compare(
            (ours, before),
            rounds=arguments.rounds,
            calls=arguments.calls,
            batch_size=arguments.batch_size,
        )
    for name, what in FIGURES.items():
        digits = {"ratio": 3}
        for side, values in found[name].items():
            sys.stdout.write(f"{what}: {side}: {as_range(values, digits.get(side, 0))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
