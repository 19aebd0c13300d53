"""The benches by their names: `python -m benchmarks durable-orders --sides ours,plain`.

`all` is what `make bench` runs. What a bench finds goes into the report beside what others found
there before.
"""

import argparse
import asyncio
import logging
import os
import platform
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks import report, suite
from benchmarks.bed import make_template
from benchmarks.sides.side import SIDES
from benchmarks.tables import as_markdown, show
from dispatch.stack.broker import Broker
from dispatch.stack.embedded import running_stack
from tests.apache_kafka import ApacheKafka, fetch

REPORT: Final = Path("bench.json")
KAFKA_REPORT: Final = Path("bench-kafka.json")


def main() -> int:
    """Run the benches asked for; print their tables and write the report."""
    arguments = _arguments(sys.argv[1:])
    if arguments.bench == "render":
        sys.stdout.write(as_markdown(report.read(arguments.report)))
        return 0
    # What the sides say goes to files of their own.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(_run(arguments))
    show(results)
    return 0


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bench", choices=("all", "render", *suite.BENCHES))
    parser.add_argument(
        "--sides",
        type=lambda names: names.split(","),
        default=[side.name for side in SIDES.values() if side.installed],
        help="of durable-orders; by default those that are installed",
    )
    parser.add_argument("--calls", type=int, help="a run; by default, what suits the bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each case of latency")
    parser.add_argument("--batch-size", type=int, help="for every side, instead of the sweep")
    parser.add_argument("--pasts", type=int, nargs="+", help="of history, in calls")
    parser.add_argument("--brokers", type=int, default=0, help="of Apache Kafka; 0: embedded")
    parser.add_argument("--report", type=Path, help="JSON; read by render")
    arguments = parser.parse_args(given)
    arguments.report = arguments.report or (KAFKA_REPORT if arguments.brokers else REPORT)
    return arguments


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    brokers = arguments.brokers
    kafka = partial(ApacheKafka, fetch(), brokers) if brokers else Broker
    began = time.monotonic()

    def log(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:8.1f}  {line}\n")
        sys.stderr.flush()

    known = report.read(arguments.report)
    wanted = suite.Wanted(
        sides=tuple(SIDES[name] for name in arguments.sides),
        calls=arguments.calls,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        batch_sizes=(
            dict.fromkeys(SIDES, arguments.batch_size)
            if arguments.batch_size
            else report.batch_sizes(known)
        ),
        pasts=tuple(arguments.pasts or ()),
    )
    names = suite.DEFAULT if arguments.bench == "all" else (arguments.bench,)
    results: dict[str, Any] = {"machine": _machine(brokers)}
    async with running_stack(kafka=kafka) as stack:
        await make_template(stack)
        for name in names:
            log(f"{name}:")
            results[name] = await suite.BENCHES[name](stack, wanted, log)
            # What is found stays found, whatever becomes of the next.
            report.write(arguments.report, known | results)
    log("done")
    return results


def _machine(brokers: int) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "broker": f"Apache Kafka, {brokers} brokers" if brokers else "embedded",
    }


if __name__ == "__main__":
    sys.exit(main())
