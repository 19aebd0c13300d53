"""What a console publishes: calls, and the dispatcher's words on them (`override`, `waive` …)."""

from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar, get_args
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
from dispatch.policy.pack import ITEMS
from dispatch.topics.calls import (
    Call,
    CallAnswered,
    CallCancelled,
    CallHeld,
    CallLinkConfirmed,
    CallLinkRefused,
    CallOverridden,
    CallResumed,
    CallUnlinked,
    SignatureWaived,
)
from dispatch.topics.fields import Answer, CaseStatus, Condition, CrewKind

F = TypeVar("F", bound=Callable[..., Any])


def _about_the_patient(command: F) -> F:
    """Give a command the options about the patient and the four items of the history."""
    for item in reversed(ITEMS):
        option = localised.option(
            f"--{item.replace('_', '-')}",
            type=click.Choice(get_args(Answer)),
            help=f"call.{item}",
        )
        command = option(command)  # type: ignore[assignment]  # click keeps the function
    for option in (
        localised.option(
            "--symptom", "symptoms", multiple=True, metavar="CODE", help="call.symptom"
        ),
        localised.option(
            "--case-status", type=click.Choice(get_args(CaseStatus)), help="call.case_status"
        ),
        localised.option(
            "--condition", type=click.Choice(get_args(Condition)), help="call.condition"
        ),
    ):
        command = option(command)  # type: ignore[assignment]  # click keeps the function
    return command


@localised.command("call")
@click.argument("source", metavar="[FILE|-]", type=click.File("rb"), required=False)
@localised.option("--id", "call_id", metavar="ID", help="call.id")
@localised.option("--district", metavar="NAME|CODE", callback=of_district, help="call.district")
@_about_the_patient
@localised.option("--latitude", type=float, metavar="DEGREES", help="call.latitude")
@localised.option("--longitude", type=float, metavar="DEGREES", help="call.longitude")
@of_datum
@localised.option("--address", metavar="TEXT", help="call.address")
@localised.option("--phone", metavar="NUMBER", help="call.phone")
@localised.option("--complaint", metavar="TEXT", help="call.complaint")
@localised.option("--count", type=int, metavar="N", help="call.count")
@localised.option("--institution", metavar="ID", help="call.institution")
@localised.option("--can-admit/--cannot-admit", default=None, help="call.can_admit")
@publishing
@pass_invocation
def call(
    invocation: Invocation,
    /,
    *,
    source: BinaryIO | None,
    at: str | None,
    wait: float | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Publish a call, from a file, from options, or from a file with options laid over it."""
    body = as_call(options | {"received_at": at}, read_body(source) if source else _new_call())
    return publish_one(invocation, Call, body, wait=wait, as_json=as_json, time_field="received_at")


def as_call(options: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Lay what the options say over a call's body."""
    caller = given(phone=options["phone"], can_admit_suspected=options["can_admit"])
    if options["institution"] is not None:
        caller |= {"kind": "institution", "institution_id": options["institution"]}
    patient = given(
        condition=options["condition"],
        case_status=options["case_status"],
        symptoms=list(options["symptoms"]) or None,
    )
    over = given(
        call_id=options["call_id"],
        received_at=options["received_at"],
        district=options["district"],
        chief_complaint=options["complaint"],
        patient_count=options["count"],
    )
    layers = {
        "caller": caller,
        "patient": patient,
        "location": _place(options),
        "epidemiology": _history(options),
    }
    for name, layer in layers.items():
        below = body.get(name, {})
        # What is no object stays, for the model to refuse.
        if layer and isinstance(below, dict):
            over[name] = below | layer
    return body | over


def _new_call() -> dict[str, Any]:
    return {
        "call_id": f"call-{uuid4().hex[:12]}",
        "caller": {"kind": "public"},
        "patient": {"condition": "unknown", "symptoms": [], "case_status": "none"},
        "location": {},
    }


def _place(options: dict[str, Any]) -> dict[str, Any]:
    there = position(options["latitude"], options["longitude"], options["datum"])
    return there | given(address=options["address"])


def _history(options: dict[str, Any]) -> dict[str, str]:
    return given(**{item: options[item] for item in ITEMS})


@localised.command("answer")
@click.argument("call_id")
@_about_the_patient
@localised.option("--latitude", type=float, metavar="DEGREES", help="call.latitude")
@localised.option("--longitude", type=float, metavar="DEGREES", help="call.longitude")
@of_datum
@localised.option("--address", metavar="TEXT", help="call.address")
@localised.option(
    "--take-back", "taken_back", multiple=True, metavar="CODE", help="answer.take_back"
)
@localised.option("--by", metavar="WHO", help="publish.by")
@publishing
@pass_invocation
def answer(
    invocation: Invocation,
    /,
    *,
    call_id: str,
    by: str | None,
    at: str | None,
    wait: float | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Publish later answers about a call's patient."""
    body = given(
        call_id=call_id,
        answered_at=at,
        epidemiology=_history(options),
        condition=options["condition"],
        case_status=options["case_status"],
        symptoms=list(options["symptoms"]) or None,
        symptoms_taken_back=list(options["taken_back"]) or None,
        location=_place(options) or None,
        by=by,
    )
    return publish_one(
        invocation, CallAnswered, body, wait=wait, as_json=as_json, time_field="answered_at"
    )


@localised.command("override")
@click.argument("call_id")
@localised.option("--unit", "unit_id", metavar="ID", help="override.unit")
@localised.option("--crew", type=click.Choice(get_args(CrewKind)), help="override.crew")
@localised.option("--hospital", "hospital_id", metavar="ID", help="override.hospital")
@signed
@publishing
@pass_invocation
def override(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish the dispatcher's choice of another unit, crew kind or hospital."""
    return publish_one(invocation, CallOverridden, given(**fields), wait=wait, as_json=as_json)


@localised.command("hold")
@click.argument("call_id")
@localised.option("--until", metavar="TIME", help="hold.until")
@localised.option("--resume", is_flag=True, help="hold.resume")
@signed
@publishing
@pass_invocation
def hold(
    invocation: Invocation,
    /,
    *,
    resume: bool,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> int:
    """Publish that a call is held, or taken up again."""
    model = CallResumed if resume else CallHeld
    return publish_one(invocation, model, given(**fields), wait=wait, as_json=as_json)


@localised.command("cancel")
@click.argument("call_id")
@signed
@publishing
@pass_invocation
def cancel(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a call is cancelled."""
    return publish_one(invocation, CallCancelled, given(**fields), wait=wait, as_json=as_json)


@localised.command("link")
@click.argument("call_id")
@localised.option("--to", "incident_id", metavar="ID", help="link.to")
@localised.option("--refuse", is_flag=True, help="link.refuse")
@signed
@publishing
@pass_invocation
def link(
    invocation: Invocation,
    /,
    *,
    refuse: bool,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> int:
    """Publish that a proposed link is right, or is not."""
    model = CallLinkRefused if refuse else CallLinkConfirmed
    return publish_one(invocation, model, given(**fields), wait=wait, as_json=as_json)


@localised.command("unlink")
@click.argument("call_id")
@signed
@publishing
@pass_invocation
def unlink(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a link was wrong."""
    return publish_one(invocation, CallUnlinked, given(**fields), wait=wait, as_json=as_json)


@localised.command("waive")
@click.argument("call_id")
@localised.option("--unit", "unit_id", metavar="ID", help="waive.unit")
@signed
@publishing
@pass_invocation
def waive(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that a vehicle may go without the hospital's signature."""
    return publish_one(invocation, SignatureWaived, given(**fields), wait=wait, as_json=as_json)
