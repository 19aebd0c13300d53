"""What is around a call: bytes and headers, read as they are meant where they are not as agreed."""

import json
import re
from base64 import b64decode
from codecs import getincrementaldecoder
from collections.abc import Mapping
from typing import Any, Final

from dispatch.topics.announcement import BODY, Reason
from dispatch.topics.body import BodyError, decode, doubled_keys
from dispatch.topics.calls import INPUTS, Call
from dispatch.topics.envelope import Record
from dispatch.topics.fields import MAX_BODY_BYTES

# Of these a body that says nothing of its type must have one, to be a call plainly.
_PLAINLY: Final = frozenset({"patient", "caller", "location", "address", "phone", "latitude"})
# What has all of these is a call, whatever is said of its type.
_WHOLLY: Final = ("patient", "location")
OTHERS: Final = frozenset(each.event_type for each in INPUTS) - {Call.event_type}
_ASCII: Final = re.compile(r"[\x01-\x7f]+")


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
    said = (event_type or "").strip().lower()
    if said == Call.event_type:
        return True
    names = {name.strip().lower() for name, value in body.items() if value is not None}
    return names.issuperset(_WHOLLY) or (said not in OTHERS and not names.isdisjoint(_PLAINLY))


def looks_like_a_call(value: bytes) -> bool:
    """Return whether bytes that are no JSON have the names that only calls have."""
    names = value[:MAX_BODY_BYTES].replace(b"\0", b"").lower()
    return all(name.encode() in names for name in _WHOLLY)


def loosely(
    value: bytes, found: list[Reason], *, whole: bool = False
) -> tuple[dict[str, Any], str | None]:
    """Return the JSON object that a body holds, somewhere and in some encoding.

    If that is the data of a whole event, its own word of its type comes with it. What is wrong
    with it is added to `found`; a `whole` event is sent as what it is.

    Raises:
        BodyError: there is none.
    """
    try:
        body: Any = decode(value)
    except BodyError as error:
        read = None if len(value) > MAX_BODY_BYTES else _object_in(value)
        if read is None:
            raise
        body, encoding = read
        why = error.reasons[0]["reason"]
        found.append(Reason(field=BODY, reason=f"{why}: it was read as {encoding}"))
    if "specversion" in body or "type" in body:
        for name in ("data", "data_base64"):
            inner = _inside(body.get(name), in_base64=name == "data_base64")
            if inner is not None:
                if not whole:
                    reason = "holds a whole CloudEvent: its data was taken"
                    found.append(Reason(field=BODY, reason=reason))
                told = body.get("type")
                return inner, told if isinstance(told, str) else None
    return body, None


def _inside(data: Any, *, in_base64: bool) -> dict[str, Any] | None:
    """Return the object that is the data of a whole CloudEvent, or written in it."""
    if isinstance(data, dict):
        return data
    if not isinstance(data, str):
        return None
    value = data.encode("utf-8", "replace")
    if in_base64:
        try:
            value = b64decode(value)
        except ValueError:
            return None
    read = _object_in(value)
    return read and read[0]


def doubled(value: bytes) -> tuple[str, ...]:
    """Return the keys (dotted paths) that stand twice in the objects of a body, in any encoding."""
    return next(filter(None, map(doubled_keys, texts(value).values())), ())


def _object_in(value: bytes) -> tuple[dict[str, Any], str] | None:
    """Return the object that bytes hold somewhere, and in which encoding."""
    for encoding, text in texts(value).items():
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
                return content, encoding
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


def texts(value: bytes) -> dict[str, str]:
    """Return what bytes may say, by encoding, the likeliest first.

    What can't be read is U+FFFD. A character that is cut off at the end is left out.
    """
    said: dict[str, str] = {}
    for encoding in ("utf-8", "gb18030", json.detect_encoding(value).removesuffix("-sig")):
        name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
        if name not in said:
            text = getincrementaldecoder(encoding)("replace").decode(value)
            said[name] = text.removeprefix("\ufeff")
    # The sort is stable: UTF-8 comes first where as little of it is wrong.
    return dict(sorted(said.items(), key=lambda each: _wrong(*each)))


def _wrong(encoding: str, text: str) -> float:
    """Return the share of what is no ASCII that makes no sense.

    Most pairs of bytes are some character of GB18030; consoles that write it use those of GB 2312.
    """
    foreign = _ASCII.sub("", text)
    if not foreign:
        return 0.0
    wrong = foreign.count("\ufffd") + foreign.count("\x00")
    if encoding == "GB18030":
        wrong = len(foreign) - len(foreign.encode("gb2312", "ignore")) // 2
    return wrong / len(foreign)
