"""What a JSON body says, however it is written: every body becomes an event through here.

JSON has one kind of number, so `1.0` is read as `1`. Null says that a field is absent: one that is
null is left out (an item of a list has a place, and stays). White space, the order of keys and
escapes say nothing, so that a body has one canonical form, much as RFC 8785 has it.
"""

import json
from collections import Counter
from typing import Any, Final, NamedTuple, NoReturn

import orjson

from dispatch.errors import DispatchError
from dispatch.topics.announcement import BODY
from dispatch.topics.fields import MAX_BODY_BYTES

# Beyond it floating-point numbers stand for several whole numbers each.
_EXACT: Final = 2**53
_MOST_DOUBLED: Final = 5


class BodyError(DispatchError):
    """A body is not a JSON object of a size that is read; `reasons` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{BODY}: {reason}")
        self.reasons = [{"field": BODY, "reason": reason}]


class Body(NamedTuple):
    """A body that was read: what it says, and that in its canonical form.

    `doubled` has the keys (dotted paths) that an object has twice: of each the last one was taken.
    """

    content: dict[str, Any]
    canonical: bytes
    doubled: tuple[str, ...] = ()


def read(value: bytes) -> Body:
    """Read the JSON object that a body holds; raise BodyError where there is none.

    Lone surrogates come through as they are, so that the model can name the field that has them.
    """
    if len(value) > MAX_BODY_BYTES:
        raise BodyError(f"is longer than {MAX_BODY_BYTES} bytes")
    try:
        content = orjson.loads(value)
    except orjson.JSONDecodeError:
        content = _read_slowly(value)
    if not isinstance(content, dict):
        raise BodyError("must be a JSON object")
    written = canonical(content, value)
    # Of a key that is there twice the parser has dropped one, and with it at least a colon. In an
    # escape there may be another one.
    dropped = value.count(b":") != written.count(b":") or b"\\u003" in value
    # As orjson writes them: looking costs a tenth of going through every field.
    if b":null" in written or b".0," in written or b".0}" in written or b".0]" in written:
        made_plain(content)
        written = canonical(content, value)
    return Body(content, written, doubled_keys(value) if dropped else ())


def decode(value: bytes) -> dict[str, Any]:
    """Return what the JSON object that a body holds says; raise BodyError where there is none."""
    return read(value).content


def canonical(content: Any, otherwise: bytes) -> bytes:
    """Return JSON in its canonical form: keys in order, no white space, nothing escaped needlessly.

    What UTF-8 can't hold is escaped; what is nested too deeply for that stays as it is written
    `otherwise`.
    """
    try:
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        try:
            return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        except (ValueError, RecursionError):
            return otherwise


def made_plain(content: dict[str, Any]) -> None:
    """Leave nulls out of the objects in a content, and make its whole numbers integers."""
    parts: list[Any] = [content]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            for name in [name for name, value in part.items() if value is None]:
                del part[name]
        places = part.items() if isinstance(part, dict) else enumerate(part)
        for place, value in places:
            if isinstance(value, dict | list):
                parts.append(value)
            elif isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
                part[place] = int(value)


class _Object(dict[str, Any]):
    """An object, and which of its keys it has twice."""

    twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        found.twice = tuple(name for name, count in counts.items() if count > 1)
    return found


def doubled_keys(text: str | bytes) -> tuple[str, ...]:
    """Return the keys (dotted paths) that an object in a JSON text has twice, a few at most."""
    try:
        content = json.loads(text, object_pairs_hook=_object, strict=False)
    except (ValueError, RecursionError):
        return ()
    doubled: dict[str, None] = {}
    parts: list[tuple[str, Any]] = [("", content)]
    while parts and len(doubled) < _MOST_DOUBLED:
        path, part = parts.pop()
        if isinstance(part, _Object):
            doubled |= dict.fromkeys(f"{path}{name}" for name in part.twice)
            parts += ((f"{path}{name}.", value) for name, value in part.items())
        elif isinstance(part, list):
            parts += ((f"{path}{number}.", value) for number, value in enumerate(part))
    return tuple(doubled)[:_MOST_DOUBLED]


def _read_slowly(value: bytes) -> Any:
    """Read what the fast parser refuses: lone surrogates, and whatever needs a clear reason."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyError(f"is not UTF-8 (byte {error.start})") from None
    if not text.strip():
        raise BodyError("is empty")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise BodyError(f"is not JSON: {error.msg} (character {error.pos})") from None
    except _NoNumber as error:
        raise BodyError(f"is not JSON: {error} is no JSON number") from None
    except ValueError:
        raise BodyError("is not JSON that is read: a number has too many digits") from None
    except RecursionError:
        raise BodyError("is nested too deeply") from None


class _NoNumber(ValueError):
    """NaN or an infinity, which Python reads and JSON does not know."""


def _refuse_constant(constant: str) -> NoReturn:
    raise _NoNumber(constant)
