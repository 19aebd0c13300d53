"""What the centre's management publishes on the `city` topic."""

from typing import ClassVar, Literal

from dispatch.topics.fields import Content, Text, Timestamp

CityMode = Literal["epidemic", "routine"]


class CityModeSwitched(Content):
    """平战结合 (120 plan §3): transfer crews kept for transfer work, or in the daily pool too."""

    event_type: ClassVar[str] = "city.mode_switched"
    at: Timestamp
    mode: CityMode
    by: Text
    reason: Text


INPUTS = (CityModeSwitched,)
