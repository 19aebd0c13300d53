"""The base of what the service publishes."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Reason(BaseModel):
    """Why an input was refused: the field (dotted path) and one clear sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    field: str
    reason: str


class Announcement(BaseModel):
    """An event that the service publishes: past tense, immutable, times in aware UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    event_type: ClassVar[str]
