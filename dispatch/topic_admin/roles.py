"""What each role may do on Kafka, as entries of access lists; the roles are in `access.toml`."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from pydantic import BaseModel, ConfigDict

from dispatch.errors import ConfigurationError

WORKER: Final = "worker"
EVERYBODY: Final = "*"
_HOSPITAL: Final = "{hospital_id}"
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
    def of_a_hospital(self) -> bool:
        """Whether a user in this role is for one hospital."""
        return any(_HOSPITAL in name for name in (*self.read, *self.write))


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
    hospital_id: str | None = None,
    transactions: bool = False,
) -> frozenset[Entry]:
    """Return what a user in a role may do; `prefix` is that of the installation's topics.

    `hospital_id` is that of a hospital of the city's plan. No role writes in transactions, as one
    that is left open holds up everybody's inputs; with `transactions` a user may, under ids that
    begin with its name and a hyphen. Raises ConfigurationError when the role
    needs one, or none, the user's own groups would be the workers', or `user` is Kafka's word for
    everybody.
    """
    if user in ("", EVERYBODY):
        raise ConfigurationError(f"{user!r} is not the name of one user")
    may = roles()[role]
    if may.of_a_hospital != (hospital_id is not None):
        needs = "is for one hospital" if may.of_a_hospital else "is for no hospital"
        raise ConfigurationError(f"the role {role} {needs}")
    allowed = set(_entries(may, user, prefix, hospital_id or ""))
    if transactions:
        allowed |= {Entry("transactional id", f"{user}-", "prefix", each) for each in _WRITE}
    return frozenset(allowed)


def _entries(may: Role, user: str, prefix: str, hospital_id: str) -> Iterator[Entry]:
    for names, operations in (
        (may.read, _READ),
        (may.write, _WRITE),
        (may.administer, _ADMINISTER),
    ):
        for name in names:
            full = prefix + name.replace(_HOSPITAL, hospital_id)
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
