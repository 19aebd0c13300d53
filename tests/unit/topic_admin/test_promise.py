"""What a cluster has, compared with what the delivery promise needs: each violation is found."""

from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.agents.publisher import REQUEST_BYTES
from dispatch.errors import ConfigurationError
from dispatch.topic_admin.promise import (
    DAY_MS,
    OUR_OWN,
    Fault,
    Found,
    Reason,
    Wanted,
    broker_faults,
    faults,
    new_settings,
    wanted_topics,
)
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS, Parties, topic_names

PREFIX = "city-a."
NAMES = topic_names(
    Parties(
        hospitals=frozenset({"H1", "H2"}), units=frozenset({"U1"}), institutions=frozenset({"I1"})
    )
)
CALLS, FLEET, LETTERS = PREFIX + "calls", PREFIX + "fleet", PREFIX + "dead-letters"


def as_created(wanted: Wanted) -> Found:
    settings = new_settings(wanted)
    return Found(wanted.partitions, wanted.replication, settings, settings)


def good(replication: int = 3) -> dict[str, Found]:
    wanted = wanted_topics(PREFIX, NAMES, replication)
    return {name: as_created(topic) for name, topic in wanted.items()}


def judge(topic: str, found: Found, replication: int = 3) -> list[Fault]:
    return faults(wanted_topics(PREFIX, NAMES, replication), good(replication) | {topic: found})


def with_setting(topic: str, name: str, value: int | str, replication: int = 3) -> Found:
    found = good(replication)[topic]
    return replace(found, settings={**found.settings, name: str(value)})


@pytest.mark.parametrize("replication", [1, 2, 3, 5])
def test_what_is_created_keeps_the_promise(replication: int) -> None:
    wanted = wanted_topics(PREFIX, NAMES, replication)
    assert set(wanted) == {PREFIX + name for name in NAMES}
    assert {"orders.U1", "placements.I1", "disinfections.H2"} < NAMES.keys()
    assert faults(wanted, good(replication)) == []


@pytest.mark.parametrize("topic", [CALLS, PREFIX + "handovers.H2", PREFIX + "orders.U1"])
def test_a_missing_topic(topic: str) -> None:
    found = good()
    del found[topic]
    [fault] = faults(wanted_topics(PREFIX, NAMES), found)
    assert (fault.topic, fault.reason, fault.found) == (topic, "missing", None)


def test_an_own_topic_is_as_the_shared_one_with_one_partition() -> None:
    wanted = wanted_topics(PREFIX, NAMES)
    for shared, own in (("beds", "H1"), ("orders", "U1"), ("placements", "I1")):
        one = replace(wanted[PREFIX + shared], partitions=1)
        assert wanted[f"{PREFIX}{shared}.{own}"] == one


@pytest.mark.parametrize("partitions", [1, 11, 13])
def test_another_number_of_partitions_is_told_and_never_cured(partitions: int) -> None:
    [fault] = judge(CALLS, replace(good()[CALLS], partitions=partitions))
    assert (fault.what, fault.found, fault.wanted) == ("partitions", str(partitions), "12")
    assert fault.cure is None


@pytest.mark.parametrize(
    ("topic", "name", "value", "reason"),
    [
        (CALLS, "message.timestamp.type", "CreateTime", "timestamp_type"),
        (CALLS, "min.insync.replicas", 1, "min_insync_replicas"),
        (CALLS, "min.insync.replicas", 3, "min_insync_replicas"),
        (CALLS, "unclean.leader.election.enable", "true", "unclean_leader_election"),
        (CALLS, "cleanup.policy", "compact", "cleanup_policy"),
        (CALLS, "cleanup.policy", "compact,delete", "cleanup_policy"),
        (CALLS, "retention.ms", 14 * DAY_MS - 1, "retention"),
        (CALLS, "retention.bytes", 10**9, "retention_bytes"),
        (CALLS, "max.message.bytes", 4_194_304, "max_message_bytes"),
        (LETTERS, "retention.ms", 14 * DAY_MS, "retention"),
        (LETTERS, "max.message.bytes", 1_048_588, "max_message_bytes"),
        (PREFIX + "incidents", "max.message.bytes", 1_048_588, "max_message_bytes"),
        (FLEET, "cleanup.policy", "delete", "cleanup_policy"),
        (FLEET, "min.compaction.lag.ms", 0, "compaction_lag"),
    ],
)
def test_each_setting_that_breaks_the_promise(
    topic: str, name: str, value: int | str, reason: Reason
) -> None:
    [fault] = judge(topic, with_setting(topic, name, value))
    assert (fault.topic, fault.what, fault.found) == (topic, name, str(value))
    assert fault.reason == reason
    assert fault.cure is not None
    assert judge(topic, with_setting(topic, name, fault.cure.value)) == []


