"""What the delivery promise needs of each topic, compared with what a cluster has.

The numbers are in `topics.toml`, unless an installation has its own. An event that the brokers have
acknowledged is on two of them at least; it stays until everybody has read it; and its key stays on
its partition.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dispatch.errors import ConfigurationError
from dispatch.toml_file import read_toml
from dispatch.topics import TOPICS, Topic
from dispatch.topics.fields import in_a_line

REPLICATION: Final = 3
# An acknowledged event is on so many brokers, where there are so many.
ACKNOWLEDGED_BY: Final = 2
DAY_MS: Final = 24 * 60 * 60 * 1_000
UNLIMITED: Final = -1
OUR_OWN: Final = Path(str(resources.files("dispatch.topic_admin"))) / "topics.toml"

Reason = Literal[
    "missing",
    "partitions",
    "replication",
    "min_insync_replicas",
    "unclean_leader_election",
    "cleanup_policy",
    "retention",
    "retention_bytes",
    "compaction_lag",
    "max_message_bytes",
    "timestamp_type",
    "transaction_timeout",
]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    input: dict[str, int | str]
    output: dict[str, int | str]
    topic: dict[str, dict[str, int | str]]


class _Needs(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: int = Field(ge=1)
    retention_days: int = Field(ge=1)
    max_message_bytes: int = Field(ge=1)
    cleanup_policy: Literal["delete", "compact"] = "delete"


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as a cluster has it: `settings` are in effect, `own` are given to the topic itself.

    `replication` is that of the partition with the fewest copies.
    """

    partitions: int
    replication: int
    settings: Mapping[str, str]
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a topic: what a new topic gets, and what else is as good."""

    name: str
    value: int | str
    reason: Reason
    at_least: int | None = None
    at_most: int | None = None

    @property
    def wanted(self) -> str:
        """What has to be found, for people."""
        if self.at_least == self.at_most:
            return str(self.value)
        if self.at_most is None:
            return f">= {self.at_least}"
        if self.at_least is None:
            return f"<= {self.at_most}"
        return f"{self.at_least}-{self.at_most}"

    def holds(self, found: str | None) -> bool:
        """Whether what was found is as good as what a new topic gets."""
        if self.at_least is None and self.at_most is None:
            return found == str(self.value)
        if found is None:
            return False
        number = int(found)
        if number == UNLIMITED:
            return self.at_most is None
        return (self.at_least is None or number >= self.at_least) and (
            self.at_most is None or number <= self.at_most
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as the promise needs it."""

    partitions: int
    replication: int
    settings: tuple[Setting, ...]


