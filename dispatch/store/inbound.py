"""An input as the desk reads it: who sent what, or why it can't be read."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from dispatch.topics import EVENTS, INPUT_TOPICS, TOPIC_OF
from dispatch.topics.announcement import Reason
from dispatch.topics.cloudevents import Malformed, read_attributes
from dispatch.topics.envelope import Record
from dispatch.topics.fields import BodyError, Content, decode, reasons

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# The fields one of which names the sender, and keys the topic; the city's has none.
_SENDER_FIELDS: Final = {
    topic.name: topic.key_fields for topic in INPUT_TOPICS if topic.key != topic.name
}


@dataclass(frozen=True, slots=True)
class Inbound:
    """One input: `event` when it can be read, else `reasons`.

    `identity` is what makes it the same input when it comes again; `sender` is the id under which
    an answer is read, when it is known.
    """

    record: Record
    identity: str
    digest: bytes
    event_type: str
    event: Content | None
    reasons: list[Reason]
    sender: dict[str, str]


def read(record: Record, *, topic: str) -> Inbound:
    """Read one record of an input topic (named without the prefix)."""
    if record.unreadable is not None:
        return _unreadable(record, topic, record.unreadable)
    value = record.value or b""
    digest = hashlib.sha256(value).digest()
    body: dict[str, Any] = {}
    event: Content | None = None
    found: list[Reason] = []
    event_type = "unknown"
    identity = f"{record.incarnation}/{record.topic}/{record.partition}/{record.offset}"
    try:
        attributes = read_attributes(record)
    except Malformed as malformed:
        found.append(_reason(malformed.field, malformed.reason))
    else:
        identity, event_type = attributes.identity, attributes.type
        digest = hashlib.sha256(event_type.encode() + b"\0" + value).digest()
    try:
        body = decode(value)
    except BodyError as error:
        found.extend(_reason(each["field"], each["reason"]) for each in error.reasons)
    else:
        if not found:
            event, found = _content(event_type, topic, body)
    sender = _sender(record, topic, body)
    if event is not None and not _key_fits(record, sender):
        name = next(iter(sender))
        found = [_reason("key", f"must be the {name}, so that its events stay in order")]
        event = None
    return Inbound(record, identity, digest, event_type, event, found, sender)


def _unreadable(record: Record, topic: str, why: str) -> Inbound:
    """Say of what can't be read where it was, and what it seems to have been.

    Its place is its identity: what it says of itself may be wrong, and it may be sent again whole.
    """
    identity = f"{record.incarnation}/{record.topic}/{record.partition}/{record.offset}"
    digest = hashlib.sha256(record.value or b"").digest()
    try:
        event_type = read_attributes(record).type
    except Malformed:
        event_type = "unknown"
    try:
        body = decode(record.value or b"")
    except BodyError:
        body = {}
    sender = _sender(record, topic, body)
    reasons = [_reason("record", f"can't be read: {why}")]
    return Inbound(record, identity, digest, event_type, None, reasons, sender)


def _content(
    event_type: str, topic: str, body: dict[str, Any]
) -> tuple[Content | None, list[Reason]]:
    model = EVENTS.get(event_type)
    if model is None or not issubclass(model, Content):
        return None, [_reason("ce_type", "is not an event that this service takes")]
    if TOPIC_OF[event_type].name != topic:
        return None, [_reason("ce_type", f"belongs on the topic {TOPIC_OF[event_type].name}")]
    try:
        return model.model_validate(body), []
    except ValidationError as error:
        return None, [_reason(each["field"], each["reason"]) for each in reasons(error)]


def _sender(record: Record, topic: str, body: dict[str, Any]) -> dict[str, str]:
    names = _SENDER_FIELDS.get(topic, ())
    for name in names:
        if _is_identifier(body.get(name)):
            return {name: body[name]}
    key = (record.key or b"").decode("utf-8", "replace")
    return {names[0]: key} if names and _is_identifier(key) else {}


def _is_identifier(candidate: object) -> bool:
    return isinstance(candidate, str) and _IDENTIFIER.fullmatch(candidate) is not None


def _key_fits(record: Record, sender: dict[str, str]) -> bool:
    return (
        record.key is None
        or not sender
        or record.key.decode("utf-8", "replace") in (sender.values())
    )


def _reason(field: str, reason: str) -> Reason:
    """Make a reason that can be stored and published, whatever was in the input."""
    return Reason(field=_printable(field), reason=_printable(reason))


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\u0000")[:500]
