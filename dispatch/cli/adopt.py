"""`dispatch adopt`: bind the database to these topics, whatever it was bound to."""

import asyncio

import click
import orjson

from dispatch.agents.ownership import ClaimedTopics
from dispatch.cli import localised
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.language import text
from dispatch.settings import Settings
from dispatch.store.binding import Adopted, adopt
from dispatch.store.database import Database


@localised.command("adopt")
@localised.option("--json", "as_json", is_flag=True, help="adopt.json")
@pass_invocation
def command(invocation: Invocation, /, *, as_json: bool) -> None:
    """Adopt the topics and say what was changed."""
    settings = invocation.settings()
    adopted = asyncio.run(adopt_topics(settings))
    before = adopted.before
    if as_json:
        done = {
            "database": adopted.claim.database,
            "cluster": adopted.cluster_id,
            "prefix": settings.topic_prefix,
            "before": before
            and {
                "database": before.claim.database,
                "cluster": before.cluster_id,
                "prefix": before.topic_prefix,
            },
            "others": [other.database for other in adopted.others],
        }
        click.echo(orjson.dumps(done))
        return
    prefix = settings.topic_prefix
    click.echo(text("adopt.done", own=adopted.claim, prefix=prefix, cluster=adopted.cluster_id))
    if before is not None:
        told = {"own": before.claim, "prefix": before.topic_prefix, "cluster": before.cluster_id}
        click.echo(text("adopt.before", **told))
    for other in adopted.others:
        click.echo(text("adopt.other", other=other, since=other.since))


async def adopt_topics(settings: Settings) -> Adopted:
    """Bind the database to the topics that the settings name."""
    topics = ClaimedTopics(settings.kafka.client_options(), settings.topic_prefix)
    database = Database(settings.database.connect_options())
    await database.open()
    try:
        return await adopt(database, topics, settings.topic_prefix)
    finally:
        database.close()
