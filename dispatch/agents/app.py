"""The Faust app: the agents, and the services that read for them and publish what they produce."""

import asyncio
import os
import secrets
import socket
from dataclasses import replace
from typing import Any

import faust
import structlog
from faust.app import BootStrategy

from dispatch.agents import calls, city, commission, hospitals, transfers, units
from dispatch.agents.apart import Apart
from dispatch.agents.batch import BatchChannel
from dispatch.agents.clock_watch import ClockWatch
from dispatch.agents.desk import Desk
from dispatch.agents.desk_work import DeskWork
from dispatch.agents.intake import Intake
from dispatch.agents.lag import Lag
from dispatch.agents.membership import Membership
from dispatch.agents.memory_watch import MemoryWatch
from dispatch.agents.ownership import ClaimedTopics, Ownership
from dispatch.agents.patience import Patience
from dispatch.agents.planning import Planning
from dispatch.agents.publisher import Publisher
from dispatch.agents.readiness import Readiness
from dispatch.agents.relay import Relay
from dispatch.agents.timers import Timers
from dispatch.agents.unread import Unread
from dispatch.metrics import Metrics
from dispatch.settings import Settings

log = structlog.get_logger(__name__)

AGENTS = (calls, units, hospitals, transfers, commission, city)


class _AgentsOnly(BootStrategy):
    """Faust's own consumer, producer, leader topic and web server stay off."""

    enable_kafka = False
    enable_web = False


class DispatchApp(faust.App):
    """A Faust app that consumes nothing by itself and keeps no files."""

    BootStrategy = _AgentsOnly
    readiness: Readiness

    async def on_first_start(self) -> None:
        """Leave out the directories that Faust makes for its tables."""

    async def on_shutdown(self) -> None:
        """Close the event loop of the thread that Faust's own consumer never starts."""
        consumer: Any = self.consumer
        consumer._thread.thread_loop.close()  # noqa: SLF001 - nobody else does


def create_app(
    settings: Settings,
    desk: Desk,
    *,
    metrics: Metrics | None = None,
    patience: Patience | None = None,
) -> DispatchApp:
    """Return an app that works for `desk`, which must be open; call it inside the event loop.

    Raises ConfigurationError when a certificate or secret for Kafka can't be read.
    """
    metrics = metrics or Metrics()
    patience = patience or Patience()
    two_sessions = 2 * settings.kafka.session_timeout_ms / 1_000
    patience = replace(patience, standstill_limit=max(patience.standstill_limit, two_sessions))
    client_options = settings.kafka.client_options()
    app = DispatchApp(
        "dispatch",
        autodiscover=False,
        topic_disable_leader=True,
        worker_redirect_stdouts=False,
    )
    publisher = Publisher(
        client_options, enable_idempotence=settings.kafka.enable_idempotence, metrics=metrics
    )
    work = DeskWork(desk, publisher, batch_size=settings.batch_size)
    intakes = []
    claim = desk.claim
    ownership = None
    if claim is not None:
        topics = ClaimedTopics(client_options, settings.topic_prefix)
        ownership = Ownership(topics, claim, patience, metrics)
    for agent in AGENTS:
        channel = BatchChannel(app)
        agent.declare(app, channel, work)
        intakes.append(
            Intake(
                settings.topic_prefix + agent.TOPIC,
                channel,
                desk,
                client_options=client_options,
                session_timeout_ms=settings.kafka.session_timeout_ms,
                fetch_max_wait_ms=settings.kafka.fetch_max_wait_ms,
                batch_size=settings.batch_size,
                patience=patience,
                metrics=metrics,
                claim=claim,
                ownership=ownership,
            )
        )
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    unread = Unread(intakes, desk, client_options=client_options)
    lag = Lag(intakes, unread, patience, metrics)
    # They stop in the reverse order: who watches the intakes first, the publisher last.
    services: list[Any] = [
        publisher,
        work,
        Relay(desk, work, holder, patience, metrics),
        Timers(desk, work, unread, patience, metrics, topic_prefix=settings.topic_prefix),
        Planning(desk, work, holder, patience, metrics),
        Apart(desk, work, holder, patience, metrics),
        MemoryWatch(desk, patience, metrics),
        ClockWatch(desk, patience, metrics),
        *(() if ownership is None else (ownership,)),
        *intakes,
        lag,
        Membership(desk, intakes, patience, metrics),
    ]
    for service in services:
        app.service(service)  # an instance will do as well
    app.readiness = Readiness(desk, publisher, intakes, lag)
    return app


async def serve(app: faust.App, stop: asyncio.Event) -> None:
    """Run the app until `stop` is set; the batch in hand is finished then.

    Raises what crashed the app, if anything did.
    """
    await app.start()
    log.info("worker started")
    await app.wait_for_stopped(stop.wait())
    crash = app.crash_reason
    await app.stop()
    if crash is not None:
        raise crash
    log.info("worker stopped")
