"""An input as the desk reads it: who sent what, or why it can't be read.

Everything is held to the contract. What does not keep to it and is a call all the same is read
again as it is meant, with warnings.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from dispatch.domain.lenient_calls import ADDRESS_UNKNOWN, Salvage, derived_id, digest_of
from dispatch.store import wrapping
from dispatch.store.unreadable_calls import found_in
from dispatch.topics import EVENTS, INPUT_TOPICS, TOPIC_OF, structured
from dispatch.topics.announcement import BODY, Reason
from dispatch.topics.body import Body, BodyError, canonical, decode
from dispatch.topics.body import read as read_body
from dispatch.topics.calls import Call, Location
from dispatch.topics.cloudevents import Attributes, Malformed, read_attributes
from dispatch.topics.envelope import Record
from dispatch.topics.fields import Content, reasons

CALLS: Final = "calls"
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_BATCH: Final = Reason(
    field=structured.CONTENT_TYPE,
    reason="is the batch format: each event must be a record of its own",
)
# The reasons that concern what is around a body.
_AROUND: Final = ("ce_", structured.CONTENT_TYPE)
_FOUND: Final = "is missing or unusable: taken from what was found in the bytes"
# The fields one of which names the sender, and keys the topic; the city's has none.
_SENDER_FIELDS: Final = {
    topic.name: topic.key_fields for topic in INPUT_TOPICS if topic.key != topic.name
}


@dataclass(frozen=True, slots=True)
class Inbound:
    """One input: `event` when it can be read, else `reasons`; `topic` is without the prefix.

    `identity` is what makes it the same input on its topic when it comes again, with the same
    `digest`, which is of what it means, not of how it is written; `said` is its body as it was
    read; `content` is the digest by which a call, transfer or batch is known again; `sender` is
    the id under which an answer is read, when it is known. `warnings` say what is wrong with a call
    that is taken all the same.
    """

    record: Record
    topic: str
    identity: str
    digest: bytes
    content: bytes
    event_type: str
    event: Content | None
    reasons: list[Reason]
    sender: dict[str, str]
    warnings: tuple[Reason, ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)

    def as_written(self) -> bytes:
        """Return the digest of its bytes, by which earlier versions of the service know it."""
        value = self.record.value or b""
        try:
            return _digest(read_attributes(self.record).type, value)
        except Malformed:
            return hashlib.sha256(value).digest()

    @property
    def is_call(self) -> bool:
        """Return whether it is a call, or may be one that can't be read."""
        return self.event_type == Call.event_type or (
            self.topic == CALLS
            and (
                self.event_type not in wrapping.OTHERS
                or wrapping.looks_like_a_call(self.record.value or b"")
            )
        )


def read(record: Record, *, topic: str, salvage: Salvage | None = None) -> Inbound:
    """Read one record of an input topic (named without the prefix).

    With `salvage` a call is taken as it is meant, where it does not keep to the contract.
    """
    if record.unreadable is not None:
        return _unreadable(record, topic, record.unreadable)
    value = record.value or b""
    attributes, body, found = _opened(record, value)
    identity, event_type = _place_of(record), "unknown"
    if attributes is not None:
        identity, event_type = attributes.identity, attributes.type
    if attributes is None:
        digest = hashlib.sha256(value).digest()
    else:
        digest = _digest(event_type, value if body is None else body.canonical)
    content = {} if body is None else body.content
    event: Content | None = None
    if not found:
        event, found = _content(event_type, topic, content)
    doubled = [] if body is None else _twice(body.doubled)
    if doubled and event_type != Call.event_type:
        event, found = None, [*found, *doubled]
    sender = _sender(record, topic, content)
    if event is not None and not _key_fits(record, sender):
        name = next(iter(sender))
        found = [_reason("key", f"must be the {name}, so that its events stay in order")]
        event = None
    inbound = Inbound(
        record, topic, identity, digest, digest, event_type, event, found, sender, said=content
    )
    if topic == CALLS and salvage is not None:
        if event is None:
            return _as_meant(inbound, salvage)
        if type(event) is Call:
            warnings = [_last_taken(each) for each in doubled]
            if record.key is None:
                warnings += _key_warning(record, event)
            if warnings:
                inbound = replace(inbound, warnings=tuple(warnings))
                return _completed(inbound, event) if doubled else inbound
    return inbound


def _opened(record: Record, value: bytes) -> tuple[Attributes | None, Body | None, list[Reason]]:
    """Return an event's attributes and body, in either mode, and what is wrong with them."""
    mode = structured.mode_of(record.headers, value)
    if mode == "batch":
        return None, None, [_BATCH]
    found: list[Reason] = []
    attributes: Attributes | None = None
    whole: Body | None = None
    try:
        if mode is not None:
            whole = read_body(value)
            if "specversion" not in whole.content and wrapping.header(record, "ce_specversion"):
                # The data alone, in binary mode, under the other's content type.
                whole = None
        attributes = read_attributes(record) if whole is None else structured.attributes_of(whole)
    except Malformed as malformed:
        found.append(_reason(malformed.field, malformed.reason))
    except BodyError as error:
        return None, None, _of_body(error)
    try:
        body = read_body(value) if whole is None else structured.data_of(whole)
    except BodyError as error:
        return attributes, None, found + _of_body(error)
    return attributes, body, found


def _of_body(error: BodyError) -> list[Reason]:
    return [_reason(each["field"], each["reason"]) for each in error.reasons]


