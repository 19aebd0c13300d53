"""`dispatch hospital`: one event, as a hospital's intake would publish it."""

from typing import Any, get_args

import click

from dispatch.cli import localised
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import certificate, given, publish_one, publishing, signed
from dispatch.language import text
from dispatch.topics.fields import CaseStatusFound
from dispatch.topics.hospitals import (
    BedFreed,
    BedOutcome,
    DecontaminationStatus,
    DisinfectionCertifiedByHospital,
    FollowUpCompleted,
    HandoverAcknowledged,
    HandoverDiverted,
    HandoverSignedByHospital,
    HospitalReported,
    HospitalService,
    HospitalStatus,
    PatientFound,
    PatientLeft,
    ResultReported,
    SuppliesReported,
)


def _rooms(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, int]:
    rooms: dict[str, int] = {}
    for value in values:
        kind, _, number = value.rpartition("=")
        if not kind or not number.isdecimal():
            raise click.BadParameter(text("hospital.bad_room", value=value))
        rooms[kind] = int(number)
    return rooms


def _items(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    items: dict[str, dict[str, float]] = {}
    for value in values:
        item, _, level = value.rpartition("=")
        stock, _, daily_use = level.partition("/")
        try:
            items[item] = {"stock": float(stock), "daily_use": float(daily_use)}
        except ValueError:
            raise click.BadParameter(text("hospital.bad_item", value=value)) from None
    return items


@localised.group("hospital")
def command() -> None:
    """Hold what a hospital says."""


@command.command("report", help="hospital.report")
@click.argument("hospital_id")
@localised.option("--status", type=click.Choice(get_args(HospitalStatus)), help="hospital.status")
@localised.option(
    "--room",
    "rooms",
    multiple=True,
    metavar="KIND=N",
    callback=_rooms,
    help="hospital.room",
)
@localised.option(
    "--capacity", multiple=True, metavar="KIND=N", callback=_rooms, help="hospital.capacity"
)
@localised.option(
    "--service", type=click.Choice(get_args(HospitalService)), help="hospital.service"
)
@localised.option(
    "--decontamination",
    type=click.Choice(get_args(DecontaminationStatus)),
    help="hospital.decontamination",
)
@localised.option("--bays", type=int, metavar="N", help="hospital.bays")
@publishing
@pass_invocation
def report(
    invocation: Invocation,
    /,
    *,
    decontamination: str | None,
    bays: int | None,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> int:
    """Publish what the hospital can take."""
    centre = given(status=decontamination, bays=bays)
    body = given(**fields, decontamination=centre)
    return publish_one(invocation, HospitalReported, body, wait=wait, as_json=as_json)


@command.command("acknowledge", help="hospital.acknowledge")
@click.argument("hospital_id")
@click.argument("handover_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def acknowledge(
    invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any
) -> int:
    """Publish that the announcement was read."""
    return publish_one(
        invocation, HandoverAcknowledged, given(**fields), wait=wait, as_json=as_json
    )


@command.command("divert", help="hospital.divert")
@click.argument("hospital_id")
@click.argument("handover_id")
@signed
@publishing
@pass_invocation
def divert(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that the hospital cannot take the patient."""
    return publish_one(invocation, HandoverDiverted, given(**fields), wait=wait, as_json=as_json)


@command.command("sign", help="hospital.sign")
@click.argument("hospital_id")
@click.argument("handover_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def sign(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish the hospital's signature under a handover record."""
    return publish_one(
        invocation, HandoverSignedByHospital, given(**fields), wait=wait, as_json=as_json
    )


@command.command("found", help="hospital.found")
@click.argument("hospital_id")
@click.argument("handover_id")
@localised.option(
    "--case-status",
    type=click.Choice(get_args(CaseStatusFound)),
    required=True,
    help="call.case_status",
)
@publishing
@pass_invocation
def found(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a patient is a case."""
    return publish_one(invocation, PatientFound, given(**fields), wait=wait, as_json=as_json)


@command.command("left", help="hospital.left")
@click.argument("hospital_id")
@click.argument("handover_id")
@publishing
@pass_invocation
def left(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a patient has left by himself."""
    return publish_one(invocation, PatientLeft, given(**fields), wait=wait, as_json=as_json)


@command.command("free-bed", help="hospital.free_bed")
@click.argument("hospital_id")
@localised.option("--room", required=True, metavar="KIND", help="hospital.freed_room")
@localised.option("--promise", "promise_id", metavar="ID", help="hospital.promise")
@localised.option("--outcome", type=click.Choice(get_args(BedOutcome)), help="hospital.outcome")
@publishing
@pass_invocation
def free_bed(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a bed is free again."""
    return publish_one(invocation, BedFreed, given(**fields), wait=wait, as_json=as_json)


@command.command("supplies", help="hospital.supplies")
@click.argument("hospital_id")
@localised.option(
    "--item",
    "items",
    multiple=True,
    required=True,
    metavar="ITEM=STOCK/DAILY",
    callback=_items,
    help="hospital.item",
)
@publishing
@pass_invocation
def supplies(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish what the hospital has in stock."""
    return publish_one(invocation, SuppliesReported, given(**fields), wait=wait, as_json=as_json)


@command.command("result", help="hospital.result")
@click.argument("hospital_id")
@click.argument("handover_id")
@localised.option("--test", required=True, metavar="CODE", help="hospital.test")
@localised.option("--positive/--negative", required=True, default=None, help="hospital.positive")
@localised.option(
    "--case-status", type=click.Choice(get_args(CaseStatusFound)), help="hospital.found_status"
)
@publishing
@pass_invocation
def result(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish the result of a test."""
    return publish_one(invocation, ResultReported, given(**fields), wait=wait, as_json=as_json)


@command.command("follow-up", help="hospital.follow_up")
@click.argument("hospital_id")
@click.argument("handover_id")
@localised.option("--by", required=True, metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def follow_up(
    invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any
) -> int:
    """Publish that the days of follow-up are over."""
    return publish_one(invocation, FollowUpCompleted, given(**fields), wait=wait, as_json=as_json)


@command.command("certify", help="unit.certify")
@click.argument("hospital_id")
@click.argument("unit_id")
@click.argument("job_id")
@certificate
@publishing
@pass_invocation
def certify(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish a certificate of the hospital's own decontamination centre."""
    return publish_one(
        invocation, DisinfectionCertifiedByHospital, given(**fields), wait=wait, as_json=as_json
    )
