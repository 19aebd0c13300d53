"""The base of what the service publishes."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

# A refusal has this many reasons at most, and one more that counts the others.
MOST_REASONS: Final = 20
LONGEST_FIELD: Final = 200  # characters
LONGEST_REASON: Final = 500  # characters
# The `field` of a reason that concerns the whole body.
BODY: Final = "body"


class Reason(BaseModel):
    """Why an input was refused: the field (dotted path) and one clear sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    field: str
    reason: str


def bounded(reasons: Sequence[Reason]) -> list[Reason]:
    """Return the first of the reasons, none of them long, and how many more there are.

    Whatever an input holds, its refusal fits into a record of Kafka.
    """
    told = [
        Reason(
            field=shortened(each.field, LONGEST_FIELD),
            reason=shortened(each.reason, LONGEST_REASON),
        )
        for each in islice(reasons, MOST_REASONS)
    ]
    return told if len(reasons) <= MOST_REASONS else [*told, _further(len(reasons) - MOST_REASONS)]


def shortened(text: str, length: int) -> str:
    """Return a text of at most that many characters, which says by its end that it was cut."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _further(count: int) -> Reason:
    return Reason(field=BODY, reason=f"… and {count:,} more")


class Shaped:
    """Says in the JSON Schema what a dict holds, which is made as JSON and not looked at again."""

    def __init__(self, shape: type[BaseModel]) -> None:
        self._shape = shape

    def __get_pydantic_json_schema__(
        self,
        core_schema: CoreSchema,
        handler: GetJsonSchemaHandler,
    ) -> JsonSchemaValue:
        """Return the schema of the shape."""
        return handler(self._shape.__pydantic_core_schema__)


class Announcement(BaseModel):
    """An event that the service publishes: past tense, immutable, times in aware UTC.

    Fields that are `withheld` go to the own topic of whom it is for, and nowhere else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    event_type: ClassVar[str]
    withheld: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def for_everybody(cls, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return of what an event says, as its JSON has it, what the shared topic says."""
        return {name: None if name in cls.withheld else value for name, value in said.items()}
