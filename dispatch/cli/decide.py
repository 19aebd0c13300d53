"""`dispatch decide`: calls as JSON Lines in, decisions as JSON Lines out, without any service."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, get_args

import click
from pydantic import ValidationError

from dispatch.cli import localised
from dispatch.language import text
from dispatch.policy.decision import decide, facts_of
from dispatch.policy.pack import Pack, load_pack
from dispatch.shown import json_of, shown_json
from dispatch.topics.body import BodyError, decode
from dispatch.topics.calls import Call
from dispatch.topics.city import CityMode
from dispatch.topics.fields import MAX_BODY_BYTES, parse_time, reasons
from dispatch.wording import said

READ_BYTES = 1 << 18


def _time(_ctx: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        raise click.BadParameter(text("decide.bad_time", value=value)) from error


@localised.command("decide")
@click.argument("source", metavar="FILE|-", type=click.File("rb"))
@localised.option(
    "--policy", default="covid-19", show_default=True, metavar="PACK", help="decide.policy"
)
@localised.option("--at", metavar="TIME", callback=_time, help="decide.at")
@localised.option(
    "--mode",
    type=click.Choice(get_args(CityMode)),
    default="epidemic",
    show_default=True,
    help="decide.mode",
)
def command(source: BinaryIO, policy: str, at: datetime | None, mode: CityMode) -> int:
    """Write a decision or an error for every line; return 1 when there was an error."""
    pack = load_pack(policy)
    output = click.get_binary_stream("stdout")
    number = 0
    failed = False
    for lines in read_lines(source):
        answers = []
        for line in lines:
            number += 1
            answer, good = answer_line(line, number, pack, at, mode)
            answers.append(answer)
            failed = failed or not good
        output.write(b"".join(answers))
        output.flush()
    return 1 if failed else 0


def read_lines(source: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines that came at once, without their ends, until the source is at its end.

    What is there is answered before more is waited for. A line over the limit is cut to one byte
    more than the limit, so that any line fits into memory and is still known to be too long.
    """
    read: Any = getattr(source, "read1", source.read)
    rest = b""
    while block := read(READ_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        rest = rest[: MAX_BODY_BYTES + 1]
        if lines:
            yield lines
    if rest:
        yield [rest]


def answer_line(
    line: bytes, number: int, pack: Pack, at: datetime | None, mode: CityMode = "epidemic"
) -> tuple[bytes, bool]:
    """Return the line of JSON that answers a call, and whether it is a decision."""
    content: dict[str, Any] = {}
    try:
        content = decode(line)
        call, warnings = _call(content)
    except BodyError as error:
        found = error.reasons
    except ValidationError as error:
        found = reasons(error)
    else:
        decision = decide(facts_of(call, mode), pack, at or call.received_at)
        decision.warnings += warnings
        return shown_json(decision.as_json().decode()).encode() + b"\n", True
    told = [{**each, "reason": said(each["reason"])} for each in found]
    refusal = {"call_id": _text_or_none(content.get("call_id")), "line": number, "error": told}
    return json_of(refusal) + b"\n", False


def _call(content: dict[str, Any]) -> tuple[Call, tuple[str, ...]]:
    """Return a call and warnings: a number that says who somebody is refuses nobody.

    Raises ValidationError for anything else that is wrong.
    """
    try:
        return Call.model_validate(content), ()
    except ValidationError as error:
        found = [each for each in reasons(error) if each["field"] == "patient.id_number"]
        if not found:
            raise
    patient = {name: value for name, value in content["patient"].items() if name != "id_number"}
    call = Call.model_validate(content | {"patient": patient})
    return call, tuple(f"{each['field']} {each['reason']}: left out" for each in found)


def _text_or_none(value: object) -> str | None:
    """Return what was sent as a call's id when it can be written back."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
