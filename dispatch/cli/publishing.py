"""What the commands share that publish one event: validation, publication, and what comes back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, BinaryIO, Final, TypeVar

import click
from pydantic import ValidationError

from dispatch.cli import localised, phrases
from dispatch.cli.city_plan import know_names
from dispatch.cli.invocation import Invocation
from dispatch.client import Event, Published, open_reader, publish
from dispatch.clock import open_clock
from dispatch.errors import DispatchError
from dispatch.language import text
from dispatch.settings import Settings
from dispatch.shown import json_of
from dispatch.topics import OUTPUT_TOPICS
from dispatch.topics.body import BodyError, decode
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.datum import DATUMS
from dispatch.topics.fields import MAX_BODY_BYTES, Content, reasons
from dispatch.wording import said

# Seconds without another event after which no more is expected: one transaction's events are
# published together.
QUIET: Final = 0.5

C = TypeVar("C", bound=Content)
F = TypeVar("F", bound=Callable[..., Any])


class InvalidEvent(DispatchError):
    """The event is not valid; nothing was published."""

    def __init__(self, found: list[dict[str, str]]) -> None:
        """Say for every field why."""
        told = ["  " + said(f"{each['field']}: {each['reason']}") for each in found]
        self._lines = (text("publish.invalid"), *told)
        super().__init__("\n".join(self._lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for every field."""
        return self._lines


def publishing(command: F) -> F:
    """Give a command the options that all publishing commands have: when, and what to wait for."""
    for option in (
        localised.option("--json", "as_json", is_flag=True, help="publish.json"),
        localised.option(
            "--wait",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="publish.wait",
        ),
        localised.option("--at", metavar="TIME", help="publish.at"),
    ):
        command = option(command)  # type: ignore[assignment]  # click keeps the function
    return command


def of_datum(command: F) -> F:
    """Give a command the option that says which datum a position is of."""
    option = localised.option(
        "--datum", type=click.Choice(DATUMS, case_sensitive=False), help="publish.datum"
    )
    return option(command)  # type: ignore[return-value]  # click keeps the function


def signed(command: F) -> F:
    """Give a command the options that say who gives the order, and why."""
    for option in (
        localised.option("--reason", required=True, metavar="TEXT", help="publish.reason"),
        localised.option("--by", required=True, metavar="WHO", help="publish.by"),
    ):
        command = option(command)  # type: ignore[assignment]  # click keeps the function
    return command


def certificate(command: F) -> F:
    """Add the options of a certificate of disinfection."""
    for option in reversed(
        (
            localised.option("--agent", required=True, metavar="CODE", help="unit.agent"),
            localised.option(
                "--concentration", type=float, required=True, metavar="X", help="unit.concentration"
            ),
            localised.option(
                "--contact-minutes",
                type=float,
                required=True,
                metavar="MINUTES",
                help="unit.contact_minutes",
            ),
            localised.option("--started-at", required=True, metavar="TIME", help="unit.started_at"),
            localised.option("--ended-at", required=True, metavar="TIME", help="unit.ended_at"),
            localised.option("--operator", required=True, metavar="WHO", help="unit.operator"),
            localised.option(
                "--waste-bags", type=int, required=True, metavar="N", help="unit.waste_bags"
            ),
        )
    ):
        command = option(command)
    return command


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that were given; an option left out gives no field."""
    return {name: value for name, value in fields.items() if value not in (None, (), {})}


def position(
    latitude: float | None, longitude: float | None, datum: str | None
) -> dict[str, float | str]:
    """Return a position in degrees as far as it was given; without a datum it is WGS-84."""
    if latitude is not None:
        # In a file that it is laid over there may be another.
        datum = datum or DATUMS[0]
    return given(latitude=latitude, longitude=longitude, datum=datum)


def read_body(source: BinaryIO) -> dict[str, Any]:
    """Return the JSON object of a file; raise InvalidEvent where it holds none."""
    try:
        return decode(source.read(MAX_BODY_BYTES + 1))
    except BodyError as error:
        raise InvalidEvent(error.reasons) from error


def made(model: type[C], body: dict[str, Any]) -> C:
    """Return the event that a body makes; raise InvalidEvent when it makes none."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidEvent(reasons(error)) from error


def now(settings: Settings) -> datetime:
    """Return the service's time, which in a scenario is not the machine's."""
    return open_clock(settings.scenario_clock).now()


def publish_one(
    invocation: Invocation,
    model: type[Content],
    body: dict[str, Any],
    *,
    wait: float | None,
    as_json: bool,
    time_field: str = "at",
) -> int:
    """Publish the event that a body makes and print its id and topic; return the exit status.

    A body without `time_field` happens now. With `wait`, print what the service says to it within
    so many seconds; a refusal and silence are status 1. Raises InvalidEvent, Unavailable and
    ConfigurationError; nothing was published then.
    """
    settings = invocation.settings()
    at = now(settings)
    event = made(model, {time_field: timestamp(at), **body})
    quieten_libraries()
    return asyncio.run(_publish(settings, event, at=at, wait=wait, as_json=as_json))


def quieten_libraries() -> None:
    """Keep aiokafka's own complaints off the terminal: the command says what is wrong."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


async def _publish(
    settings: Settings, event: Content, *, at: datetime, wait: float | None, as_json: bool
) -> int:
    if wait is None:
        _print(await publish(settings.kafka, settings.topic_prefix, event, at=at))
        return 0
    know_names(settings)
    topics = [topic.name for topic in OUTPUT_TOPICS]
    # Opened first, so that no answer is missed.
    async with open_reader(settings.kafka, settings.topic_prefix, topics) as reader:
        published = await publish(settings.kafka, settings.topic_prefix, event, at=at)
        _print(published)
        return await _report(reader.new(), published, wait, as_json=as_json)


def _print(published: Published) -> None:
    click.echo(json_of(asdict(published)))


async def _report(
    events: AsyncIterator[Event], published: Published, wait: float, *, as_json: bool
) -> int:
    refused = False
    answered = False
    async for event in answers(events, published.identity, wait):
        answered = True
        refused = refused or event.type.endswith(".rejected")
        phrases.show(event, as_json=as_json)
    if not answered:
        click.echo(f"dispatch: {text('publish.silence', seconds=f'{wait:g}')}", err=True)
    return 0 if answered and not refused else 1


async def answers(
    events: AsyncIterator[Event], identity: str, seconds: float
) -> AsyncIterator[Event]:
    """Yield the events that one input caused, waiting for the first at most so many seconds."""
    caused: asyncio.Queue[Event] = asyncio.Queue()

    async def watch() -> None:
        async for event in events:
            if event.attributes.get("cause") == identity:
                caused.put_nowait(event)

    watching = asyncio.create_task(watch())
    patience = seconds
    try:
        while True:
            waiting = asyncio.create_task(caused.get())
            done, _ = await asyncio.wait(
                (waiting, watching), timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            if waiting not in done:
                waiting.cancel()
                if watching in done:
                    await watching
                return
            yield waiting.result()
            patience = min(QUIET, seconds)
    finally:
        watching.cancel()
