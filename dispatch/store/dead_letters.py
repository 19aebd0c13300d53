"""Dead letters: every refused input as it came, with its reasons, and the answer to its sender."""

import base64
import hashlib
from typing import Final

from dispatch.domain.city import City
from dispatch.domain.handling import answer_rejected
from dispatch.store.inbound import Inbound
from dispatch.store.unreadable_calls import escalate_unreadable
from dispatch.topics.announcement import Reason
from dispatch.topics.dead_letters import InputRejected

_KEY_LENGTH: Final = 256  # characters; an index holds some 2,700 bytes


def reject(city: City, inbound: Inbound, reasons: list[Reason]) -> None:
    """Dead-letter an input and tell its sender, where it is known."""
    record = inbound.record
    key = _text(record.key)
    city.emit(
        InputRejected(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            at=city.now,
            key_base64=_base64(record.key),
            value_base64=_base64(record.value),
            headers_base64=[(_header(n), _base64(v) or "") for n, v in record.headers],
            refused=inbound.event_type,
            reasons=reasons,
        ),
        key=key,
    )
    answer_rejected(
        city,
        event_type=inbound.event_type,
        sender=inbound.sender,
        rejected=reasons,
        event=inbound.event,
    )
    # A call whose id the city knows has come already: it is no other patient's.
    if inbound.is_call and not (inbound.event and inbound.sender["call_id"] in city.calls):
        escalate_unreadable(city, inbound, reasons)


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode("ascii")


def _header(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\u0000")


def _text(key: bytes | None) -> str | None:
    """Return a key that the event log can hold; the original bytes are in the letter."""
    if not key:
        return None
    text = key.decode("utf-8", "backslashreplace").replace("\x00", "\\u0000")
    if len(text) <= _KEY_LENGTH:
        return text
    digest = hashlib.sha256(key).hexdigest()
    return f"{text[: _KEY_LENGTH - len(digest) - 1]}~{digest}"
