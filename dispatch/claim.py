"""Which database reads a set of topics: one alone, or every unit would be ordered twice.

A worker writes its database's claim beside every offset that it commits, so that whoever reads the
topics next sees whose they are.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, Self

import orjson

# Of those that a database succeeds: brokers take 4,096 bytes beside an offset.
_REMEMBERED: Final = 32


@dataclass(frozen=True, slots=True)
class Claim:
    """What a database says of itself: its id, since when (ISO 8601, UTC), and a name for people.

    `succeeds` has the ids of those whose place it has taken by an operator's word, latest last.
    """

    database: str
    name: str
    since: str
    succeeds: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Return what is written beside an offset."""
        return orjson.dumps(
            asdict(self) | {"name": self.name[:200], "succeeds": self.succeeds[-_REMEMBERED:]}
        ).decode()

    @classmethod
    def read(cls, written: str) -> Self | None:
        """Return what is written beside an offset; None when it is no claim."""
        try:
            found = orjson.loads(written)
            database, name, since = (str(found[key]) for key in ("database", "name", "since"))
            return cls(database, name, since, tuple(str(each) for each in found["succeeds"]))
        except (ValueError, TypeError, KeyError):
            return None

    def __str__(self) -> str:
        """Name it."""
        return f"{self.name} ({self.database})"


def contested_by(
    own: Claim, written: Iterable[Claim], *, has_claimed: bool = False
) -> Claim | None:
    """Return the database that the topics belong to, when that is not the own one.

    One that the own succeeds has nothing to say. Of two that began at once on new topics, and have
    both written, the first stays. Whoever `has_claimed` counts as having written: its claim may be
    on its way, and the other, which will see it, gives way to it.
    """
    found = list(written)
    own_written = has_claimed or any(claim.database == own.database for claim in found)
    for claim in found:
        if claim.database == own.database or claim.database in own.succeeds:
            continue
        earlier = (claim.since, claim.database) < (own.since, own.database)
        if own.database in claim.succeeds or not own_written or earlier:
            return claim
    return None
