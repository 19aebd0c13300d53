"""Personal data never reaches a log line.

What is kept under a key such as `phone` is masked whole; telephone and identity numbers are found
in any text; a value that was masked under its key is masked wherever else the same line has it.
Text from elsewhere (exceptions, libraries) may quote anything, so more of it is masked: what
stands in quotation marks or after PostgreSQL's `DETAIL`, and all Chinese, as our own messages
are English.
"""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError
from structlog.typing import EventDict, WrappedLogger

MASK: Final = "***"

# The last word of a key decides: `caller_phone`, `pickupAddress`, `patient-name`.
_PERSONAL_WORDS: Final = frozenset(
    {"address", "addresses", "birthday", "callback", "mobile", "name", "names", "passport"}
    | {"passwd", "password", "phone", "phones", "plate", "tel", "telephone", "whereabouts"}
    # free text, in which callers say everything
    | {"body", "complaint", "complaints", "note", "notes", "payload", "raw", "remark", "remarks"}
    | {"text", "transcript", "value"}
    | {"姓名", "电话", "手机", "手机号", "联系电话", "身份证", "身份证号", "地址", "住址", "现住址"}
)
_PERSONAL_ENDINGS: Final = (
    ("id", "number"),
    ("id", "card"),
    ("identity", "number"),
    ("identity", "card"),
    ("contact", "number"),
    ("call", "back"),
)
# what structlog itself and our own processors write
_OWN_KEYS: Final = frozenset({"level", "logger", "logger_name", "timestamp", "topic_name"})

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])|[^\W\d_a-zA-Z]+")
_GAPS = r"\s\-–—._/\u200b-\u200d\u2010\u2011\u2212\u2060\ufeff"
_SEPARATOR = rf"[{_GAPS}()（）]{{0,3}}"
_MOBILE = r"[1１][3-9３-９]\d{9}"
_IDENTITY = r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXxＸｘ]"
_NUMBERS = re.compile(
    # several that touch, or one that touches other digits: the whole row of digits
    rf"(?<!\d)(?=\d{{12}})(?=\d*?(?:{_MOBILE}|{_IDENTITY})|[0０]\d{{2,3}}[2-9２-９])\d+[XxＸｘ]?"
    rf"|[1１][3-9３-９]\d[{_GAPS}]\d{{4}}[{_GAPS}]\d{{4}}"
    # identity numbers: 18 digits of which the last may be an X, or the old 15
    rf"|(?<!\d)(?:\d{_SEPARATOR}){{17}}(?:\d(?!\d)|[XxＸｘ])"
    rf"|(?<!\d)(?:\d{_SEPARATOR}){{14}}\d(?!\d)"
    # mobiles, with or without 86
    rf"|(?<!\d)(?:(?:\+|00)?{_SEPARATOR}[8８][6６]{_SEPARATOR})?"
    rf"[1１]{_SEPARATOR}[3-9３-９]{_SEPARATOR}(?:\d{_SEPARATOR}){{8}}\d(?!\d)"
    # landlines, with their area code
    rf"|(?<!\d)[0０]\d{{2,3}}{_SEPARATOR}[2-9２-９]\d{{2,3}}{_SEPARATOR}\d{{4}}(?!\d)"
    # numbers of firms, and foreign ones
    rf"|(?<!\d)[48４８][0０]{{2}}{_SEPARATOR}\d{{3}}{_SEPARATOR}\d{{4}}(?!\d)"
    rf"|(?<![\d\w])[+＋][1-9１-９](?:{_SEPARATOR}\d){{8,13}}(?!\d)"
)
# What is a number by itself, as a place in a topic or a time in milliseconds, may hold another.
_WHOLE = re.compile(rf"(?:86)?{_MOBILE}|\d{{15}}|\d{{18}}|(?:{_MOBILE}){{2,}}")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|“[^”\n]*”|\(([^()\n]*)\)=\([^\n]*\)")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff][^\x00-\x7f]*")
# A code names something and says nothing; a reason that is none was written by somebody.
_CODE = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
# No number of a telephone or a person has fewer digits, and most texts have less.
_DIGITS = re.compile(r"\d(?:\D{0,3}\d){9}")
# Shorter ones would tear other words apart.
_SHORTEST_ELSEWHERE = 2


