"""CloudEvents 1.0 in structured mode: the whole event, attributes and data, is one JSON object.

Its content type says so, or it has no attribute in its headers. Then the envelope alone counts,
whatever headers stand beside it.
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from typing import Final, Literal

import orjson

from dispatch.topics.body import Body, BodyError, canonical, read
from dispatch.topics.cloudevents import Attributes, Malformed, checked
from dispatch.topics.fields import MAX_BODY_BYTES

Mode = Literal["structured", "batch"]

CONTENT_TYPE: Final = "content-type"
# As clients write it.
_WRITTEN: Final = frozenset({CONTENT_TYPE, "Content-Type", "Content-type", "CONTENT-TYPE"})
_STRUCTURED: Final = b"application/cloudevents"
_BATCH: Final = b"application/cloudevents-batch"
_LONGEST: Final = len(_BATCH)
_ATTRIBUTES: Final = ("specversion", "id", "source", "type")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_VERSION_KEY: Final = b'"specversion"'
_SOURCE_KEY: Final = b'"source"'
_SOURCE: Final = re.compile(rb'"source"\s*:\s*"((?:[^"\\]|\\.){1,1024})"')


def mode_of(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Mode | None:
    """Return how a record's value holds whole events, by its content type; None: it does not.

    Nor need the type say so where no attribute is a header: the binding of the CloudEvents SDK for
    Python 1 (1.12.1) writes the type of the data there.
    """
    in_headers = False
    for name, said in headers:
        if name in _WRITTEN:
            kind = (said or b"").strip()[:_LONGEST].lower()
            if kind.startswith(_STRUCTURED):
                return "batch" if kind == _BATCH else "structured"
        in_headers = in_headers or name[:3].lower() == "ce_"
    if in_headers or not value or not value[:_LONGEST].lstrip().startswith(b"{"):
        return None
    return "structured" if value.find(_VERSION_KEY, 0, MAX_BODY_BYTES) > 0 else None


def events_in_batch(
    headers: Iterable[tuple[str, bytes | None]], value: bytes | None
) -> list[bytes]:
    """Return the whole events of a batch, as JSON; none of what is no batch or can't be read."""
    if not value or len(value) > MAX_BODY_BYTES or mode_of(headers, value) != "batch":
        return []
    try:
        found = orjson.loads(value)
        return [orjson.dumps(each) for each in found] if isinstance(found, list) else []
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        # What nests deep can be read, and not be written again.
        return []


def attributes_of(whole: Body) -> Attributes:
    """Return the attributes of a whole event.

    Raises:
        Malformed: one is missing, or none.
    """
    said: dict[str, str] = {}
    for name in _ATTRIBUTES:
        value = whole.content.get(name, "")
        if not isinstance(value, str):
            raise Malformed(f"ce_{name}", "must be text")
        if _SURROGATE.search(value):
            raise Malformed(f"ce_{name}", "is not UTF-8 text")
        said[f"ce_{name}"] = value
    return checked(said)


def data_of(whole: Body) -> Body:
    """Return the data of a whole event.

    Raises:
        BodyError: they are no JSON object.
    """
    data = whole.content.get("data")
    in_base64 = whole.content.get("data_base64")
    if in_base64 is not None:
        if data is not None:
            raise BodyError("has `data` and `data_base64`: one of them is expected")
        try:
            value = b64decode(in_base64, validate=True)
        except (TypeError, ValueError):
            raise BodyError("has a `data_base64` that can't be decoded") from None
        body = read(value)
        return body._replace(doubled=(*whole.doubled, *body.doubled))
    if not isinstance(data, dict):
        raise BodyError("has no `data` that is a JSON object")
    doubled = tuple(path.removeprefix("data.") for path in whole.doubled)
    return Body(data, canonical(data, whole.canonical), doubled)


def source_of(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> bytes:
    """Return the source that a whole event, or the first of a batch, names; empty without one.

    Nothing is read for it, as a flood must cost nothing: it is what stands first under that name,
    with its escapes.
    """
    if not value or mode_of(headers, value) is None:
        return b""
    beginning = value.find(_SOURCE_KEY, 0, MAX_BODY_BYTES)
    found = None if beginning < 0 else _SOURCE.match(value, beginning)
    return b"" if found is None else found[1]
