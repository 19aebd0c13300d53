"""Dead letters: every refused input as it came, with its reasons, and the answer to its sender."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final, Literal

from dispatch.domain.city import City
from dispatch.domain.handling import answer_rejected
from dispatch.store.inbound import Inbound, is_identifier
from dispatch.store.unreadable_calls import escalate_unreadable
from dispatch.topics.announcement import Reason, bounded
from dispatch.topics.dead_letters import Cut, InputRejected

_KEY_LENGTH: Final = 256  # characters; an index holds some 2,700 bytes
# What a letter holds of an input, in bytes: in base64, with its names escaped and its reasons, it
# fits into the 1 MiB that Kafka takes where nobody has said otherwise. A body that could take
# effect is held whole.
MOST_OF_VALUE: Final = 524_288
MOST_OF_KEY: Final = 32_768
MOST_OF_HEADERS: Final = 16_384
MOST_HEADERS: Final = 100

_Headers = Sequence[tuple[str, bytes | None]]


def reject(city: City, inbound: Inbound, reasons: list[Reason]) -> None:
    """Dead-letter an input and tell its sender, where it is known."""
    record = inbound.record
    reasons = bounded(reasons)
    headers = _first(record.headers)
    cut = [
        *_cut("key", record.key, MOST_OF_KEY),
        *_cut("value", record.value, MOST_OF_VALUE),
        *([] if len(headers) == len(record.headers) else [_of_headers(record.headers)]),
    ]
    city.emit(
        InputRejected(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            first_offset=record.first_offset,
            at=city.now,
            key_base64=_base64(record.key, MOST_OF_KEY),
            value_base64=_base64(record.value, MOST_OF_VALUE),
            headers_base64=[
                (_header(name), _base64(value, MOST_OF_HEADERS) or "") for name, value in headers
            ],
            refused=inbound.event_type,
            reasons=reasons,
            cut=cut,
        ),
        key=text_of(record.key),
    )
    answer(city, inbound, reasons)
    if inbound.is_call:
        escalate_unreadable(city, inbound, reasons)


def defect(error: BaseException) -> Reason:
    """Return the reason of a refusal that is the service's own fault."""
    return Reason(field="body", reason=f"could not be processed ({type(error).__name__})")


def answer(city: City, inbound: Inbound, reasons: list[Reason]) -> None:
    """Tell the sender of an input why it has no effect, where the sender is known."""
    answer_rejected(
        city,
        event_type=inbound.event_type,
        sender=inbound.sender,
        rejected=bounded(reasons),
        event=inbound.event,
        institution_id=_institution_in(inbound),
    )


def _institution_in(inbound: Inbound) -> str | None:
    """Return the institution that a refused input about a transfer says it is of."""
    if inbound.topic != "transfers":
        return None
    named = inbound.said.get("institution_id")
    return named if is_identifier(named) else None


def _base64(raw: bytes | None, most: int) -> str | None:
    return None if raw is None else base64.b64encode(raw[:most]).decode("ascii")


def _cut(part: Literal["key", "value"], raw: bytes | None, most: int) -> list[Cut]:
    if raw is None or len(raw) <= most:
        return []
    return [Cut(part=part, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())]


def _first(headers: _Headers) -> _Headers:
    """Return those headers, from the first on, that a letter holds."""
    left = MOST_OF_HEADERS
    for number, (name, value) in enumerate(headers):
        left -= len(name) + len(value or b"")
        if left < 0 or number == MOST_HEADERS:
            return headers[:number]
    return headers


def _of_headers(headers: _Headers) -> Cut:
    digest, length = hashlib.sha256(), 0
    for name, value in headers:
        for part in (name.encode("utf-8", "surrogatepass"), value or b""):
            digest.update(part)
            length += len(part)
    return Cut(part="headers", bytes=length, sha256=digest.hexdigest())


def _header(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\u0000")


def text_of(key: bytes | None) -> str | None:
    """Return a key that the event log can hold; the original bytes are in the letter."""
    if not key:
        return None
    text = key.decode("utf-8", "backslashreplace").replace("\x00", "\\u0000")
    if len(text) <= _KEY_LENGTH:
        return text
    digest = hashlib.sha256(key).hexdigest()
    return f"{text[: _KEY_LENGTH - len(digest) - 1]}~{digest}"