def _as_meant(inbound: Inbound, salvage: Salvage) -> Inbound:
    """Return what is no call by the contract as the call that it is meant to be, if it is one."""
    record, value = inbound.record, inbound.record.value or b""
    whole = structured.mode_of(record.headers, value) is not None
    said = inbound.event_type if whole else wrapping.header(record, "ce_type")
    warnings: list[Reason] = []
    try:
        body, told = wrapping.loosely(value, warnings, whole=whole)
    except BodyError:
        called = (said or "").strip().lower() == Call.event_type
        called = called or (inbound.topic == CALLS and wrapping.looks_like_a_call(value))
        return replace(inbound, event_type=Call.event_type) if called else inbound
    if not wrapping.is_call(told or said, body):
        return inbound
    content = _digest(Call.event_type, canonical(body, value))

    def otherwise(dated: bool) -> str:
        key = (record.key or b"").decode("utf-8", "replace")
        if is_identifier(key):
            return key
        return derived_id("call", content.hex() if dated else digest_of(inbound.identity))

    call, found = salvage.call(body, otherwise)
    if call is None and (place := _place_in(found_in(inbound))):
        call, found = salvage.call({**body, "location": place}, otherwise)
    inbound = replace(inbound, event_type=Call.event_type, content=content)
    around = [each for each in inbound.reasons if each.field.startswith(_AROUND)]
    if call is None:
        sender = inbound.sender or _sender(record, inbound.topic, body)
        around += [each for each in inbound.reasons if each.field.startswith(BODY)]
        return replace(inbound, reasons=[*around, *found], sender=sender)
    warnings += around
    warnings += _key_warning(record, call)
    warnings += [_last_taken(each) for each in _twice(wrapping.doubled(value))]
    warnings += found
    inbound = replace(
        inbound,
        event=call,
        reasons=[],
        sender={"call_id": call.call_id},
        warnings=tuple({(each.field, each.reason): each for each in warnings}.values()),
    )
    return _completed(inbound, call)


def _completed(inbound: Inbound, call: Call) -> Inbound:
    """Return an input with what its call lacks and its bytes say somewhere: telephone and place."""
    nowhere = call.location.latitude is None and call.location.address == ADDRESS_UNKNOWN
    if call.caller.phone is not None and not nowhere:
        return inbound
    found = found_in(inbound)
    warnings = list(inbound.warnings)
    # What stands elsewhere in the call is not lost: whose it is, it says there.
    kept = call.model_dump_json()
    phone = next((each for each in found.get("phone", ()) if each not in kept), None)
    if call.caller.phone is None and phone is not None:
        caller = call.caller.model_copy(update={"phone": phone})
        call = call.model_copy(update={"caller": caller})
        warnings.append(_reason("caller.phone", _FOUND))
    if nowhere and (place := _place_in(found)):
        call = call.model_copy(update={"location": Location.model_validate(place)})
        warnings.append(_reason("location", _FOUND))
    return replace(inbound, event=call, warnings=tuple(warnings))


def _place_in(found: dict[str, list[str]]) -> dict[str, Any]:
    """Return the place that was found in a call's bytes, as far as it is one."""
    place: dict[str, Any] = {}
    if addresses := found.get("address"):
        place["address"] = addresses[0]
    if positions := found.get("position"):
        latitude, longitude = map(float, positions[0].split(", "))
        position = {"latitude": latitude, "longitude": longitude}
        try:
            Location.model_validate(position)
        except ValidationError:
            return place
        place |= position
    return place


def _twice(paths: Iterable[str]) -> list[Reason]:
    return [_reason(path, "is given twice") for path in paths]


def _last_taken(twice: Reason) -> Reason:
    """Return the warning of a call's key that is there twice.

    Of two the last one is taken, as nearly all parsers of JSON do: its sender's own among them.
    """
    return Reason(field=twice.field, reason="is given twice: the last one was taken")


def _key_warning(record: Record, call: Call) -> list[Reason]:
    """Return a warning where a call's key is not its id: it keeps the events of a call in order."""
    if record.key is None:
        return [_reason("key", "is missing: it should be the call_id")]
    if record.key != call.call_id.encode():
        return [_reason("key", "is not the call_id, as it should be")]
    return []


def _digest(event_type: str, value: bytes) -> bytes:
    return hashlib.sha256(event_type.encode() + b"\0" + value).digest()


def _place_of(record: Record) -> str:
    return f"{record.incarnation}/{record.topic}/{record.partition}/{record.offset}"


def _unreadable(record: Record, topic: str, why: str) -> Inbound:
    """Say of what can't be read where it was, and what it seems to have been.

    Its place is its identity: what it says of itself may be wrong, and it may be sent again whole.
    """
    identity = _place_of(record)
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
    return Inbound(record, topic, identity, digest, digest, event_type, None, reasons, sender)


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
        if is_identifier(body.get(name)):
            return {name: body[name]}
    key = (record.key or b"").decode("utf-8", "replace")
    return {names[0]: key} if names and is_identifier(key) else {}


def is_identifier(candidate: object) -> bool:
    """Return whether something in a body can be an id."""
    return isinstance(candidate, str) and _IDENTIFIER.fullmatch(candidate) is not None


def _key_fits(record: Record, sender: dict[str, str]) -> bool:
    return (
        record.key is None or not sender or record.key.decode("utf-8", "replace") in sender.values()
    )


def _reason(field: str, reason: str) -> Reason:
    """Make a reason that can be stored and published, whatever was in the input."""
    return Reason(field=_printable(field), reason=_printable(reason))


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\u0000")[:500]
