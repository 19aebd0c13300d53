"""What lies on another partition than its key's is counted, and told of a source once an hour."""

import zlib
from types import SimpleNamespace
from typing import Any

from structlog.testing import capture_logs

from dispatch.agents.misplaced import AGAIN, LONGEST, REMEMBERED, Misplaced
from dispatch.kafka.placement import number_of
from dispatch.metrics import Metrics

PARTITIONS = 12
KEYS = [f"call-{number}".encode() for number in range(200)]


def record(key: bytes | None, partition: int, source: bytes | None = b"console-1") -> Any:
    headers = () if source is None else (("ce_source", source),)
    return SimpleNamespace(
        topic="t.calls", partition=partition, key=key, headers=headers, value=b"{}"
    )


def counted(metrics: Metrics) -> float:
    name = "dispatch_misplaced_inputs_total"
    found = metrics.registry.get_sample_value(name, {"topic": "t.calls"})
    assert found is not None
    return found


def test_the_places_are_those_that_java_has() -> None:
    # `Utils.toPositive(Utils.murmur2(key))` of Apache Kafka's clients.
    assert number_of(b"21") == -973932308 & 0x7FFFFFFF
    assert number_of(b"foobar") == -790332482 & 0x7FFFFFFF
    assert number_of(b"a-little-bit-long-string") == -985981536 & 0x7FFFFFFF


def test_what_java_places_and_what_has_no_key_is_not_counted() -> None:
    metrics = Metrics()
    watch = Misplaced("t.calls", metrics)
    # From the start: to Prometheus, a series that begins with its first has not increased.
    assert counted(metrics) == 0
    watch.look([record(key, number_of(key) % PARTITIONS) for key in KEYS], PARTITIONS)
    watch.look([record(None, 3), record(b"", 4)], PARTITIONS)
    watch.look([record(KEYS[0], 11)], 0)
    assert counted(metrics) == 0


def test_what_crc32_places_is_counted_and_told_once_an_hour() -> None:
    metrics, clock = Metrics(), [0.0]
    watch = Misplaced("t.calls", metrics, lambda: clock[0])
    records = [record(key, zlib.crc32(key) % PARTITIONS) for key in KEYS]
    elsewhere = sum(number_of(each.key) % PARTITIONS != each.partition for each in records)
    assert elsewhere > 150
    with capture_logs() as said:
        watch.look(records, PARTITIONS)
        clock[0] = AGAIN - 1
        watch.look(records, PARTITIONS)
        watch.look([record(KEYS[0], 0, b"console-2"), record(KEYS[1], 0, None)], PARTITIONS)
    told = [(each["source"], each["log_level"]) for each in said]
    assert told == [("console-1", "warning"), ("console-2", "warning"), ("", "warning")]
    assert said[0]["number"] == elsewhere
    with capture_logs() as said:
        clock[0] = AGAIN
        watch.look(records, PARTITIONS)
    assert [each["source"] for each in said] == ["console-1"]
    assert counted(metrics) == 3 * elsewhere + 2


def test_made_up_sources_are_not_kept_without_end() -> None:
    partition = 0
    watch = Misplaced("t.calls", Metrics())
    key = next(each for each in KEYS if number_of(each) % PARTITIONS != partition)
    with capture_logs():
        for number in range(REMEMBERED + 5):
            watch.look([record(key, partition, f"s-{number}".encode())], PARTITIONS)
    assert len(watch._said) <= REMEMBERED


def test_a_key_that_is_no_id_costs_nothing() -> None:
    metrics = Metrics()
    watch = Misplaced("t.calls", metrics)
    for partition in range(PARTITIONS):
        watch.look([record(b"x" * (LONGEST + 1), partition)], PARTITIONS)
    assert counted(metrics) == 0
    number_of.cache_clear()
    watch.look([record(b"x" * 30_000_000, 1)], PARTITIONS)
    assert number_of.cache_info().currsize == 0


def test_of_more_sources_than_are_remembered_nothing_is_said_for_an_hour() -> None:
    time = [0.0]
    watch = Misplaced("t.calls", Metrics(), lambda: time[0])
    key = next(each for each in KEYS if number_of(each) % PARTITIONS)

    def said(name: str) -> int:
        with capture_logs() as lines:
            for number in range(REMEMBERED):
                watch.look([record(key, 0, f"{name}-{number}".encode())], PARTITIONS)
        return len(lines)

    assert (said("a"), said("b")) == (REMEMBERED, 0)
    time[0] = AGAIN
    assert said("c") == REMEMBERED


def test_a_source_is_told_as_far_as_it_is_short() -> None:
    watch = Misplaced("t.calls", Metrics())
    key = next(each for each in KEYS if number_of(each) % PARTITIONS)
    with capture_logs() as lines:
        watch.look([record(key, 0, b"s" * 500_000)], PARTITIONS)
    assert len(lines[0]["source"]) < 500
