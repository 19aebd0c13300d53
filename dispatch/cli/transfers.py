"""`dispatch transfers`: patients moved between institutions."""

from typing import Any, BinaryIO
from uuid import uuid4

import click

from dispatch.cli import localised
from dispatch.cli.city_plan import of_district
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import (
    given,
    of_datum,
    position,
    publish_one,
    publishing,
    read_body,
    signed,
)
from dispatch.cli.transfer_batch import amend, batch, call_off
from dispatch.cli.transfer_plan import plan
from dispatch.language import text
from dispatch.topics.hospitals import TransferAccepted, TransferDiverted
from dispatch.topics.transfers import TransferCancelled, TransferRequested


def _patients(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> list[dict[str, Any]]:
    patients: list[dict[str, Any]] = []
    for value in values:
        patient_id, *more = value.split("/")
        if len(more) not in (2, 3):
            raise click.BadParameter(text("transfers.bad_patient", value=value))
        severity, mobility, *needs = more
        patient = {"patient_id": patient_id, "severity": severity, "mobility": mobility}
        patients.append(patient | given(needs=needs[0].split(",") if needs else None))
    return patients


@localised.group("transfers")
def command() -> None:
    """Hold what can be done about transfers."""


@command.command("request", help="transfers.request")
@click.argument("source", metavar="[FILE|-]", type=click.File("rb"), required=False)
@localised.option("--id", "transfer_id", metavar="ID", help="transfers.id")
@localised.option("--institution", "institution_id", metavar="ID", help="transfers.institution")
@localised.option("--kind", metavar="CODE", help="transfers.kind")
@localised.option(
    "--patient",
    "patients",
    multiple=True,
    metavar="ID/SEVERITY/MOBILITY[/NEED,...]",
    callback=_patients,
    help="transfers.patient",
)
@localised.option("--district", metavar="NAME|CODE", callback=of_district, help="call.district")
@localised.option("--latitude", type=float, metavar="DEGREES", help="call.latitude")
@localised.option("--longitude", type=float, metavar="DEGREES", help="call.longitude")
@of_datum
@localised.option("--address", metavar="TEXT", help="call.address")
@localised.option("--hospital", "hospital_id", metavar="ID", help="transfers.wish")
@localised.option("--by", metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def request(
    invocation: Invocation,
    /,
    *,
    source: BinaryIO | None,
    wait: float | None,
    as_json: bool,
    latitude: float | None,
    longitude: float | None,
    datum: str | None,
    address: str | None,
    patients: list[dict[str, Any]],
    **fields: Any,
) -> int:
    """Publish a request, from a file, from options, or from a file with options laid over it."""
    body = read_body(source) if source else {"transfer_id": f"transfer-{uuid4().hex[:12]}"}
    place = position(latitude, longitude, datum) | given(address=address)
    over = given(location=place, patients=patients or None, **fields)
    return publish_one(invocation, TransferRequested, body | over, wait=wait, as_json=as_json)


@command.command("cancel", help="transfers.cancel")
@click.argument("transfer_id")
@signed
@publishing
@pass_invocation
def cancel(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a request is taken back."""
    return publish_one(invocation, TransferCancelled, given(**fields), wait=wait, as_json=as_json)


@command.command("accept", help="transfers.accept")
@click.argument("hospital_id")
@click.argument("offer_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def accept(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a hospital takes the patients of an offer."""
    return publish_one(invocation, TransferAccepted, given(**fields), wait=wait, as_json=as_json)


@command.command("divert", help="transfers.divert")
@click.argument("hospital_id")
@click.argument("offer_id")
@localised.option("--proposal", metavar="ID", help="transfers.proposal")
@signed
@publishing
@pass_invocation
def divert(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a hospital cannot take the patients of an offer."""
    return publish_one(invocation, TransferDiverted, given(**fields), wait=wait, as_json=as_json)


for each in (batch, amend, call_off, plan):
    command.add_command(each)
