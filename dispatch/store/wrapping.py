"""What is around a call: bytes and headers, read as they are meant where they are not as agreed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dispatch.topics.announcement import Reason
from dispatch.topics.calls import INPUTS, Call
from dispatch.topics.envelope import Record
from dispatch.topics.fields import BODY, MAX_BODY_BYTES, BodyError, decode

# Of these a body that says nothing of its type must have one, to be a call plainly.
_PLAINLY: Final = ("patient", "caller", "location")
_JSON_KEY: Final = b'":'
_OTHERS: Final = frozenset(each.event_type for each in INPUTS) - {Call.event_type}
_MOST_DOUBLED: Final = 5


def header(record: Record, name: str) -> str | None:
    """Return the first header of a name that says something, in whatever case it is written."""
    for each, value in record.headers:
        if value and each.strip().lower().replace("-", "_") == name:
            text = value.decode("utf-8", "replace").strip()
            if text:
                return text
    return None


def is_call(event_type: str | None, body: Mapping[str, Any]) -> bool:
    """Return whether a body on the topic of calls is a call: by its type, or plainly."""
    said = (event_type or "").lower()
    if said == Call.event_type:
        return True
    return said not in _OTHERS and any(isinstance(body.get(name), dict) for name in _PLAINLY)


def loosely(value: bytes, found: list[Reason]) -> dict[str, Any]:
    """Return the JSON object that a body holds, somewhere and in some encoding.

    What is wrong with it is added to `found`.

    Raises:
        BodyError: there is none.
    """
    try:
        body: Any = decode(value)
    except BodyError as error:
        body = None if len(value) > MAX_BODY_BYTES else _object_in(value)
        if body is None:
            raise
        found.append(Reason(**error.reasons[0]))
    inner = body.get("data")
    if isinstance(inner, dict) and ("specversion" in body or "type" in body):
        found.append(Reason(field=BODY, reason="holds a whole CloudEvent: its data was taken"))
        return inner
    return body  # type: ignore[no-any-return]


def doubled(value: bytes, call: Call) -> list[Reason]:
    """Return a warning where a key stands twice in a body; the last has counted.

    Counting comes first, as nearly every body has each key once.
    """
    patient = call.patient
    keys = (
        len(call.__pydantic_fields_set__)
        + len(call.caller.__pydantic_fields_set__)
        + len(patient.__pydantic_fields_set__)
        + len(call.location.__pydantic_fields_set__)
    )
    for part in (call.epidemiology, patient.epidemiology, call.contact):
        if part is not None:
            keys += len(part.__pydantic_fields_set__)
    return [] if value.count(_JSON_KEY) == keys else twice(value)


def twice(value: bytes) -> list[Reason]:
    """Return a warning for each key that stands twice in the objects of a body."""
    names: dict[str, None] = {}

    def note(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                names[name] = None
            seen.add(name)

    for text in _texts(value):
        try:
            json.loads(text, object_pairs_hook=note, strict=False)
        except (ValueError, RecursionError):
            continue
        break
    return [
        Reason(field=_printable(name), reason="is given twice: the last one was taken")
        for name in list(names)[:_MOST_DOUBLED]
    ]


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\u0000")[:100]


def _object_in(value: bytes) -> dict[str, Any] | None:
    for text in _texts(value):
        beginning, end = text.find("{"), text.rfind("}")
        for part in (text.strip().strip("\x00"), text[beginning : end + 1]):
            try:
                content = _loads(part)
                if isinstance(content, str):
                    content = _loads(content)
            except (ValueError, RecursionError):
                continue
            if isinstance(content, list) and len(content) == 1:
                content = content[0]
            if isinstance(content, dict):
                return content
    return None


def _loads(text: str) -> Any:
    return json.loads(text, strict=False, parse_constant=_nothing, parse_int=_number)


def _nothing(_constant: str) -> None:
    return None


def _number(digits: str) -> int | None:
    try:
        return int(digits)
    except ValueError:
        return None


def _texts(value: bytes) -> Iterator[str]:
    """Yield what bytes may say, the likeliest first."""
    encodings: Iterable[tuple[str, str]] = (
        (json.detect_encoding(value), "strict"),
        ("utf-8-sig", "strict"),
        ("gb18030", "strict"),
        ("utf-8-sig", "replace"),
    )
    for encoding, errors in encodings:
        try:
            yield value.decode(encoding, errors)
        except UnicodeDecodeError:
            continue


def texts(value: bytes) -> list[str]:
    """Return what bytes may say, in every encoding that consoles are known to use."""
    return list(dict.fromkeys(_texts(value)))