@pytest.mark.parametrize(
    ("topic", "name", "value"),
    [
        (CALLS, "retention.ms", 365 * DAY_MS),
        (CALLS, "retention.ms", -1),
        (CALLS, "max.message.bytes", 100_000),
        (LETTERS, "max.message.bytes", 8_388_608),
        (FLEET, "min.compaction.lag.ms", 30 * DAY_MS),
        (FLEET, "retention.ms", 1),
    ],
)
def test_what_is_better_than_needed_or_without_effect_is_let_be(
    topic: str, name: str, value: int
) -> None:
    assert judge(topic, with_setting(topic, name, value)) == []


def test_a_setting_that_the_cluster_does_not_tell_is_a_fault() -> None:
    found = good()[CALLS]
    known = {name: value for name, value in found.settings.items() if name != "retention.ms"}
    [fault] = judge(CALLS, replace(found, settings=known))
    assert (fault.what, fault.found) == ("retention.ms", None)


def test_too_few_copies_are_told_and_never_cured() -> None:
    [fault] = judge(CALLS, replace(good()[CALLS], replication=2))
    assert (fault.what, fault.found, fault.wanted) == ("replication", "2", ">= 3")
    assert fault.cure is None


def test_one_copy_is_not_asked_for_two_acknowledgements() -> None:
    alone = replace(with_setting(CALLS, "min.insync.replicas", 1), replication=1)
    assert [fault.reason for fault in judge(CALLS, alone)] == ["replication", "min_insync_replicas"]
    assert all(fault.cure is None for fault in judge(CALLS, alone))


def test_more_copies_allow_more_acknowledgements() -> None:
    five = replace(with_setting(CALLS, "min.insync.replicas", 4), replication=5)
    assert judge(CALLS, five) == []


def test_one_copy_wants_one_acknowledgement() -> None:
    [fault] = judge(CALLS, with_setting(CALLS, "min.insync.replicas", 2, 1), 1)
    assert (fault.reason, fault.wanted) == ("min_insync_replicas", "1")


def test_every_output_may_be_as_large_as_the_producer_sends_and_an_input_fits_a_dead_letter() -> (
    None
):
    wanted = wanted_topics("", NAMES)
    for topic in OUTPUT_TOPICS:
        assert int(new_settings(wanted[topic.name])["max.message.bytes"]) >= REQUEST_BYTES
    for topic in INPUT_TOPICS:
        largest = int(new_settings(wanted[topic.name])["max.message.bytes"])
        assert largest * 4 / 3 < REQUEST_BYTES / 2


def test_an_installation_has_numbers_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(OUR_OWN.read_text().replace("partitions = 12", "partitions = 48"))
    assert wanted_topics(PREFIX, NAMES, file=file)[CALLS].partitions == 48
    [fault] = faults({CALLS: wanted_topics(PREFIX, NAMES, file=file)[CALLS]}, good())
    assert (fault.reason, fault.wanted) == ("partitions", "48")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[topic.calls]", "[topic.coils]", "no topic coils"),
        ("[topic.calls]\npartitions = 12", "", "calls is missing"),
        ("partitions = 12", "partitions = 0", "must be at least 1"),
        ("partitions = 12", "partitoins = 12", "partitoins"),
        ("[topic.calls]", "[[topic.calls]", "topics.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(OUR_OWN.read_text().replace(old, new, 1))
    with pytest.raises(ConfigurationError, match=said):
        wanted_topics(PREFIX, NAMES, file=file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        wanted_topics(PREFIX, NAMES, file=tmp_path / "none.toml")


def test_inputs_have_the_time_at_which_the_broker_took_them_and_outputs_their_own() -> None:
    for name, topic in wanted_topics(PREFIX, NAMES).items():
        is_input = name.removeprefix(PREFIX) in {each.name for each in INPUT_TOPICS}
        told = new_settings(topic).get("message.timestamp.type")
        assert told == ("LogAppendTime" if is_input else None)


@pytest.mark.parametrize(
    ("value", "good"),
    [("60000", True), ("1000", True), ("60001", False), ("900000", False), (None, True)],
)
def test_no_broker_lets_a_transaction_be_open_for_longer_than_a_minute(
    value: str | None, good: bool
) -> None:
    right = {"transaction.max.timeout.ms": "60000"}
    other = {} if value is None else {"transaction.max.timeout.ms": value}
    found = broker_faults({1: right, 2: other})
    assert [(fault.topic, fault.found, fault.cure) for fault in found] == (
        [] if good else [("broker 2", value, None)]
    )
