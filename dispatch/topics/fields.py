"""The fields that inputs share, the base of every input, and the reasons why one is refused.

Times are RFC 3339 with an offset and kept as aware UTC. Nothing is coerced: the text "1" is no
number, `true` is no number, a number is no time. What JSON has two ways to say, `1.0` and `1`, null
and absence, is made one where a body is read (`dispatch.topics.body`).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from operator import is_
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, PydanticKnownError
from pydantic_core.core_schema import no_info_before_validator_function

from dispatch.topics.announcement import (
    BODY,
    LONGEST_FIELD,
    LONGEST_REASON,
    MOST_REASONS,
    shortened,
)

# A batch of 500 patients with as much as is usually said of each takes 160 to 180 kB.
MAX_BODY_BYTES = 262_144
EARLIEST_YEAR = 1900
LATEST_YEAR = 2199

CallerKind = Literal["public", "institution"]
Condition = Literal["stable", "critical", "unknown"]
CaseStatus = Literal["none", "suspected", "confirmed", "asymptomatic"]
CaseStatusFound = Literal["suspected", "confirmed", "asymptomatic"]
CrewKind = Literal["transfer", "regular"]
VehicleKind = Literal["negative_pressure", "monitoring", "basic"]
Answer = Literal["yes", "no", "unknown"]

_IDENTIFIER = r"^[A-Za-z0-9._:-]{1,64}$"
_TOPIC_PART = r"^[A-Za-z0-9_-]{1,64}$"
_LONG_IDENTIFIER = r"^[A-Za-z0-9._:/-]{1,200}$"
_DISTRICT = r"^[0-9]{6}$"
_NO_NUL = r"^[^\x00]*$"
_PATTERN_REASONS = {
    _IDENTIFIER: "must be 1 to 64 of the characters A-Z a-z 0-9 . _ : -",
    _TOPIC_PART: "must be 1 to 64 of the characters A-Z a-z 0-9 _ -, for topics bear its name",
    _LONG_IDENTIFIER: "must be 1 to 200 of the characters A-Z a-z 0-9 . _ : / -",
    _DISTRICT: "must be 6 digits",
    _NO_NUL: "must not contain U+0000",
}
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time with offset as aware UTC; raise ValueError with one clear sentence.

    Digits beyond the microsecond are cut off.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with an offset, like 2022-12-23T08:00:00+08:00")
    try:
        when = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time that exists") from None
    if not EARLIEST_YEAR <= when.year <= LATEST_YEAR:
        raise ValueError(f"must be in the years {EARLIEST_YEAR} to {LATEST_YEAR}")
    return when


def _timestamp(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            return parse_time(value)
        except ValueError as error:
            raise PydanticCustomError("time", "{reason}", {"reason": str(error)}) from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    raise PydanticCustomError("time", "must be an RFC 3339 time with an offset, as text")


class AtMost:
    """The most items that a list, or keys that an object, may have: told before any is looked at.

    Else each of many thousand wrong items is a reason of its own.
    """

    def __init__(self, length: int) -> None:
        self._length = length

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        """Count first; the limit is part of the JSON Schema, too."""
        schema: Any = handler(source)
        schema["max_length"] = self._length
        return no_info_before_validator_function(self._counted, schema)

    def _counted(self, value: Any) -> Any:
        if isinstance(value, list | tuple | dict) and len(value) > self._length:
            raise PydanticKnownError(
                "too_long",
                {
                    "field_type": "Value",
                    "max_length": self._length,
                    "actual_length": len(value),
                },
            )
        return value


Identifier = Annotated[str, Field(pattern=_IDENTIFIER)]
LongIdentifier = Annotated[str, Field(pattern=_LONG_IDENTIFIER)]
CallId = Identifier
# Dots part the words of a topic's name, and Kafka takes `a.b` and `a_b` for too much alike.
HospitalId = Annotated[str, Field(pattern=_TOPIC_PART)]
UnitId = Annotated[str, Field(pattern=_TOPIC_PART)]
InstitutionId = Annotated[str, Field(pattern=_TOPIC_PART)]
DistrictCode = Annotated[str, Field(pattern=_DISTRICT)]
LONGEST_TEXT: Final = 2_000
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=_NO_NUL)]


def _as_text(value: Any) -> str:
    """Return what was sent as text, whatever it was."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    text = text.encode("utf-8", "replace").decode().replace("\x00", " ").strip()
    return text[:LONGEST_TEXT] or "unknown"


