"""The benches by their names: `python -m benchmarks durable-orders --sides ours,plain`."""

import argparse
import asyncio
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import durable_orders, latency
from benchmarks.bed import make_template
from benchmarks.sides.side import SIDES
from benchmarks.tables import show
from dispatch.stack.broker import Broker
from dispatch.stack.embedded import running_stack
from tests.apache_kafka import ApacheKafka, fetch

REPORT = Path("bench.json")


def main() -> int:
    """Run the benches asked for; print their tables and write the report."""
    arguments = _arguments(sys.argv[1:])
    # What the sides say goes to files of their own.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(_run(arguments))
    show(results)
    known = _known(arguments.report)
    arguments.report.write_text(
        json.dumps(known | results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return 0


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("bench", choices=("durable-orders", "latency"))
    parser.add_argument("--sides", default=",".join(SIDES), help="of durable-orders")
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each case of latency")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, help="for every side, instead of the sweep")
    parser.add_argument("--brokers", type=int, default=0, help="of Apache Kafka; 0: embedded")
    parser.add_argument("--report", type=Path, default=REPORT)
    return parser.parse_args(given)


async def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    brokers = arguments.brokers
    kafka = partial(ApacheKafka, fetch(), brokers) if brokers else Broker
    began = time.monotonic()

    def log(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:8.1f}  {line}\n")
        sys.stderr.flush()

    results: dict[str, Any] = {"machine": _machine(brokers)}
    async with running_stack(kafka=kafka) as stack:
        await make_template(stack)
        if arguments.bench == "latency":
            results["latency"] = await latency.measure_all(
                stack, cases=latency.CASES, seconds=arguments.seconds, log=log
            )
            return results
        sides = [SIDES[name] for name in arguments.sides.split(",")]
        size = arguments.batch_size
        results["durable-orders"] = await durable_orders.compare(
            stack,
            sides,
            calls=arguments.calls,
            rounds=arguments.rounds,
            batch_sizes={side.name: size for side in sides} if size else {},
            log=log,
        )
    return results


def _machine(brokers: int) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "broker": f"Apache Kafka, {brokers} brokers" if brokers else "embedded",
    }


def _known(report: Path) -> dict[str, Any]:
    if not report.exists():
        return {}
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
