"""`dispatch mode`: switch the city between epidemic and routine mode (平战结合)."""

from typing import Any, get_args

import click

from dispatch.cli import localised
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import given, publish_one, publishing, signed
from dispatch.topics.city import CityMode, CityModeSwitched


@localised.command("mode")
@click.argument("mode", metavar="epidemic|routine", type=click.Choice(get_args(CityMode)))
@signed
@publishing
@pass_invocation
def command(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish the city's mode."""
    return publish_one(invocation, CityModeSwitched, given(**fields), wait=wait, as_json=as_json)
