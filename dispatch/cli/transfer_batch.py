"""`dispatch transfers batch`, `amend`, `call-off`: what an institution says of a batch."""

from typing import Any, BinaryIO

import click

from dispatch.cli import localised
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import given, publish_one, publishing, read_body, signed
from dispatch.topics.transfers import (
    TransferBatchAmended,
    TransferBatchCancelled,
    TransferBatchRequested,
)


@localised.command("batch", help="transfers.batch")
@click.argument("source", metavar="FILE|-", type=click.File("rb"))
@publishing
@pass_invocation
def batch(
    invocation: Invocation,
    /,
    *,
    source: BinaryIO,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> int:
    """Publish a batch as a file has it."""
    body = read_body(source) | given(**fields)
    return publish_one(invocation, TransferBatchRequested, body, wait=wait, as_json=as_json)


@localised.command("amend", help="transfers.amend")
@click.argument("source", metavar="FILE|-", type=click.File("rb"))
@publishing
@pass_invocation
def amend(
    invocation: Invocation,
    /,
    *,
    source: BinaryIO,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> int:
    """Publish what has changed about a batch as a file has it."""
    body = read_body(source) | given(**fields)
    return publish_one(invocation, TransferBatchAmended, body, wait=wait, as_json=as_json)


@localised.command("call-off", help="transfers.call_off")
@click.argument("batch_id")
@signed
@publishing
@pass_invocation
def call_off(invocation: Invocation, /, *, wait: float | None, as_json: bool, **fields: Any) -> int:
    """Publish that what has not started of a batch is called off."""
    return publish_one(
        invocation, TransferBatchCancelled, given(**fields), wait=wait, as_json=as_json
    )
