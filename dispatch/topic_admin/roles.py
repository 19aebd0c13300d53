"""What each role may do on Kafka, as entries of access lists; the roles are in `access.toml`."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from pydantic import BaseModel, ConfigDict

from dispatch.errors import ConfigurationError
from dispatch.topics import Party

WORKER: Final = "worker"
EVERYBODY: Final = "*"
# What stands for those whom a user is for. A gateway may be for several crews, at one desk nobody
# reads for two.
PLACES: Final[Mapping[Party, str]] = {
    "hospital": "{hospital_id}",
    "unit": "{unit_id}",
    "institution": "{institution_id}",
}
_SEVERAL: Final = "unit"
_ALL: Final = "*"

# Kafka's own name for all of it.
_CLUSTER: Final = "kafka-cluster"

_READ: Final = ("Describe", "Read")
_WRITE: Final = ("Describe", "Write")
_ADMINISTER: Final = ("AlterConfigs", "Create", "Describe", "DescribeConfigs")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One thing that a user may do from anywhere: an operation on a topic, group or the cluster.

    The `kind` is topic, group, cluster or transactional id, the `pattern` literal, or prefix for
    every name that begins so.
    """

    kind: str
    name: str
    pattern: str
    operation: str


class Quota(BaseModel):
    """What Kafka lets a user do at most, on each broker; the names are Kafka's.

    Bytes a second written and read, and percent of the time of one of a broker's threads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    producer_byte_rate: int
    consumer_byte_rate: int
    request_percentage: int

    def __str__(self) -> str:
        """Return it as `kafka-configs.sh --add-config` takes it."""
        return ",".join(f"{name}={value}" for name, value in self)


class Role(BaseModel):
    """What a role reads, writes and administers, the groups in which it reads, and its quota.

    The service's own roles have no quota.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    administer: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    quota: Quota | None = None

    @property
    def party(self) -> Party | None:
        """Whom of the city's plan a user in this role is for; None: for nobody of them."""
        names = (*self.read, *self.write)
        found = (party for party, place in PLACES.items() if any(place in name for name in names))
        return next(found, None)


@cache
def roles() -> dict[str, Role]:
    """Return every role by its name."""
    text = (resources.files("dispatch.topic_admin") / "access.toml").read_text("utf-8")
    return {name: Role.model_validate(said) for name, said in tomllib.loads(text).items()}


def entries(
    role: str,
    *,
    user: str,
    prefix: str,
    parties: Collection[str] = (),
    transactions: bool = False,
) -> frozenset[Entry]:
    """Return what a user in a role may do; `prefix` is that of the installation's topics.

    `parties` are whom it is for, by their ids in the city's plan: a hospital, an institution, or
    units. No role writes in transactions, as one
    that is left open holds up everybody's inputs; with `transactions` a user may, under ids that
    begin with its name and a hyphen. Raises ConfigurationError when the role is for others, the
    user's own groups would be the workers', or `user` is Kafka's word for everybody.
    """
    if user in ("", EVERYBODY):
        raise ConfigurationError(f"{user!r} is not the name of one user")
    may = roles()[role]
    if may.party is None and parties:
        raise ConfigurationError(f"the role {role} is for nobody of the city's plan")
    if may.party is not None and len(parties) != 1 and not (parties and may.party == _SEVERAL):
        number = "units" if may.party == _SEVERAL else f"one {may.party}"
        raise ConfigurationError(f"the role {role} is for {number}")
    allowed = set(_entries(may, user, prefix, parties))
    if transactions:
        allowed |= {Entry("transactional id", f"{user}-", "prefix", each) for each in _WRITE}
    return frozenset(allowed)


def _named(name: str, may: Role, parties: Collection[str]) -> Iterator[str]:
    place = None if may.party is None else PLACES[may.party]
    if place is None or place not in name:
        yield name
    else:
        yield from (name.replace(place, party) for party in parties)


def _entries(may: Role, user: str, prefix: str, parties: Collection[str]) -> Iterator[Entry]:
    for names, operations in (
        (may.read, _READ),
        (may.write, _WRITE),
        (may.administer, _ADMINISTER),
    ):
        for full in (prefix + each for name in names for each in _named(name, may, parties)):
            for operation in operations:
                if full.endswith(_ALL):
                    yield Entry("topic", full.removesuffix(_ALL), "prefix", operation)
                else:
                    yield Entry("topic", full, "literal", operation)
    if may.administer:
        # What brokers allow everybody who writes is looked at, too.
        yield Entry("cluster", _CLUSTER, "literal", "DescribeConfigs")
    for group in may.groups:
        for operation in _READ:
            yield Entry("group", prefix + group, "literal", operation)
    if may.read and not may.groups:
        own = f"{user}-"
        if any((prefix + group).startswith(own) for group in roles()[WORKER].groups):
            raise ConfigurationError(f"{user}: the workers' consumer groups begin with {own}")
        for operation in _READ:
            yield Entry("group", own, "prefix", operation)
