"""`dispatch migrate`: bring the database to this version's schema."""

import click
import orjson

from dispatch.cli import localised
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.language import text
from dispatch.store.schema import WAIT, migrate


@localised.command("migrate")
@localised.option("--restored", is_flag=True, help="migrate.restored")
@localised.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=WAIT,
    show_default=True,
    metavar="SECONDS",
    help="migrate.wait",
)
@localised.option("--json", "as_json", is_flag=True, help="migrate.json")
@pass_invocation
def command(invocation: Invocation, restored: bool, wait: float, as_json: bool) -> None:
    """Migrate the database and print its versions before and after."""
    options = invocation.settings().database.connect_options()

    def tell(line: str) -> None:
        click.echo(line, err=True)

    before, after = migrate(options, restored=restored, wait=wait, tell=tell)
    if as_json:
        click.echo(orjson.dumps({"before": before, "after": after}))
    elif before == after:
        click.echo(text("migrate.current", after=after))
    else:
        click.echo(text("migrate.done", before=before or text("migrate.empty"), after=after))