# Of a number that is not told, or no text, what can be read of it: nobody is refused for it.
IdNumber = Annotated[Text, BeforeValidator(_as_text)]
LongText = Annotated[str, Field(min_length=1, max_length=20_000, pattern=_NO_NUL)]
SymptomCode = Annotated[str, Field(min_length=1, max_length=64, pattern=_NO_NUL)]
# Nobody can tell which symptoms there are.
SYMPTOMS_UNKNOWN: Final = "unknown"
Symptoms = Annotated[tuple[SymptomCode, ...], Field(strict=False), AtMost(500)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Timestamp = Annotated[
    datetime,
    BeforeValidator(_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


_is_none = partial(is_, None)


def _fields_of(schema: Any) -> dict[str, Any]:
    """Find a model's fields inside whatever its validators have wrapped around them."""
    while schema["type"] != "model-fields":
        schema = schema["schema"]
    fields: dict[str, Any] = schema["fields"]
    return fields


class Content(BaseModel):
    """The base of every input: strict, closed, immutable.

    A field declared `X | None = None` may be absent, and is absent again from the JSON that the
    model gives. A body that is read has no nulls (`dispatch.topics.body`); here one is an error.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    event_type: ClassVar[str] = ""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        """Let None stand for "absent" in Python and never in JSON."""
        schema = handler(source)
        if schema["type"] == "definition-ref":
            return schema
        for field in _fields_of(schema).values():
            default = field["schema"]
            if default["type"] == "default" and default["schema"]["type"] == "nullable":
                default["schema"] = default["schema"]["schema"]
                field["serialization_exclude_if"] = _is_none
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """Leave out `default: null`, which would say that null may be sent."""
        schema = handler(core_schema)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            if field.get("default", ...) is None:
                del field["default"]
        return schema


def reasons(error: ValidationError) -> list[dict[str, str]]:
    """Say for every error which field (dotted path, list index as a number) and why.

    Of more than 20 the first are told, and how many more there are; none is told at length.
    """
    more = error.error_count() - MOST_REASONS
    told = [
        {
            "field": shortened(_path(found), LONGEST_FIELD),
            "reason": shortened(_reason(found), LONGEST_REASON),
        }
        for found in error.errors(include_url=False)[:MOST_REASONS]
    ]
    return [*told, {"field": BODY, "reason": f"… and {more:,} more"}] if more > 0 else told


def in_a_line(error: ValidationError) -> str:
    """Say the same as `reasons` in one line."""
    return "; ".join(f"{each['field']}: {each['reason']}" for each in reasons(error))


def _path(found: ErrorDetails) -> str:
    parts = [str(part) for part in found["loc"] if part != "[key]"]
    named = found.get("ctx", {}).get("field")
    if named is not None:
        parts.append(str(named))
    return ".".join(parts).replace("\x00", "\\u0000") or BODY


# What pydantic calls an error, and what a sender is told.
_REASONS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known key",
    "literal_error": "must be one of {expected}",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "string_unicode": "must not contain a lone surrogate",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "finite_number": "must be a finite number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "value_error": "{error}",
}


def _reason(found: ErrorDetails) -> str:
    context = found.get("ctx", {})
    if found["type"] == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return _PATTERN_REASONS.get(pattern, f"must match {pattern}")
    if found["input"] is None and found["type"] not in {"missing", "value_error"}:
        return "must not be null"
    sentence = _REASONS.get(found["type"])
    return sentence.format(**context) if sentence else found["msg"]
