"""`dispatch worker`: the agents against a configured Kafka and PostgreSQL."""

import asyncio

import structlog
import uvloop

from dispatch import logs
from dispatch.agents.ownership import ClaimedTopics
from dispatch.agents.worker import work
from dispatch.cli import localised
from dispatch.cli.city_plan import plan_of
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.clock import open_clock
from dispatch.policy.pack import load_pack
from dispatch.settings import Settings
from dispatch.store.database_clock import DatabaseClock
from dispatch.store.desk import Desk

log = structlog.get_logger(__name__)


@localised.command("worker")
@pass_invocation
def command(invocation: Invocation) -> None:
    """Work until told to stop."""
    settings = invocation.settings()
    logs.configure(settings.log_format, settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings))


async def _work(settings: Settings) -> None:
    plan = plan_of(settings)
    pack = load_pack(settings.policy)
    structlog.contextvars.bind_contextvars(policy=f"{pack.name}/{pack.version}")
    if exposed := settings.kafka.in_the_clear:
        log.warning(
            "what goes to Kafka is not encrypted, and anybody on the way can read it: "
            "set kafka.security_protocol to SSL or SASL_SSL",
            brokers=exposed,
            security_protocol=settings.kafka.security_protocol,
        )
    scenario = settings.scenario_clock
    clock = DatabaseClock() if scenario is None else open_clock(scenario)
    topics = ClaimedTopics(settings.kafka.client_options(), settings.topic_prefix)
    desk = Desk(
        settings.database.connect_options(),
        plan=plan,
        pack=pack,
        clock=clock,
        topic_prefix=settings.topic_prefix,
        topics=topics,
    )
    names = [settings.topic_prefix + name for name in plan.topics]
    await work(settings, desk, topics=names)
