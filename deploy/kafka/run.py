"""Run Apache Kafka on this machine until told to stop: `make kafka`."""

import argparse
import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dispatch.errors import StackError
from dispatch.stack.kafka_cluster import KafkaCluster

FETCH = Path(__file__).with_name("fetch")
# seconds between two looks at the brokers
WATCH = 0.5
# A broker that ends more often than this within so many seconds is left alone.
MOST_RESTARTS = 3
WITHIN = 120.0


def main() -> int:
    """Run what the arguments ask for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=3)
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        help="of the first broker; the others follow it (default: any)",
    )
    parser.add_argument(
        "--data", type=Path, help="directory that keeps data and logs (default: a temporary one)"
    )
    arguments = parser.parse_args()
    ports = range(arguments.port, arguments.port + arguments.brokers) if arguments.port else ()
    try:
        software = fetch()
        with _directory(arguments.data) as directory:
            cluster = KafkaCluster(
                software, directory, brokers=arguments.brokers, ports=tuple(ports)
            )
            asyncio.run(_until_told_to_stop(cluster, directory))
    except StackError as error:
        sys.stderr.write(f"kafka: {error}\n")
        return 1
    return 0


def fetch() -> Path:
    """Return the directory of Apache Kafka's jars; raise StackError when they can't be had."""
    done = subprocess.run([FETCH], stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StackError("Apache Kafka was not fetched")
    return Path(done.stdout.strip())


async def _until_told_to_stop(cluster: KafkaCluster, directory: Path) -> None:
    running = asyncio.ensure_future(_run(cluster, directory))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Once: a second Ctrl-C must not break off the orderly end.
        loop.add_signal_handler(number, lambda: running.cancelling() or running.cancel())
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _run(cluster: KafkaCluster, directory: Path) -> None:
    _say(f"kafka: starting {len(cluster.nodes)} broker(s); data and logs in {directory}")
    try:
        await cluster.start()
        _say(f"kafka: ready, for users who log in at {cluster.logins}; Ctrl-C stops it")
        print(cluster.bootstrap, flush=True)  # noqa: T201 - what a script reads
        await _keep_running(cluster)
    finally:
        _say("kafka: stopping")
        await cluster.stop()


async def _keep_running(cluster: KafkaCluster) -> None:
    """Start each broker again that ends, with its data; the others go on meanwhile.

    Raises StackError when every one has ended too often.
    """
    now = asyncio.get_running_loop().time
    ends: dict[int, list[float]] = {node.number: [] for node in cluster.nodes}
    given_up: set[int] = set()
    while len(given_up) < len(cluster.nodes):
        for node in cluster.nodes:
            if node.running or node.number in given_up:
                continue
            recent = [at for at in ends[node.number] if at > now() - WITHIN]
            ends[node.number] = [*recent, now()]
            if len(recent) >= MOST_RESTARTS:
                _say(f"kafka: broker {node.number} keeps ending, and is left alone; see {node.log}")
                given_up.add(node.number)
                continue
            _say(f"kafka: broker {node.number} has ended, and is started again; see {node.log}")
            try:
                await cluster.start_broker(node.number)
                _say(f"kafka: broker {node.number} is back")
            except StackError as error:
                _say(f"kafka: {error}")
        await asyncio.sleep(WATCH)
    raise StackError("no broker runs any more")


@contextlib.contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="dispatch-kafka-") as temporary:
        yield Path(temporary)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
