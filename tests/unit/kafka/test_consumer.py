"""What is read of fetches that hold anything: everything that can be, and a place for the rest."""

import struct
from collections.abc import Sequence
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import example, given
from hypothesis import strategies as st

from dispatch.kafka.consumer import UnreadableRecord, _Care
from tests.unit.kafka.batch_bytes import CODECS, Plain, batch, number, with_checksum

TP = TopicPartition("calls", 3)
LIMIT = 1 << 20
Read = ConsumerRecord[bytes, bytes]


class Partition:
    """A partition's log of batches, each with the offset of its last record."""

    def __init__(
        self,
        batches: Sequence[tuple[bytes, int]],
        *,
        aborted: Sequence[Any] = (),
        limit: int = LIMIT,
    ) -> None:
        self.batches = batches
        self.aborted = list(aborted)
        self.care = _Care(limit)
        self.position = 0
        self.fetches = 0

    @property
    def end(self) -> int:
        return max(last for _, last in self.batches) + 1

    def look(self, most: int | None = None) -> list[Read]:
        """Fetch from the position on and return what aiokafka makes of it, by and by."""
        self.fetches += 1
        self.care.unpacked = 0
        raw = b"".join(content for content, last in self.batches if last >= self.position)
        state = SimpleNamespace(paused=False, position=self.position)
        state.consumed_to = lambda position: setattr(state, "position", position)
        result = FetchResult(
            TP,
            assignment=SimpleNamespace(active=True, state_value=lambda _: state),
            partition_records=fetcher.PartitionRecords(
                TP,
                vars(fetcher)["MemoryRecords"](raw),
                self.aborted,
                self.position,
                None,
                None,
                self.care,
                fetcher.READ_COMMITTED,
            ),
            backoff=0,
        )
        found: list[Read] = []
        while result.has_more():
            found += result.getall(most)
        self.position = state.position
        return found

    def read(self, most: int | None = None) -> list[Read]:
        found: list[Read] = []
        while self.position < self.end:
            found += self.look(most)
            assert self.fetches <= 4 * self.end + 8, "it does not come on"
        return found


def places(found: Sequence[Read]) -> list[int]:
    """Return every offset that is accounted for, in order."""
    return [
        offset
        for record in found
        for offset in range(
            record.first_offset if isinstance(record, UnreadableRecord) else record.offset,
            record.offset + 1,
        )
    ]


def values(found: Sequence[Read]) -> list[bytes | None]:
    """Return the values of what could be read."""
    return [record.value for record in found if not isinstance(record, UnreadableRecord)]


def unreadable(found: Sequence[Read]) -> list[UnreadableRecord]:
    return [record for record in found if isinstance(record, UnreadableRecord)]


GOOD = [Plain(value=b"zero"), Plain(value=b"one"), Plain(value=b"two")]


def test_what_is_relied_on_is_private_to_this_version() -> None:
    assert version("aiokafka").startswith("0.14.")
    assert fetcher.PartitionRecords.__module__ == "dispatch.kafka.consumer"
    # With the C extension, as in service.
    assert "_crecords" in DefaultRecordBatch.__module__


def test_a_consumer_that_is_not_of_ours_reads_as_before() -> None:
    fetched = vars(fetcher)["MemoryRecords"](batch(GOOD))
    arguments: list[Any] = [TP, fetched, [], 0, None, None, True, 0]
    records = fetcher.PartitionRecords(*arguments)
    assert type(records).__module__ == "aiokafka.consumer.fetcher"
    assert [record.value for record in records] == [b"zero", b"one", b"two"]


@pytest.mark.parametrize("codec", [*CODECS, "xerial"])
@pytest.mark.parametrize("most", [None, 1, 2])
def test_every_codec_is_read(codec: str, most: int | None) -> None:
    log = Partition([(batch(GOOD, codec=codec), 2), (batch(GOOD, base=3, codec=codec), 5)])
    found = log.read(most)
    assert values(found) == [b"zero", b"one", b"two"] * 2
    assert places(found) == list(range(6))


