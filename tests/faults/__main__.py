"""Run the fault bench: `make faults`, or `python -m tests.faults --help`."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import uvloop

from dispatch.stack.broker import Broker
from dispatch.stack.embedded import running_stack
from dispatch.store.schema import amigrate
from tests.apache_kafka import ApacheKafka, fetch
from tests.faults.bench import Load
from tests.faults.faults import plan_of_faults
from tests.faults.report import as_json, as_text
from tests.faults.run import Outcome, Plan, run

PREFIX = "faults."


def main() -> int:
    """Run what the arguments ask for; return 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=30.0, help="calls a second")
    parser.add_argument("--speed", type=float, default=60.0, help="of the clock")
    parser.add_argument("--units", type=int, default=400)
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
        backlog=arguments.backlog,
    )
    # Its brokers go away on purpose.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(_run(plan, arguments.brokers, arguments.folder))
    sys.stdout.write(as_text(outcome) + "\n")
    if arguments.report is not None:
        arguments.report.write_text(as_json(outcome), encoding="utf-8")
    return 0 if outcome.clean else 1


async def _run(plan: Plan, brokers: int, folder: Path | None) -> Outcome:
    kafka = partial(ApacheKafka, fetch(), brokers) if brokers else Broker
    began = time.monotonic()

    def log(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:8.1f}  {line}\n")
        sys.stderr.flush()

    with tempfile.TemporaryDirectory(prefix="dispatch-faults-") as temporary:
        async with running_stack(folder, durable=False, kafka=kafka) as stack:
            await amigrate({"dsn": stack.dsn})
            log(f"brokers {stack.bootstrap}; data and logs in {stack.data_dir}")
            work = Path(temporary) if folder is None else folder
            return await run(plan, log, stack=stack, dsn=stack.dsn, prefix=PREFIX, folder=work)


if __name__ == "__main__":
    sys.exit(main())
