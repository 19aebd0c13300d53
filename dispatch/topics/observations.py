"""What a crew observes of its patient: vital signs, and a link to an ECG.

What is measured may be mistyped, or a device may be wrong: a value that is no number, or none that
can be, is taken as it was sent, in bounds, and the rest counts (`dispatch.domain.observations`).
"""

import json
import math
from typing import Annotated, Any, ClassVar, Final, Literal, Self, get_args

from pydantic import PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from dispatch.topics.announcement import shortened
from dispatch.topics.fields import Content, Identifier, LongIdentifier, Timestamp

LONGEST_READING: Final = 64  # characters of what is no number
LONGEST_LINK: Final = 1_000  # characters


def _as_sent(value: Any) -> str:
    """Return what is no number as a short text of plain characters."""
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case str():
            # Escaped: it may be anything, half a character too.
            return shortened(json.dumps(value[:LONGEST_READING]), LONGEST_READING)
        case _:
            return shortened(json.dumps(value, default=str), LONGEST_READING)


def _reading(value: Any) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return "a number of too many digits"
        if math.isfinite(number):
            return number
    return _as_sent(value)


def _link(value: Any) -> str:
    if not isinstance(value, str):
        return _as_sent(value)
    # Longer by one than what is taken: so it is seen that it was cut.
    return value[: LONGEST_LINK + 1]


# What is measured, each in the unit of its name.
ReadingName = Literal[
    "heart_rate_per_minute",
    "breaths_per_minute",
    "systolic_mmhg",
    "diastolic_mmhg",
    "oxygen_saturation_percent",
    "temperature_celsius",
    "glasgow_eye",
    "glasgow_verbal",
    "glasgow_motor",
    "glasgow_total",
    "oxygen_litres_per_minute",
    "glucose_mmol_per_litre",
]
MeasuredIn = Literal["/min", "mmHg", "%", "°C", "points", "L/min", "mmol/L"]
Reading = Annotated[
    float | str, PlainValidator(_reading), WithJsonSchema({"type": "number"}, mode="validation")
]
Link = Annotated[
    str,
    PlainValidator(_link),
    WithJsonSchema(
        {"type": "string", "format": "uri", "pattern": "^https://", "maxLength": LONGEST_LINK},
        mode="validation",
    ),
]


class ObservationsReported(Content):
    """What the crew has measured of its patient at a time (`at`), each in the unit of its name.

    `glasgow_…` are the points of the Glasgow coma scale, 3 to 15 in all; without a total that of
    the parts counts. `ecg_url` is an https link; nobody but the hospital follows it. `patient_id`
    says which of a transfer's patients it is. A report leaves those before it as they were.
    """

    event_type: ClassVar[str] = "observations.reported"
    unit_id: Identifier
    assignment_id: LongIdentifier
    at: Timestamp
    patient_id: Identifier | None = None
    heart_rate_per_minute: Reading | None = None
    breaths_per_minute: Reading | None = None
    systolic_mmhg: Reading | None = None
    diastolic_mmhg: Reading | None = None
    oxygen_saturation_percent: Reading | None = None
    temperature_celsius: Reading | None = None
    glasgow_eye: Reading | None = None
    glasgow_verbal: Reading | None = None
    glasgow_motor: Reading | None = None
    glasgow_total: Reading | None = None
    oxygen_litres_per_minute: Reading | None = None
    glucose_mmol_per_litre: Reading | None = None
    ecg_url: Link | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) is None for name in OBSERVED):
            raise PydanticCustomError("empty", f"needs at least one of {', '.join(OBSERVED)}")
        return self


READINGS: Final[tuple[ReadingName, ...]] = get_args(ReadingName)
OBSERVED: Final = (*READINGS, "ecg_url")
