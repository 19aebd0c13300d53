"""`dispatch unit`: one event, as a crew would publish it, and the order that it reads."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, get_args

import click

from dispatch.cli import localised, unit_order
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import certificate, given, of_datum, position, publish_one, publishing
from dispatch.topics.fields import CaseStatusFound, Condition
from dispatch.topics.observations import ObservationsReported
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
    VehicleCleaned,
)

F = TypeVar("F", bound=Callable[..., Any])

# The option of each vital sign, and the key of its help.
_OPTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "heart_rate_per_minute": ("--heart-rate", "heart_rate"),
    "breaths_per_minute": ("--breaths", "breaths"),
    "systolic_mmhg": ("--systolic", "systolic"),
    "diastolic_mmhg": ("--diastolic", "diastolic"),
    "oxygen_saturation_percent": ("--spo2", "saturation"),
    "temperature_celsius": ("--temperature", "temperature"),
    "glasgow_total": ("--glasgow", "glasgow"),
    "glasgow_eye": ("--glasgow-eye", "glasgow_eye"),
    "glasgow_verbal": ("--glasgow-verbal", "glasgow_verbal"),
    "glasgow_motor": ("--glasgow-motor", "glasgow_motor"),
    "oxygen_litres_per_minute": ("--oxygen", "oxygen"),
    "glucose_mmol_per_litre": ("--glucose", "glucose"),
}


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
@certificate
@publishing
@pass_invocation
def certify(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish a certificate of terminal disinfection."""
    return publish_one(
        invocation, DisinfectionCertified, given(**fields), wait=wait, as_json=as_json
    )


@command.command("cleaned", help="unit.cleaned")
@click.argument("unit_id")
@click.argument("assignment_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@localised.option("--agent", metavar="CODE", help="unit.cleaned_with")
@publishing
@pass_invocation
def cleaned(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that the vehicle was cleaned after an ordinary run."""
    return publish_one(invocation, VehicleCleaned, given(**fields), wait=wait, as_json=as_json)


def _readings(command: F) -> F:
    """Give a command an option for each vital sign."""
    for name, (spelt, key) in reversed(tuple(_OPTIONS.items())):
        option = localised.option(spelt, name, type=float, metavar="X", help=f"unit.{key}")
        command = option(command)  # type: ignore[assignment]  # click keeps the function
    return command


@command.command("observe", help="unit.observe")
@click.argument("unit_id")
@click.argument("assignment_id")
@_readings
@localised.option("--ecg", "ecg_url", metavar="URL", help="unit.ecg")
@localised.option("--patient", "patient_id", metavar="ID", help="unit.patient")
@publishing
@pass_invocation
def observe(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish what was measured of the patient."""
    return publish_one(
        invocation, ObservationsReported, given(**fields), wait=wait, as_json=as_json
    )
