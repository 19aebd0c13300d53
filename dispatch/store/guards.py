"""What it means when the database refuses what memory thought right: which unit, room or id."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

import asyncpg

from dispatch.domain.subjects import owner_in

# PostgreSQL's own words around them may be in any language.
_KEY: Final = re.compile(r"\(([^()]*)\)=\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Clash:
    """A unit that is on another run, a room that is promised, or an id that is taken.

    `key` is the unit's id; hospital, kind of room and number; or the id's owner.
    """

    what: Literal["unit", "room", "id"]
    key: tuple[str, ...]


@dataclass(slots=True)
class Disputes:
    """What memory and database say differently of, while one transaction is tried again.

    `read_again` are owners of ids; `taken` are call ids that are not to be had.
    """

    read_again: set[str] = field(default_factory=set)
    memory_is_fresh: bool = False
    given_up: list[Clash] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)


_MEANINGS: Final[dict[str, Literal["unit", "room", "id"]]] = {
    "no_unit_is_occupied_twice": "unit",
    "no_room_is_promised_twice": "room",
    **dict.fromkeys(
        (
            "incidents_pkey",
            "calls_pkey",
            "assignments_pkey",
            "handovers_pkey",
            "jobs_pkey",
            "papers_pkey",
        ),
        "id",
    ),
}


def clash(error: BaseException) -> Clash | None:
    """Return what an error says that memory does not know; None of any other error."""
    if not isinstance(error, asyncpg.UniqueViolationError):
        return None
    what = _MEANINGS.get(error.constraint_name or "")
    found = _KEY.search(error.detail or "")
    if what is None or found is None:
        return None
    values = tuple(found[2].split(", "))
    return Clash(what, (owner_in(values[-1]),) if what == "id" else values)