# Only what is committed is read: as long as one producer leaves a transaction open, everybody's
# records behind it wait.
LONGEST_TRANSACTION: Final = Setting(
    "transaction.max.timeout.ms", 60_000, "transaction_timeout", at_most=60_000
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What of a topic breaks the promise; `cure` is the setting to give it, if one cures it.

    A broker's own setting, which no topic has, stands under the broker's name.
    """

    topic: str
    what: str
    found: str | None
    wanted: str
    reason: Reason
    cure: Setting | None = None


def wanted_topics(
    prefix: str,
    topics: Mapping[str, Topic],
    replication: int = REPLICATION,
    file: Path | None = None,
) -> dict[str, Wanted]:
    """Return every topic of the service, by its full name, with so many copies or more.

    `topics` are those of the city's plan by their names without the prefix. One of a hospital's
    own has a single key, and so a single partition.
    `file` has an installation's own numbers, in the form of `topics.toml`. Raises
    ConfigurationError when it can't be used.
    """
    needs = _read(file)
    return {
        prefix + name: _wanted(topic, _needs_of(name, topic, needs), replication)
        for name, topic in topics.items()
    }


def faults(wanted: Mapping[str, Wanted], found: Mapping[str, Found]) -> list[Fault]:
    """Return everything of the topics found that breaks the promise, topic by topic."""
    return [
        fault for name, topic in wanted.items() for fault in _faults(name, topic, found.get(name))
    ]


def broker_faults(found: Mapping[int, Mapping[str, str]]) -> list[Fault]:
    """Return what of the brokers' settings, by their ids, breaks the promise.

    A broker without the setting knows no transactions, as the embedded one.
    """
    wanted = LONGEST_TRANSACTION
    return [
        Fault(f"broker {broker}", wanted.name, value, wanted.wanted, wanted.reason)
        for broker, settings in sorted(found.items())
        if (value := settings.get(wanted.name)) is not None and not wanted.holds(value)
    ]


def _faults(name: str, wanted: Wanted, found: Found | None) -> Iterator[Fault]:
    if found is None:
        yield Fault(name, "topic", None, f"{wanted.partitions} x {wanted.replication}", "missing")
        return
    if found.partitions != wanted.partitions:
        has, needs = str(found.partitions), str(wanted.partitions)
        yield Fault(name, "partitions", has, needs, "partitions")
    if found.replication < wanted.replication:
        has, needs = str(found.replication), f">= {wanted.replication}"
        yield Fault(name, "replication", has, needs, "replication")
    for setting in (*wanted.settings, _min_insync(wanted.replication, found.replication)):
        value = found.settings.get(setting.name)
        if not setting.holds(value):
            # More acknowledgements than there are copies would stop every producer.
            stops = setting.reason == "min_insync_replicas" and found.replication < int(
                setting.value
            )
            cure = None if stops else setting
            yield Fault(name, setting.name, value, setting.wanted, setting.reason, cure)


def new_settings(wanted: Wanted) -> dict[str, str]:
    """Return the settings that a new topic gets."""
    settings = (*wanted.settings, _min_insync(wanted.replication, wanted.replication))
    return {setting.name: str(setting.value) for setting in settings}


def _needs_of(name: str, topic: Topic, needs: Mapping[str, _Needs]) -> _Needs:
    found = needs[topic.name]
    return found if name == topic.name else found.model_copy(update={"partitions": 1})


def _wanted(topic: Topic, needs: _Needs, replication: int) -> Wanted:
    bytes_ = needs.max_message_bytes
    # Larger inputs would not fit into their dead letters.
    size = {"at_most": bytes_} if topic.direction == "input" else {"at_least": bytes_}
    settings = [
        Setting("cleanup.policy", needs.cleanup_policy, "cleanup_policy"),
        Setting("unclean.leader.election.enable", "false", "unclean_leader_election"),
        Setting("max.message.bytes", bytes_, "max_message_bytes", **size),
    ]
    if topic.direction == "input":
        # By a console's own clock it may be past its retention before it is read.
        settings.append(Setting("message.timestamp.type", "LogAppendTime", "timestamp_type"))
    kept = needs.retention_days * DAY_MS
    if needs.cleanup_policy == "compact":
        settings.append(Setting("min.compaction.lag.ms", kept, "compaction_lag", at_least=kept))
    else:
        settings += [
            Setting("retention.ms", kept, "retention", at_least=kept),
            Setting("retention.bytes", UNLIMITED, "retention_bytes"),
        ]
    return Wanted(needs.partitions, replication, tuple(settings))


def _min_insync(wanted_replication: int, found_replication: int) -> Setting:
    low = min(ACKNOWLEDGED_BY, wanted_replication)
    # As many as there are copies would stop all work when one broker does.
    high = max(low, found_replication - 1)
    return Setting("min.insync.replicas", low, "min_insync_replicas", low, high)


def _read(file: Path | None) -> dict[str, _Needs]:
    where = file or OUR_OWN
    try:
        read = _File.model_validate(read_toml(where))
        if unknown := read.topic.keys() - {topic.name for topic in TOPICS}:
            raise ConfigurationError(f"{where}: there is no topic {min(unknown)}")
        return {
            topic.name: _Needs.model_validate(
                (read.input if topic.direction == "input" else read.output) | read.topic[topic.name]
            )
            for topic in TOPICS
        }
    except KeyError as error:
        raise ConfigurationError(f"{where}: the topic {error.args[0]} is missing") from error
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {in_a_line(error)}") from error
