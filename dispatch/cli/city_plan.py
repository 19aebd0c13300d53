"""The plan of the city that the settings name: for commands that need it, and for names."""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

import click

from dispatch import wording
from dispatch.cli.invocation import Invocation
from dispatch.errors import ConfigurationError
from dispatch.language import text
from dispatch.settings import Settings
from dispatch.store.plan import CityPlan, read_plan

_CODE: Final = re.compile(r"[0-9]*")
_DISTRICT: Final = re.compile(r"[0-9]{6}")


def plan_of(settings: Settings) -> CityPlan:
    """Return the city's plan. Raises ConfigurationError: none is named, or it can't be read."""
    if settings.city is None:
        raise ConfigurationError(text("worker.no_city"))
    return read_plan(settings.city)


def packaged_cities() -> list[Path]:
    """Return the paths of the plans that come with the package, by name."""
    folder = Path(str(resources.files("dispatch"))) / "cities"
    return sorted(folder.glob("*.toml"))


def know_names(settings: Settings | None) -> None:
    """Say the names of the city's hospitals and districts from now on, if its plan is there."""
    wording.know({code: name for plan in _plans(settings) for code, name in names_of(plan).items()})


def names_of(plan: CityPlan) -> dict[str, str]:
    """Return the names of a city's hospitals and districts by their ids and codes."""
    return {
        **{each.code: each.name for each in plan.district},
        **{each.hospital_id: each.name for each in plan.hospital},
    }


def _plans(settings: Settings | None) -> Iterator[CityPlan]:
    """Yield the city's plan; where none is named, those of the package."""
    if settings is None or settings.city is None:
        yield from map(read_plan, packaged_cities())
        return
    try:
        yield read_plan(settings.city)
    except ConfigurationError:
        # Names are a courtesy: who needs the plan itself is told what is wrong with it.
        return


def of_district(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the code of a district that was given by its name, or the beginning of that."""
    del option
    if value is None or _DISTRICT.fullmatch(value):
        return value
    if _CODE.fullmatch(value):
        raise click.BadParameter(text("indicators.bad_district", value=value))
    invocation = ctx.find_object(Invocation) or Invocation()
    districts = [each for plan in _plans(invocation.settings()) for each in plan.district]
    found = [each for each in districts if each.name == value]
    found = found or [each for each in districts if each.name.startswith(value)]
    if len(found) == 1:
        return found[0].code
    known = text("mark.enumeration").join(
        text("mark.code", code=each.name, word=each.code) for each in found or districts
    )
    raise click.BadParameter(text("publish.unknown_district", value=value, known=known))
