"""Which partitions may hold an unread record of a key."""

from aiokafka import TopicPartition

from dispatch.agents.unread import UnreadInputs

PARTITIONS = [TopicPartition("test.calls", number) for number in range(12)]


def unread(*numbers: int) -> UnreadInputs:
    return UnreadInputs(PARTITIONS, [PARTITIONS[number] for number in numbers], "test.")


def test_a_key_may_be_where_any_kind_of_client_puts_it() -> None:
    # By murmur2 (Java's clients), CRC32 (librdkafka's) and FNV-1a (Sarama's).
    holding = [number for number in range(12) if unread(number).of("calls", "call-7")]
    assert holding == [3, 4, 5]
    assert not unread(0, 1).of("hospitals", "call-7")


def test_what_stands_is_there_at_all_and_no_limit_waits_for_it() -> None:
    stands = UnreadInputs(PARTITIONS, [], "test.", [PARTITIONS[3]])
    assert stands.at_all("calls")
    assert not stands.somewhere("calls")
    assert not any(stands.of("calls", f"call-{number}") for number in range(50))
    assert not stands.at_all("units")
    assert unread(3).at_all("calls")


def test_some_partitions_are_not_all() -> None:
    assert unread(3).somewhere("calls")
    assert not unread(3).everywhere("calls")
    assert unread(*range(12)).everywhere("calls")
    assert not unread(3).somewhere("units")
    assert not unread(3).everywhere("units")
