"""What those who play a part in a city act in: its time, what they see of it and say to it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from dispatch.clock import Clock
from dispatch.policy.pack import Pack
from dispatch.simulation.agenda import Action
from dispatch.simulation.seen import Seen
from dispatch.store.plan import CityPlan
from dispatch.topics.fields import Content

Reaction = Callable[[Seen], None]


class Surroundings(Protocol):
    """A city with the service at work in it; a stage is one."""

    plan: CityPlan
    pack: Pack

    @property
    def clock(self) -> Clock:
        """The scenario's clock."""
        ...

    def now(self) -> datetime:
        """Return the time of what is being done (aware UTC)."""
        ...

    def at(self, when: datetime, action: Action) -> None:
        """Do something at a time of the scenario (aware)."""
        ...

    def after(self, seconds: float, action: Action) -> None:
        """Do something after so many seconds of the scenario."""
        ...

    def on(self, event_type: str, reaction: Reaction) -> None:
        """Let `reaction` be called with every new event of a type, once."""
        ...

    async def publish(self, event: Content, *, source: str) -> str:
        """Publish an input as `source`; return its id."""
        ...
