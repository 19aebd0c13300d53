"""The life of a run is as docs/integration.md tells crews' terminals: row by row, in that order."""

import re
from pathlib import Path

import pytest

from dispatch.domain.model import Handover
from dispatch.topics.fields import Content
from tests.unit.domain.city_builder import UNDETERMINED, SmallCity, call, febrile, unit

PAGE = Path(__file__).parents[3] / "docs" / "integration.md"
_ROW = re.compile(
    r"^\| (\d|terminal|routine) \| (\w+) \| `[^|]+` \| ([^|]+) \| `(\w+)` \|$", re.MULTILINE
)
# Part of the row: who, the event and what it says, what the unit is then.
Row = tuple[str, str, str]


def rows(*kinds: str) -> list[Row]:
    """Return the rows of the page whose first cell is one of these, in its order."""
    found = _ROW.findall(PAGE.read_text("utf-8"))
    wanted = re.compile("|".join(kinds))
    return [(who, event, then) for kind, who, event, then in found if wanted.fullmatch(kind)]


@pytest.mark.parametrize("disinfection", ["terminal", "routine"])
def test_a_unit_goes_through_the_page_from_order_to_available(disinfection: str) -> None:
    city = SmallCity(unit("U1"))
    city.say(febrile("c1", UNDETERMINED) if disinfection == "terminal" else call("c1"))
    record: Handover | None = None
    for who, event, then in rows(r"\d", disinfection):
        if city.unit("U1").assignment_id is not None and city.assignment("U1").handover_id:
            record = city.handover("U1")
        if who != "service":
            if "certified" in event:
                city.pass_time(1_800)
            city.say(said(city, event, record))
        assert city.unit("U1").status == then, event
    assert city.unit("U1").status == "available"


def test_the_page_has_both_ends_of_a_run() -> None:
    assert [then for _, _, then in rows(r"\d")][-1] == "handed_over"
    for disinfection in ("terminal", "routine"):
        assert [then for _, _, then in rows(disinfection)][-2:] == ["returning", "available"]


def said(city: SmallCity, event: str, record: Handover | None) -> Content:
    """Return the event that a row is about, with the ids that the service has told."""
    found = re.match(r"`([a-z._]+)`(?: with `status` `(\w+)`)?", event)
    assert found
    kind, status = found.groups()
    if kind == "unit.reported":
        return city.reported("U1", status=status)
    if kind == "order.acknowledged":
        return city.acknowledged("U1")
    if kind == "disinfection.certified":
        return city.certificate("U1")
    if kind == "vehicle.cleaned":
        return city.cleaned("U1", "c1/A1")
    assert record is not None
    return city.crew_signs(record) if kind.endswith("by_crew") else city.hospital_signs(record)


def test_a_unit_is_assumed_to_return_after_as_long_as_the_page_says() -> None:
    city = SmallCity(unit("U1"))
    (seconds,) = re.findall(
        r"`assume_returning_seconds` \(the pack's; (\d+)\)", PAGE.read_text("utf-8")
    )
    assert city.pack.allocation.assume_returning_seconds == int(seconds)
