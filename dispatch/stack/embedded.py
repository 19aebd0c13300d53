"""Both parts of the stack, started and stopped together."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dispatch.errors import StackError
from dispatch.stack.accounts import refuse_what_others_may_write
from dispatch.stack.addresses import Addresses, announce, locked
from dispatch.stack.broker import Broker
from dispatch.stack.postgres import Postgres


class AnyBroker(Protocol):
    """What a stack needs of the brokers that are its Kafka."""

    @property
    def client_settings(self) -> Mapping[str, Any]:
        """What its clients set in `kafka`, beside the address."""
        ...

    @property
    def replication(self) -> int:
        """How many copies a topic can have."""
        ...

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that it consists of."""
        ...

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        ...

    @property
    def cluster_id(self) -> str:
        """Its incarnation."""
        ...

    async def start(self) -> None:
        """Start it, empty, and wait until it answers; raises StackError."""
        ...

    async def stop(self) -> None:
        """Stop it; its messages are gone."""
        ...


@dataclass(frozen=True, slots=True)
class Stack:
    """A running PostgreSQL and broker; each may be stopped and started again."""

    data_dir: Path
    postgres: Postgres
    broker: AnyBroker

    @property
    def bootstrap(self) -> str:
        """Where Kafka clients connect."""
        return self.broker.bootstrap

    @property
    def kafka(self) -> dict[str, Any]:
        """The settings of those who connect to Kafka."""
        return {"bootstrap_servers": self.bootstrap, **self.broker.client_settings}

    @property
    def cluster_id(self) -> str:
        """The broker's incarnation: new each time it starts, as it then is empty."""
        return self.broker.cluster_id

    @property
    def dsn(self) -> str:
        """The URL of the service's database."""
        return self.postgres.dsn

    def announce(self, scenario_clock: Path | None = None, *, city: Path | None = None) -> None:
        """Tell the other commands here where the stack is, whose time it keeps, and its city."""
        announce(
            self.data_dir,
            Addresses(
                pid=os.getpid(),
                bootstrap=self.bootstrap,
                dsn=self.dsn,
                cluster_id=self.cluster_id,
                scenario_clock=None if scenario_clock is None else str(scenario_clock),
                kafka=dict(self.broker.client_settings),
                city=None if city is None else str(city.resolve()),
            ),
        )


@contextlib.asynccontextmanager
async def running_stack(
    data_dir: Path | None = None,
    *,
    durable: bool = True,
    kafka: Callable[[Path], AnyBroker] = Broker,
) -> AsyncIterator[Stack]:
    """Run PostgreSQL and a broker for as long as the context lasts; announce them.

    Without a directory the data is temporary. `kafka` makes the broker, which logs to a directory.
    Nothing survives this process, however it ends, but what PostgreSQL has committed in `data_dir`.
    Raises StackRunningError when a stack runs there already, StackError when one can't.
    """
    with _directory(data_dir) as directory, locked(directory):
        for log in ("postgresql.log", "broker.log"):
            (directory / log).unlink(missing_ok=True)
        postgres = Postgres(directory, durable=durable)
        broker = kafka(directory)
        try:
            await broker.start()
            await postgres.start()
            stack = Stack(directory, postgres, broker)
            stack.announce()
            yield stack
        finally:
            # A second Ctrl-C or cancellation must not leave half of it running.
            await asyncio.shield(_stop(postgres, broker))


async def _stop(postgres: Postgres, broker: AnyBroker) -> None:
    await asyncio.gather(broker.stop(), postgres.stop())
    postgres.close()


@contextlib.contextmanager
def _directory(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        try:
            # PostgreSQL's account must pass through for root.
            data_dir.mkdir(0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(f"{data_dir}: {error.strerror}") from error
        refuse_what_others_may_write(data_dir)
        yield data_dir.resolve()
        return
    temporary = Path(tempfile.mkdtemp(prefix="dispatch-"))
    try:
        if os.geteuid() == 0:
            # PostgreSQL's account must pass through; what is inside has its own permissions.
            temporary.chmod(0o711)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