@lru_cache(maxsize=1_024)
def is_personal(key: str) -> bool:
    """Tell whether what is kept under this key is somebody's personal data."""
    if key in _OWN_KEYS:
        return False
    words = tuple(word.lower() for word in _WORDS.findall(key))
    return bool(words) and (
        words[-1] in _PERSONAL_WORDS or words[-2:] in _PERSONAL_ENDINGS or key in _PERSONAL_WORDS
    )


def mask_numbers(text: str) -> str:
    """Mask telephone and identity numbers in a text."""
    return _NUMBERS.sub(MASK, text) if _DIGITS.search(text) else text


def mask_said(text: str) -> str:
    """Mask numbers, and all Chinese, in what somebody else may have said in between."""
    return _CHINESE.sub(MASK, mask_numbers(text))


def mask_foreign(text: str) -> str:
    """Mask all that may be personal in a text that is not our own."""
    text = text.partition("\nDETAIL:")[0]
    return mask_said(_QUOTED.sub(MASK, text))


def describe_exception(error: BaseException) -> str:
    """Return an exception's type and what it said, masked."""
    if isinstance(error, ValidationError):
        # Its text quotes the input; its places don't, unless a key was made up by the sender.
        said = "; ".join(
            ".".join(map(str, fault["loc"])) + f": {fault['type']}"
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        )
    else:
        said = str(error)
    return f"{type(error).__qualname__}: {mask_foreign(said)}".removesuffix(": ")


class Masker:
    """A structlog processor that masks personal data in every value, however deep."""

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Return the event without personal data."""
        personal: set[str] = set()
        masked = _mask_mapping(event, personal)
        if personal:
            # Longest first: one may be part of another.
            anywhere = re.compile(
                "|".join(re.escape(value) for value in sorted(personal, key=len, reverse=True))
            )
            masked = _replace(masked, anywhere)
        return masked


def _mask_mapping(mapping: Mapping[Any, Any], personal: set[str]) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for key, value in mapping.items():
        # Keys may come from outside too.
        shown = mask_numbers(key) if isinstance(key, str) else str(_mask(key, personal))
        # A yes or no (`same_phone`) is nobody's datum.
        if isinstance(key, str) and is_personal(key) and not isinstance(value, bool):
            _collect(value, personal)
            masked[shown] = None if value is None else MASK
        elif key == "reason" and isinstance(value, str) and not _CODE.fullmatch(value):
            masked[shown] = mask_said(value)
        else:
            masked[shown] = _mask(value, personal)
    return masked


def _mask(value: Any, personal: set[str]) -> Any:  # noqa: PLR0911 - one line a kind of value
    match value:
        case None | bool() | float() | date() | timedelta() | UUID():
            return value
        case Enum():
            return _mask(value.value, personal)
        case str():
            return mask_numbers(value)
        case int():
            return MASK if _WHOLE.fullmatch(str(value)) else value
        case PurePath():
            return mask_numbers(str(value))
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case BaseException():
            return describe_exception(value)
        case BaseModel():
            return _mask_mapping(dict(value), personal)
        case Mapping():
            return _mask_mapping(value, personal)
        case list() | tuple() | set() | frozenset():
            return [_mask(item, personal) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            shown = {field.name: getattr(value, field.name) for field in fields(value)}
            return _mask_mapping(shown, personal)
        case _:
            return mask_foreign(repr(value))


def _collect(value: Any, personal: set[str]) -> None:
    """Note the texts that a masked value holds."""
    match value:
        case str() if len(value) >= _SHORTEST_ELSEWHERE:
            personal.add(value)
        case Mapping():
            for item in value.values():
                _collect(item, personal)
        case list() | tuple() | set() | frozenset():
            for item in value:
                _collect(item, personal)
        case BaseModel():
            _collect(dict(value), personal)
        case _:
            pass


def _replace(value: Any, anywhere: re.Pattern[str]) -> Any:
    match value:
        case str():
            return anywhere.sub(MASK, value)
        case dict():
            return {
                anywhere.sub(MASK, key): _replace(item, anywhere) for key, item in value.items()
            }
        case list():
            return [_replace(item, anywhere) for item in value]
        case _:
            return value