def test_a_fetch_that_begins_within_a_batch_gives_what_is_left_of_it() -> None:
    log = Partition([(batch(GOOD, codec="zstd"), 2)])
    log.position = 1
    assert values(log.read()) == [b"one", b"two"]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_record_that_can_not_be_read_stops_no_other(codec: str, at: int) -> None:
    records = list(GOOD)
    headers = [(b"ce_id", b"7"), (b"\xff\x00name", b"x"), (b"last", None)]
    records[at] = Plain(key=b"k", value=b"help", headers=headers)
    log = Partition([(batch(records, codec=codec), 2), (batch(GOOD, base=3), 5)])
    found = log.read()
    assert places(found) == list(range(6))
    [letter] = unreadable(found)
    assert (letter.offset, letter.first_offset) == (at, at)
    assert "name is not UTF-8" in letter.unreadable
    assert (letter.key, letter.value) == (b"k", b"help")
    assert letter.headers == (("ce_id", b"7"), ("\\xff\x00name", b"x"), ("last", None))
    assert len(values(found)) == 5


def test_what_is_garbled_keeps_the_bytes_that_can_be_had() -> None:
    garbled = [Plain(body=b"\0\0" + number(1) + number(400) + b"13800138000")]
    [_, letter, _] = Partition([(batch([GOOD[0], *garbled, GOOD[2]]), 2)]).read()
    assert isinstance(letter, UnreadableRecord)
    assert "ends before its key does" in letter.unreadable
    assert letter.value is not None
    assert b"13800138000" in letter.value


def test_where_records_can_not_be_told_apart_the_rest_of_the_batch_is_one_letter() -> None:
    records = [GOOD[0], Plain(value=b"x", length=10_000), GOOD[2]]
    found = Partition([(batch(records), 2), (batch(GOOD, base=3), 5)]).read()
    assert places(found) == list(range(6))
    [letter] = unreadable(found)
    assert (letter.first_offset, letter.offset) == (1, 2)
    assert letter.unreadable.startswith("offsets 1 to 2: ")


@pytest.mark.parametrize("delta", [-5, 0, 5, 1 << 40])
def test_an_offset_that_is_another_s_loses_nothing(delta: int) -> None:
    records = [GOOD[0], Plain(value=b"lost?", delta=delta), GOOD[2]]
    found = Partition([(batch(records), 2)]).read()
    assert places(found) == [0, 1, 2]
    assert values(found) == [b"zero", b"two"]
    assert unreadable(found)[0].value == b"lost?"


def test_offsets_that_were_compacted_away_are_no_loss() -> None:
    records = [Plain(value=b"a", delta=1), Plain(value=b"b", delta=4)]
    log = Partition([(batch(records, last_delta=6), 6), (batch(GOOD, base=7), 9)])
    assert [record.offset for record in log.read()] == [1, 4, 7, 8, 9]


@pytest.mark.parametrize("behind", [True, False])
def test_a_wrong_checksum_is_fetched_twice_and_then_given_up_with_its_offsets(behind: bool) -> None:
    bad = batch(GOOD, base=3, checked=False)
    batches = [(batch(GOOD), 2), (bad, 5)]
    log = Partition([*batches, (batch(GOOD, base=6), 8)] if behind else batches)
    assert places(log.look()) == [0, 1, 2]
    assert log.position == 3
    found = log.look()
    [letter] = unreadable(found)
    assert (letter.first_offset, letter.offset) == (3, 5)
    assert "has a wrong checksum" in letter.unreadable
    assert letter.value == bad
    assert places(found) == list(range(3, log.end))


def test_a_batch_that_is_right_the_second_time_is_read() -> None:
    good = batch(GOOD)
    log = Partition([(batch(GOOD, checked=False), 2)])
    assert log.look() == []
    log.batches = [(good, 2)]
    assert values(log.read()) == [b"zero", b"one", b"two"]


def test_a_wrong_number_of_records_in_a_wrong_batch_skips_none_behind_it() -> None:
    lying = batch(GOOD, last_delta=1 << 30, checked=False)
    log = Partition([(lying, 2), (batch(GOOD, base=3), 5)])
    assert places(log.read()) == list(range(6))
    log = Partition([(lying, 2)])
    found = log.read()
    assert found == unreadable(found)
    assert places(found) == [0, 1, 2]


