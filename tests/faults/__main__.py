"""Run the fault bench: `make faults`, or `python -m tests.faults --help`."""

import argparse
import asyncio
import logging
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncpg
import uvloop

from dispatch.stack.broker import Broker
from dispatch.stack.embedded import Stack, running_stack
from dispatch.store.schema import amigrate
from tests.apache_kafka import ApacheKafka, fetch
from tests.faults.bench import Load
from tests.faults.kinds import plan_of_faults
from tests.faults.report import as_json, as_text
from tests.faults.run import Outcome, Plan, run, run_backlog


def main() -> int:
    """Run what the arguments ask for; return 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second")
    parser.add_argument("--speed", type=float, default=60.0, help="of the clock")
    parser.add_argument("--units", type=int, default=1_200)
    parser.add_argument("--gap", type=float, default=1.0, help="seconds between two faults, about")
    parser.add_argument("--recoveries", type=int, default=10)
    parser.add_argument("--backlog", type=int, default=0, help="calls, at the end")
    parser.add_argument("--brokers", type=int, default=3, help="of Apache Kafka; 0: embedded")
    parser.add_argument(
        "--commit-first", action="store_true", help="acknowledge before the commit: must be found"
    )
    parser.add_argument("--report", type=Path, help="file for the report as JSON")
    parser.add_argument(
        "--folder", type=Path, help="keeps data and logs (default: a temporary one)"
    )
    arguments = parser.parse_args()
    load = Load(
        calls=arguments.calls,
        rate=arguments.rate,
        speed=arguments.speed,
        units=arguments.units,
        commit_first=arguments.commit_first,
    )
    plan = Plan(
        load,
        faults=tuple(
            plan_of_faults(arguments.faults, arguments.seed, brokers=arguments.brokers > 0)
        ),
        seed=arguments.seed,
        gap=arguments.gap,
        recoveries=arguments.recoveries,
    )
    # Its brokers go away on purpose.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcomes = runner.run(_run(plan, arguments.backlog, arguments.brokers, arguments.folder))
    for name, outcome in outcomes.items():
        sys.stdout.write(f"{name}: {as_text(outcome)}\n")
    if arguments.report is not None:
        arguments.report.write_text(as_json(outcomes), encoding="utf-8")
    return 0 if all(outcome.clean for outcome in outcomes.values()) else 1


async def _run(plan: Plan, backlog: int, brokers: int, folder: Path | None) -> dict[str, Outcome]:
    kafka = partial(ApacheKafka, fetch(), brokers) if brokers else Broker
    began = time.monotonic()

    def log(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:8.1f}  {line}\n")
        sys.stderr.flush()

    outcomes = {}
    async with running_stack(folder, durable=False, kafka=kafka) as stack:
        log(f"brokers {stack.bootstrap}; data and logs in {stack.data_dir}")
        if plan.load.calls:
            work, dsn = await _place(stack, "faults")
            outcomes["faults"] = await run(
                plan, log, stack=stack, dsn=dsn, prefix="faults.", folder=work
            )
            log("clean" if outcomes["faults"].clean else "NOT CLEAN")
        if backlog:
            work, dsn = await _place(stack, "backlog")
            load = replace(plan.load, calls=backlog, speed=1.0)
            outcomes["backlog"] = await run_backlog(
                load, plan.seed, log, stack=stack, dsn=dsn, prefix="backlog.", folder=work
            )
    return outcomes


async def _place(stack: Stack, name: str) -> tuple[Path, str]:
    """Return a folder and an empty, migrated database of its own."""
    connection = await asyncpg.connect(stack.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    dsn = stack.postgres.dsn_of(name)
    await amigrate({"dsn": dsn})
    folder = stack.data_dir / name
    folder.mkdir()
    return folder, dsn


if __name__ == "__main__":
    sys.exit(main())
