"""`dispatch tail`: follow the events, one readable line or one JSON object each."""

import asyncio
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import click

from dispatch.cli import localised, phrases
from dispatch.cli.city_plan import know_names
from dispatch.cli.following import CallFollower, UnitFollower
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.output import forget_output
from dispatch.cli.publishing import quieten_libraries
from dispatch.client import Event, open_reader
from dispatch.language import text
from dispatch.settings import Settings
from dispatch.topics import TOPICS, Party, own_topic


@localised.command("tail")
@localised.option(
    "--topic",
    "topics",
    multiple=True,
    type=click.Choice([topic.name for topic in TOPICS]),
    help="tail.topic",
)
@localised.option("--call", "call_id", metavar="ID", help="tail.call")
@localised.option("--unit", "unit_id", metavar="ID", help="tail.unit")
@localised.option("--hospital", "hospital_id", metavar="ID", help="tail.hospital")
@localised.option("--institution", "institution_id", metavar="ID", help="tail.institution")
@localised.option("--json", "as_json", is_flag=True, help="tail.json")
@localised.option("--from-beginning", is_flag=True, help="tail.from_beginning")
@pass_invocation
def command(
    invocation: Invocation,
    /,
    *,
    topics: tuple[str, ...],
    call_id: str | None,
    unit_id: str | None,
    hospital_id: str | None,
    institution_id: str | None,
    as_json: bool,
    from_beginning: bool,
) -> None:
    """Show events until Ctrl-C, or until the reader of the output goes."""
    settings = invocation.settings()
    know_names(settings)
    quieten_libraries()
    names = list(topics) or [topic.name for topic in TOPICS]
    owners: tuple[tuple[Party, str | None], ...] = (
        ("hospital", hospital_id),
        ("institution", institution_id),
    )
    own = [_own_topics(names, party, owner) for party, owner in owners if owner is not None]
    if own:
        names = [name for of_one in own for name in of_one]
        if not names:
            raise click.UsageError(text("tail.not_of_hospitals", topics=", ".join(topics)))
    wanted: list[Callable[[Event], bool]] = []
    if call_id is not None:
        wanted.append(CallFollower(call_id))
    if unit_id is not None:
        wanted.append(UnitFollower(unit_id))

    def show(event: Event) -> None:
        # Each follower learns from every event, also from one that another passes over.
        relevant = [about(event) for about in wanted]
        if all(relevant):
            with _interruptible():
                phrases.show(event, as_json=as_json)

    try:
        asyncio.run(
            _follow(
                settings,
                names,
                show,
                from_beginning=from_beginning,
            )
        )
    except (KeyboardInterrupt, BrokenPipeError, _Interrupted):
        forget_output()


def _own_topics(names: Collection[str], party: Party, owner: str) -> list[str]:
    """Return somebody's own topics beside those of these names that have some."""
    return [
        own_topic(topic.name, owner)
        for topic in TOPICS
        if topic.name in names and topic.own is not None and topic.own.party == party
    ]


class _Interrupted(Exception):
    """Ctrl-C came while a line was written."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a write that nobody reads; asyncio's own handler waits until it has ended."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise _Interrupted from None
    finally:
        signal.signal(signal.SIGINT, before)


async def _follow(
    settings: Settings,
    topics: Collection[str],
    show: Callable[[Event], None],
    *,
    from_beginning: bool,
) -> None:
    async with open_reader(settings.kafka, settings.topic_prefix, topics) as reader:
        if from_beginning:
            async for event in reader.past():
                show(event)
        async for event in reader.new():
            show(event)