@pytest.mark.parametrize("codec", [*CODECS[1:], "xerial"])
def test_a_batch_that_unpacks_to_too_much_is_stepped_over(codec: str) -> None:
    bomb = batch([Plain(value=bytes(3_000)), Plain(value=bytes(3_000))], base=3, codec=codec)
    log = Partition(
        [(batch(GOOD), 2), (bomb, 4), (batch(GOOD, base=5, codec=codec), 7)], limit=5_000
    )
    found = log.read()
    assert places(found) == list(range(8))
    [letter] = unreadable(found)
    assert (letter.first_offset, letter.offset, letter.value) == (3, 4, bomb)
    assert "unpacks to more than 5000 bytes" in letter.unreadable
    assert f"{len(bomb)} bytes on the wire" in letter.unreadable


def test_many_batches_that_each_unpack_to_just_enough_come_one_after_the_other() -> None:
    batches = [
        (batch([Plain(value=bytes(4_000))], base=base, codec="zstd"), base) for base in range(20)
    ]
    log = Partition(batches, limit=5_000)
    looks = []
    while log.position < log.end:
        looks.append(sum(len(record.value or b"") for record in log.look()))
    assert sum(looks) == 20 * 4_000
    # One batch may come after the limit is almost reached.
    assert max(looks) <= 2 * 5_000


def test_what_is_no_compressed_data_is_stepped_over() -> None:
    for codec in CODECS[1:]:
        bad = batch(GOOD, codec=codec, payload=b"no such thing")
        found = Partition([(bad, 2), (batch(GOOD, base=3), 5)]).read()
        assert places(found) == list(range(6))
        assert f"is no {codec}" in unreadable(found)[0].unreadable
    found = Partition([(batch(GOOD, attributes=5), 2)]).read()
    assert "unknown codec, 5" in unreadable(found)[0].unreadable


CONTROL, TRANSACTIONAL, APPEND_TIME = 0x20, 0x10, 0x08


def mark(kind: int, base: int, producer: int) -> tuple[bytes, int]:
    """Return a broker's mark at the end of a transaction: 0 for aborted, 1 for committed."""
    key = struct.pack(">hh", 0, kind)
    raw = batch(
        [Plain(key=key, value=bytes(6))],
        base=base,
        attributes=CONTROL | TRANSACTIONAL,
        producer_id=producer,
    )
    return raw, base


def test_aborted_transactions_have_no_records_and_committed_ones_have() -> None:
    def of(producer: int, base: int) -> tuple[bytes, int]:
        attributes = TRANSACTIONAL
        return batch(GOOD, base=base, attributes=attributes, producer_id=producer), base + 2

    log = Partition(
        [of(1, 0), of(2, 3), mark(0, 6, 1), mark(1, 7, 2), of(1, 8), mark(1, 11, 1)],
        aborted=[(1, 0)],
    )
    assert [record.offset for record in log.read()] == [3, 4, 5, 8, 9, 10]
    assert log.position == 12


@pytest.mark.parametrize("key", [None, b"", b"\0\0\0", b"\xff" * 9])
def test_a_mark_that_is_none_is_passed_over(key: bytes | None) -> None:
    odd = batch([Plain(key=key)], attributes=CONTROL, producer_id=4)
    assert values(Partition([(odd, 0), (batch(GOOD, base=1), 3)]).read()) == [
        b"zero",
        b"one",
        b"two",
    ]


@pytest.mark.parametrize(
    ("attributes", "first", "most", "told"),
    [
        (0, 5, 9, [5, 8]),
        (APPEND_TIME, 5, 9, [9, 9]),
        (0, -1, -1, [-1, 2]),
        (APPEND_TIME, 0, -1, [-1, -1]),
    ],
)
@pytest.mark.parametrize("name", [b"a", b"\xff"])
def test_both_kinds_of_time_are_read_also_with_care(
    attributes: int, first: int, most: int, told: list[int], name: bytes
) -> None:
    records = [Plain(headers=[(name, b"")]), Plain(later=3)]
    raw = batch(records, attributes=attributes, first_timestamp=first, max_timestamp=most)
    assert [record.timestamp for record in Partition([(raw, 1)]).read()] == told


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [0, 1, 2])
def test_messages_of_the_old_versions_are_read(magic: Any, codec: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, codec, 1 << 20)
    for offset in range(3):
        builder.append(offset, timestamp=1, key=b"k", value=b"v%d" % offset)
    raw = bytes(builder.build())
    if codec:
        # Brokers give such a message the offset of the last in it.
        raw = struct.pack(">q", 2) + raw[8:]
    assert values(Partition([(raw, 2)]).read()) == [b"v0", b"v1", b"v2"]
    if codec:
        found = Partition([(raw, 2), (batch(GOOD, base=3), 5)], limit=40).read()
        assert places(found) == list(range(6))
        assert "more than 40 bytes" in unreadable(found)[0].unreadable


