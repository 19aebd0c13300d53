"""Lets calls come at their times, whether or not anybody keeps up.

`python -m benchmarks.generator` is an open loop: a call that should have come while others waited
comes at its time all the same, and its latency is counted from that time, also when this process
was late.
"""

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime

import uvloop

from benchmarks.arrivals import arrivals
from benchmarks.caller import publish_event, started_producer
from benchmarks.city import ordinary_call
from dispatch.settings import load_settings


def main() -> None:
    """Publish the calls, and say by how many seconds the latest was late."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--begin", type=float, required=True, help="in monotonic seconds")
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        late = runner.run(_generate(arguments))
    sys.stdout.write(f"{late}\n")


async def _generate(arguments: argparse.Namespace) -> float:
    settings = load_settings()
    times = arrivals(arguments.calls, arguments.rate, arguments.seed)
    latest = 0.0
    async with started_producer(settings.kafka) as producer:
        sent = []
        for number, at in enumerate(times):
            due = arguments.begin + at
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            latest = max(latest, time.monotonic() - due)
            now = datetime.now(UTC)
            sent.append(
                await publish_event(
                    producer, settings.topic_prefix, ordinary_call(number, now), now
                )
            )
        await asyncio.gather(*sent)
    return latest


if __name__ == "__main__":
    main()
