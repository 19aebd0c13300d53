"""`dispatch unit`: one event, as a crew would publish it, and the order that it reads."""

from typing import Any, get_args

import click

from dispatch.cli import localised, unit_order
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import given, of_datum, position, publish_one, publishing
from dispatch.topics.fields import CaseStatusFound, Condition
from dispatch.topics.units import (
    CaseFound,
    DisinfectionCertified,
    HandoverSignedByCrew,
    OrderAcknowledged,
    PatientDied,
    RunEnded,
    SceneReported,
    UnitReported,
    UnitStatus,
)


@localised.group("unit")
def command() -> None:
    """Hold what a crew says and reads."""


command.add_command(unit_order.order)


@command.command("report", help="unit.report")
@click.argument("unit_id")
@localised.option("--status", type=click.Choice(get_args(UnitStatus)), help="unit.status")
@localised.option("--latitude", type=float, metavar="DEGREES", help="unit.latitude")
@localised.option("--longitude", type=float, metavar="DEGREES", help="unit.longitude")
@of_datum
@localised.option("--staffed/--unstaffed", default=None, help="unit.staffed")
@localised.option("--reason", metavar="TEXT", help="unit.reason")
@publishing
@pass_invocation
def report(
    invocation: Invocation,
    /,
    *,
    latitude: float | None,
    longitude: float | None,
    datum: str | None,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> int:
    """Publish status, position or staffing."""
    body = given(**fields, position=position(latitude, longitude, datum))
    return publish_one(invocation, UnitReported, body, wait=wait, as_json=as_json)


@command.command("acknowledge", help="unit.acknowledge")
@click.argument("unit_id")
@click.argument("assignment_id")
@publishing
@pass_invocation
def acknowledge(
    invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any
) -> int:
    """Publish that the order was received."""
    return publish_one(invocation, OrderAcknowledged, given(**fields), wait=wait, as_json=as_json)


@command.command("end-run", help="unit.end_run")
@click.argument("unit_id")
@click.argument("assignment_id")
@localised.option(
    "--outcome",
    type=click.Choice(("aborted", "empty", "refused")),
    required=True,
    help="unit.outcome",
)
@localised.option("--reason", required=True, metavar="CODE", help="unit.end_reason")
@localised.option("--note", metavar="TEXT", help="unit.note")
@publishing
@pass_invocation
def end_run(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that the run ended without a handover."""
    return publish_one(invocation, RunEnded, given(**fields), wait=wait, as_json=as_json)


@command.command("case-found", help="unit.case_found")
@click.argument("unit_id")
@click.argument("assignment_id")
@localised.option(
    "--case-status",
    type=click.Choice(get_args(CaseStatusFound)),
    required=True,
    help="call.case_status",
)
@localised.option("--condition", type=click.Choice(get_args(Condition)), help="call.condition")
@publishing
@pass_invocation
def case_found(
    invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any
) -> int:
    """Publish that the patient is a case."""
    return publish_one(invocation, CaseFound, given(**fields), wait=wait, as_json=as_json)


@command.command("scene", help="unit.scene")
@click.argument("unit_id")
@click.argument("assignment_id")
@localised.option("--latitude", type=float, metavar="DEGREES", help="call.latitude")
@localised.option("--longitude", type=float, metavar="DEGREES", help="call.longitude")
@of_datum
@localised.option("--address", metavar="TEXT", help="call.address")
@publishing
@pass_invocation
def scene(
    invocation: Invocation,
    /,
    *,
    latitude: float | None,
    longitude: float | None,
    datum: str | None,
    address: str | None,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> int:
    """Publish where the patient is."""
    location = position(latitude, longitude, datum) | given(address=address)
    body = given(**fields, location=location)
    return publish_one(invocation, SceneReported, body, wait=wait, as_json=as_json)


@command.command("died", help="unit.died")
@click.argument("unit_id")
@click.argument("assignment_id")
@publishing
@pass_invocation
def died(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that the patient died in the crew's care."""
    return publish_one(invocation, PatientDied, given(**fields), wait=wait, as_json=as_json)


@command.command("sign", help="unit.sign")
@click.argument("unit_id")
@click.argument("handover_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def sign(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish the crew's signature under a handover record."""
    return publish_one(
        invocation, HandoverSignedByCrew, given(**fields), wait=wait, as_json=as_json
    )


@command.command("certify", help="unit.certify")
@click.argument("unit_id")
@click.argument("job_id")
@localised.option("--agent", required=True, metavar="CODE", help="unit.agent")
@localised.option(
    "--concentration", type=float, required=True, metavar="X", help="unit.concentration"
)
@localised.option(
    "--contact-minutes", type=float, required=True, metavar="MINUTES", help="unit.contact_minutes"
)
@localised.option("--started-at", required=True, metavar="TIME", help="unit.started_at")
@localised.option("--ended-at", required=True, metavar="TIME", help="unit.ended_at")
@localised.option("--operator", required=True, metavar="WHO", help="unit.operator")
@localised.option("--waste-bags", type=int, required=True, metavar="N", help="unit.waste_bags")
@publishing
@pass_invocation
def certify(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish a certificate of terminal disinfection."""
    return publish_one(
        invocation, DisinfectionCertified, given(**fields), wait=wait, as_json=as_json
    )
