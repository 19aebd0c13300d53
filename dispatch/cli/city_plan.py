"""The plan of the city that the settings name, for commands that do nothing without it."""

from dispatch.errors import ConfigurationError
from dispatch.language import text
from dispatch.settings import Settings
from dispatch.store.plan import CityPlan, read_plan


def plan_of(settings: Settings) -> CityPlan:
    """Return the city's plan. Raises ConfigurationError: none is named, or it can't be read."""
    if settings.city is None:
        raise ConfigurationError(text("worker.no_city"))
    return read_plan(settings.city)
