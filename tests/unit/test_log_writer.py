"""The log's writer: it waits for whoever reads; those who log don't."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dispatch import log_writer
from dispatch.log_writer import LineWriter, dropped_lines

PATIENCE = 20.0  # seconds


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reads, writes = os.pipe()
    yield reads, writes
    for descriptor in (reads, writes):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def tell(number: int) -> str:
    return f"{number} dropped"


def fill(descriptor: int) -> int:
    """Fill a pipe; return how many bytes it took."""
    os.set_blocking(descriptor, False)
    size = 0
    try:
        while True:
            size += os.write(descriptor, b"x" * 1_024)
    except BlockingIOError:
        os.set_blocking(descriptor, True)
    return size


def read(descriptor: int, enough: Callable[[bytes], bool]) -> bytes:
    found = b""
    while not enough(found):
        found += os.read(descriptor, 65_536)
    return found


def test_lines_come_out_in_their_order(pipe: tuple[int, int]) -> None:
    reads, writes = pipe
    writer = LineWriter(writes, tell)
    for number in range(1_000):
        writer.write(f"line {number}")
    writer.flush()
    assert read(reads, lambda found: found.endswith(b"line 999\n")).decode().splitlines() == [
        f"line {number}" for number in range(1_000)
    ]


def test_nobody_waits_for_a_full_pipe_and_what_was_dropped_is_told(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "WAITING", 1_000)
    reads, writes = pipe
    size = fill(writes)
    before = dropped_lines()
    writer = LineWriter(writes, tell)
    for number in range(200):
        writer.write(f"line {number:03}")
    assert dropped_lines() - before == 200 - 1_000 // 9
    writer.flush(0.05)
    lines = read(reads, lambda found: b"dropped\n" in found)[size:].decode().splitlines()
    assert lines == [*(f"line {number:03}" for number in range(111)), "89 dropped"]
    writer.write("afterwards")
    assert read(reads, bool) == b"afterwards\n"


def test_what_was_dropped_is_told_before_what_comes_after(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "WAITING", 100)
    reads, writes = pipe
    size = fill(writes)
    writer = LineWriter(writes, tell)
    for _ in range(20):
        writer.write("123456789")
    found = os.read(reads, size)
    # Something is written while somebody logs: the account stands between.
    until(lambda: writer._done > 0)
    writer.write("later")
    found += read(reads, lambda more: b"later\n" in more)
    lines = found[size:].decode().splitlines()
    assert lines == ["123456789"] * 10 + ["10 dropped", "later"]


def test_a_reader_that_has_gone_is_no_error_and_no_loop(pipe: tuple[int, int]) -> None:
    reads, writes = pipe
    os.close(reads)
    before = dropped_lines()
    writer = LineWriter(writes, tell)
    for number in range(5):
        writer.write(f"line {number}")
        writer.flush()
    assert dropped_lines() - before == 5
    assert writer._done == writer._taken


def test_a_descriptor_that_does_not_block_is_written_to_when_it_can(
    pipe: tuple[int, int],
) -> None:
    reads, writes = pipe
    size = fill(writes)
    os.set_blocking(writes, False)
    writer = LineWriter(writes, tell)
    writer.write("line")
    found = read(reads, lambda more: len(more) > size)
    assert found[size:] == b"line\n"


def test_the_writer_ends_with_the_process() -> None:
    names = {thread.name: thread.daemon for thread in threading.enumerate()}
    assert names["log writer"]


def test_what_is_no_unicode_is_written_too(pipe: tuple[int, int]) -> None:
    reads, writes = pipe
    LineWriter(writes, tell).write("\ud800")
    assert read(reads, bool) == b"\\ud800\n"