@pytest.mark.parametrize("raw", [b"\0", b"\0" * 11, b"\0" * 12, b"\xff" * 70, b"\0" * 200])
def test_bytes_that_are_no_batch_are_fetched_twice_and_stepped_over(raw: bytes) -> None:
    log = Partition([(raw, 0)])
    [letter] = log.read()
    assert isinstance(letter, UnreadableRecord)
    assert log.fetches == 2


contents = st.none() | st.binary(max_size=40) | st.sampled_from([3_000, 70_000]).map(bytes)
names = st.binary(max_size=6) | st.sampled_from([b"ce_id", b"ce_id", b"\xff"])
records = st.builds(
    Plain,
    key=contents,
    value=contents,
    headers=st.lists(st.tuples(names, st.none() | st.binary(max_size=20)), max_size=4),
    later=st.integers(-(2**62), 2**62) | st.integers(0, 5),
)
garbled = st.builds(Plain, body=st.binary(max_size=60)) | st.builds(
    Plain, value=st.binary(max_size=9), length=st.integers(-3, 90)
)
odd = st.builds(Plain, value=st.binary(max_size=9), delta=st.integers(-(2**31), 2**31))
kinds: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    codec=st.sampled_from([*CODECS, "xerial"]),
    attributes=st.sampled_from([0, APPEND_TIME]),
    first_timestamp=st.integers(-(2**63), 2**63 - 1) | st.just(0),
    max_timestamp=st.integers(-(2**63), 2**63 - 1) | st.just(0),
    checked=st.sampled_from([True, True, True, False]),
)


@given(
    st.lists(
        st.tuples(st.lists(records | records | garbled | odd, min_size=1, max_size=6), kinds),
        min_size=1,
        max_size=5,
    ),
    st.none() | st.integers(1, 3),
)
def test_each_offset_is_accounted_for_once_and_what_is_whole_is_read(
    logs: list[tuple[list[Plain], dict[str, Any]]], most: int | None
) -> None:
    batches, base, whole = [], 0, set()
    for content, kind in logs:
        batches.append((batch(content, base=base, **kind), base + len(content) - 1))
        for index, record in enumerate(content):
            if record.body is not None or record.length is not None:
                # It may hide those behind it in its batch.
                break
            told = all(is_text(name) for name, _ in record.headers) and record.delta in (
                None,
                index,
            )
            if kind["checked"] and told:
                whole.add(base + index)
        base += len(content)
    found = Partition(batches, limit=3_000_000).read(most)
    assert places(found) == list(range(base))
    taken = {record.offset for record in found} - {letter.offset for letter in unreadable(found)}
    assert whole <= taken


def is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(
    st.lists(records, min_size=1, max_size=4),
    kinds,
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    st.booleans(),
)
@example([Plain(value=b"a")], {"codec": "none"}, [(57, 127)], True)
def test_any_byte_may_be_wrong_and_what_is_behind_is_read(
    content: list[Plain], kind: dict[str, Any], changes: list[tuple[int, int]], mended: bool
) -> None:
    raw = bytearray(batch(content, **kind | {"checked": True}))
    for at, byte in changes:
        # Where a batch begins and how long it is the broker says.
        raw[16 + at % (len(raw) - 16)] = byte
    if mended:
        raw = bytearray(with_checksum(bytes(raw)))
    last = len(content) - 1
    log = Partition([(bytes(raw), last), (batch(GOOD, base=last + 1), last + 3)])
    found = log.read()
    assert values(found)[-3:] == [b"zero", b"one", b"two"] or log.position > last + 4
    offsets = places(found)
    assert offsets == sorted(set(offsets))
