"""`dispatch commission`: one event, as the health commission would publish it."""

from typing import Any

import click

from dispatch.cli import localised
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import given, publish_one, publishing
from dispatch.topics.commission import CrewInfected, ReportAcknowledged, SurveyCompleted


@localised.group("commission")
def command() -> None:
    """Hold what the health commission says."""


@command.command("acknowledge", help="commission.acknowledge")
@click.argument("incident_id")
@click.argument("report_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def acknowledge(
    invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any
) -> int:
    """Publish that a report was received."""
    return publish_one(invocation, ReportAcknowledged, given(**fields), wait=wait, as_json=as_json)


@command.command("survey", help="commission.survey")
@click.argument("incident_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@localised.option("--generation", type=int, metavar="N", help="commission.generation")
@localised.option("--contacts", type=int, metavar="N", help="commission.contacts")
@publishing
@pass_invocation
def survey(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that the epidemiological survey of a case is done."""
    return publish_one(invocation, SurveyCompleted, given(**fields), wait=wait, as_json=as_json)


@command.command("infected", help="commission.infected")
@click.argument("incident_id")
@click.argument("unit_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def infected(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a member of a crew is infected."""
    return publish_one(invocation, CrewInfected, given(**fields), wait=wait, as_json=as_json)
