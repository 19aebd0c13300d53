"""`dispatch unit order`: the order that a unit has now, as its crew reads it."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from dispatch.cli import localised
from dispatch.cli.console import PlainConsole, cell
from dispatch.cli.invocation import Invocation, pass_invocation
from dispatch.cli.publishing import quieten_libraries
from dispatch.client import Event, open_reader
from dispatch.language import text
from dispatch.settings import Settings
from dispatch.shown import json_of
from dispatch.store.plan import read_plan
from dispatch.topics import own_topic
from dispatch.wording import ABSENT, in_words

# What is shown, in this order; where, for whom and whom to ring up come first.
_FIELDS: Final = (
    "place",
    "position",
    "call_back",
    "contacts",
    "condition",
    "complaint",
    "patients",
    "patient_count",
    "symptoms",
    "case_status",
    "epidemiology",
    "history",
    "requirement",
    "special_needs",
    "stretcher",
    "notes",
    "institution_id",
    "ppe",
    "life_support",
    "destination",
    "hospital_id",
    "disinfection",
    "handover_id",
    "received_at",
    "assignment_id",
)


@localised.command("order", help="unit.order")
@click.argument("unit_id")
@localised.option("--json", "as_json", is_flag=True, help="unit.order_json")
@pass_invocation
def order(invocation: Invocation, /, *, unit_id: str, as_json: bool) -> int:
    """Show the order that a unit has now."""
    settings = invocation.settings()
    quieten_libraries()
    found = current(asyncio.run(_told(settings, unit_id)))
    if as_json:
        click.echo(json_of(found))
    elif found is None:
        click.echo(text("unit.no_order", unit_id=unit_id))
    else:
        PlainConsole().print(tabulate(found, _hospitals(settings)))
    return 0


def current(events: Iterable[Event]) -> dict[str, Any] | None:
    """Return the order in force after the events of a unit's own topic; None when there is none.

    As every reader does, it drops what is not newer than what it has.
    """
    found: dict[str, Any] | None = None
    newest = 0
    for event in events:
        sequence = int(event.attributes.get("sequence", "0"))
        if sequence <= newest:
            continue
        newest, said = sequence, event.data
        if event.type == "order.issued":
            found = dict(said)
        elif found is None or said.get("assignment_id") != found["assignment_id"]:
            continue
        elif event.type == "order.amended":
            found |= said["changed"]
            # Of these the event itself says all.
            found |= {name: said.get(name) for name in ("ppe", "hospital_id", "handover_id")}
        elif event.type in ("order.withdrawn", "order.ended"):
            found = None
    return found


def tabulate(order: Mapping[str, Any], hospitals: Mapping[str, str]) -> Table:
    """Return the table of an order; `hospitals` are names by their ids."""
    table = Table(box=SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in _FIELDS:
        table.add_row(cell(text(f"unit_order.{name}")), cell(_said(name, order, hospitals)))
    return table


def _said(name: str, order: Mapping[str, Any], hospitals: Mapping[str, str]) -> str:
    """Return a field in words."""
    match name:
        case "place":
            return place_of(order["scene"])
        case "position":
            return position_of(order["scene"])
        case "contacts":
            return _listed(_joined(each, "role", "name", "phone") for each in order.get(name) or ())
        case "patients":
            return _listed(
                _joined(each, "patient_id", "name", "sex", "age", "severity", "mobility", "needs")
                for each in order.get(name) or ()
            )
        case "notes":
            return _listed(
                text(
                    "unit_order.note", about=text(f"unit_order.{each['about']}"), said=each["text"]
                )
                for each in order.get(name) or ()
            )
        case "ppe":
            worn = order["ppe"]
            return text(
                "unit_order.worn", level=in_words(worn["level"]), crew=in_words(worn["crew"])
            )
        case "hospital_id":
            hospital_id = order.get(name)
            return ABSENT if hospital_id is None else hospitals.get(hospital_id, hospital_id)
        case "call_back" | "complaint" | "requirement" | "special_needs" | "assignment_id":
            # What somebody said is no word of ours.
            return order.get(name) or ABSENT
        case _:
            return in_words(order.get(name))


def place_of(scene: Mapping[str, Any]) -> str:
    """Return where a scene is, for people: its address, if one is known, and its district."""
    district = scene.get("district_name") or scene["district"]
    if (address := scene["address"]) is None:
        return str(district)
    return text("unit_order.at", district=district, address=address)


def position_of(scene: Mapping[str, Any]) -> str:
    """Return a scene's position in degrees (WGS-84), and whose it is."""
    return text(
        "unit_order.found",
        latitude=f"{scene['latitude']:.5f}",
        longitude=f"{scene['longitude']:.5f}",
        source=in_words(scene["source"]),
    )


def _joined(said: Mapping[str, Any], *names: str) -> str:
    """Return what is known of these fields; only our own words are translated."""
    return " ".join(_part(name, said[name]) for name in names if said.get(name) not in (None, []))


def _part(name: str, value: Any) -> str:
    match name:
        case "severity":
            return text(f"unit_order.severity_{value}")
        case "role" | "mobility" | "needs" | "age":
            return in_words(value)
        case _:
            return str(value)


def _listed(said: Iterator[str]) -> str:
    return "; ".join(said) or ABSENT


async def _told(settings: Settings, unit_id: str) -> list[Event]:
    """Read a unit's own topic; raise Unavailable where it can't be."""
    topic = own_topic("orders", unit_id)
    async with open_reader(settings.kafka, settings.topic_prefix, [topic]) as reader:
        return [event async for event in reader.past()]


def _hospitals(settings: Settings) -> dict[str, str]:
    """Return the names of the hospitals of the city's plan; a vehicle may be without one."""
    if settings.city is None:
        return {}
    return {each.hospital_id: each.name for each in read_plan(settings.city).hospital}
