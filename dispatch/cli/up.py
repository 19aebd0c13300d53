"""`dispatch up`: the whole service on this machine, kept running until Ctrl-C."""

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from shutil import which
from typing import Final

import click
from pydantic import SecretStr

from dispatch import logs
from dispatch.cli import localised
from dispatch.cli.adopt import adopt_topics
from dispatch.cli.city_plan import packaged_cities
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.output import complain
from dispatch.cluster import ensure_topics
from dispatch.errors import ConfigurationError
from dispatch.kafka.placement import PARTITIONER
from dispatch.language import text
from dispatch.policy.pack import load_pack
from dispatch.settings import (
    ENVIRONMENT_PREFIX,
    DatabaseSettings,
    KafkaSettings,
    Settings,
    default_data_dir,
    load_settings,
)
from dispatch.shown import shown
from dispatch.stack.addresses import free_port
from dispatch.stack.embedded import Stack, running_stack
from dispatch.stack.workers import Worker, worker_environment
from dispatch.store.plan import CityPlan, read_plan
from dispatch.store.schema import amigrate
from dispatch.topics import TOPICS

PARTITIONS: Final = 4
DATA_DIR_VARIABLE: Final = f"{ENVIRONMENT_PREFIX}DATA_DIR"

ASIDE: Final = 0.01  # degrees of latitude, about a kilometre


@localised.command("up")
@localised.option("--city", type=click.Path(path_type=Path), metavar="FILE", help="up.city")
@localised.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="up.data_dir")
@localised.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    metavar="N",
    help="up.workers",
)
@pass_invocation
def command(
    invocation: Invocation, /, *, city: Path | None, data_dir: Path | None, workers: int
) -> None:
    """Run the stack and the workers until told to stop."""
    overrides = {"city": city, "data_dir": data_dir and data_dir.resolve()}
    settings = load_settings(
        invocation.config,
        overrides={name: value for name, value in overrides.items() if value is not None},
    )
    logs.configure(settings.log_format, settings.log_level)
    # Whatever is wrong with these is better said before anything runs.
    city = settings.city or packaged_city()
    plan = read_plan(city)
    load_pack(settings.policy)
    asyncio.run(_until_told_to_stop(settings, city, plan, workers))


def packaged_city() -> Path:
    """Return the path of the plan that comes with the package: the first by name."""
    plans = packaged_cities()
    if not plans:
        raise ConfigurationError(text("worker.no_city"))
    return plans[0]


async def _until_told_to_stop(settings: Settings, city: Path, plan: CityPlan, workers: int) -> None:
    running = asyncio.create_task(_run(settings, city, plan, workers))

    def stop() -> None:
        # Once: a second Ctrl-C must not break off the orderly end.
        if not running.cancelling():
            complain(text("up.stopping"))
            running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        complain(text("up.stopped"))


async def _run(settings: Settings, city: Path, plan: CityPlan, workers: int) -> None:
    click.echo(text("up.starting", data_dir=settings.data_dir), err=True)
    async with running_stack(settings.data_dir) as stack:
        stack.announce(city=city)
        before, _ = await amigrate({"dsn": stack.dsn})
        kafka = KafkaSettings(bootstrap_servers=stack.bootstrap)
        await ensure_topics(
            kafka.client_options(),
            [settings.topic_prefix + topic.name for topic in TOPICS],
            single={settings.topic_prefix + name for name in plan.own_topics},
            partitions=PARTITIONS,
            replication=1,
        )
        # The broker is a new cluster at every start.
        database = DatabaseSettings(dsn=SecretStr(stack.dsn))
        await adopt_topics(settings.model_copy(update={"kafka": kafka, "database": database}))
        async with _workers(stack, settings, city, workers) as started:
            await asyncio.gather(*(worker.ready() for worker in started))
            click.echo(welcome(stack, settings, city, plan, started))
            if before is not None:
                click.echo("\n" + text("up.forgets"))
            await asyncio.gather(*(worker.keep_running() for worker in started))


@asynccontextmanager
async def _workers(
    stack: Stack, settings: Settings, city: Path, number: int
) -> AsyncIterator[list[Worker]]:
    """Run so many workers; all are stopped together."""
    host = settings.web.host
    further = {
        "TOPIC_PREFIX": settings.topic_prefix,
        "BATCH_SIZE": settings.batch_size,
        "LOG_LEVEL": settings.log_level,
        "WEB__HOST": host,
    }
    started = []
    async with AsyncExitStack() as exits:
        for ordinal in range(1, number + 1):
            # The first is where an operator looks for it; the others anywhere.
            port = free_port(host, settings.web.port if ordinal == 1 else 0)
            log_file = stack.data_dir / f"worker-{ordinal}.log"
            log_file.unlink(missing_ok=True)
            environment = worker_environment(
                stack, further, city=city, policy=settings.policy, web_port=port
            )
            worker = Worker(f"worker-{ordinal}", log_file, environment, f"http://{host}:{port}")
            started.append(worker)
            worker.start()
        exits.push_async_callback(_stop, started)
        yield started


async def _stop(workers: list[Worker]) -> None:
    await asyncio.shield(asyncio.gather(*(worker.stop() for worker in workers)))


def welcome(
    stack: Stack, settings: Settings, city: Path, plan: CityPlan, workers: list[Worker]
) -> str:
    """Say where everything is, and how to publish and follow a first call."""
    district = plan.district[0]
    program = shlex.quote("dispatch" if which("dispatch") else sys.argv[0])
    if stack.data_dir != default_data_dir().resolve():
        program = f"{DATA_DIR_VARIABLE}={shlex.quote(str(stack.data_dir))} {program}"
    return text(
        "up.welcome",
        city=shown(plan.name),
        plan=shown(str(city)),
        kafka=stack.bootstrap,
        database=stack.dsn,
        data_dir=shown(str(stack.data_dir)),
        logs=", ".join(worker.log_file.name for worker in workers),
        health=workers[0].url,
        kcat=first_call(stack.bootstrap, settings.topic_prefix, plan),
        call=f"{program} call --district {district.code} --condition critical "
        f"--latitude {district.latitude} --longitude {district.longitude} --wait 10",
        tail=f"{program} tail",
    )


def first_call(bootstrap: str, topic_prefix: str, plan: CityPlan) -> str:
    """Return a shell command that publishes a first call of the city with kcat."""
    district = plan.district[0]
    body = json.dumps(
        {
            "call_id": "first-call",
            "received_at": "%s",
            "district": district.code,
            "caller": {"kind": "public"},
            "patient": {"condition": "stable", "symptoms": ["fever"], "case_status": "none"},
            # Away from the centre, where the next examples are: they would be linked.
            "location": {
                "latitude": round(district.latitude + ASIDE, 4),
                "longitude": district.longitude,
            },
        }
    )
    headers = {
        "ce_specversion": "1.0",
        "ce_id": "first-call",
        "ce_source": "console-1",
        "ce_type": "call.received",
        "content-type": "application/json",
    }
    options = " ".join(f"-H {name}={value}" for name, value in headers.items())
    return (
        f"printf '{body}\\n' \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\" | \\\n"
        f"    kcat -P -X partitioner={PARTITIONER} -b {bootstrap} -t {topic_prefix}calls \\\n"
        f"    -k first-call \\\n"
        f"    {options}"
    )
