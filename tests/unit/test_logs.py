"""Logs: what a line quotes is text, and what nobody caught comes out too."""

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from dispatch.logs import configure

HOSTILE = "\x1b[2J\u202e\u2028\x9b\n12-23 08:00:00 [info] call decided"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.usefixtures("root")
def test_what_a_line_quotes_is_text(log_format: str) -> None:
    stream = io.StringIO()
    configure(log_format, "info", stream)  # type: ignore[arg-type]
    structlog.get_logger("dispatch").info(HOSTILE, said=HOSTILE, more={HOSTILE: [HOSTILE]})
    logging.getLogger("aiokafka").warning("lost %s", HOSTILE)
    lines = stream.getvalue().split("\n")
    assert len(lines) == 3
    for line in lines:
        assert line.isprintable()


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.usefixtures("root")
def test_what_an_exception_says_begins_no_line(log_format: str) -> None:
    stream = io.StringIO()
    configure(log_format, "info", stream)  # type: ignore[arg-type]
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        structlog.get_logger("dispatch").exception("failed")
    for line in stream.getvalue().split("\n"):
        assert line.isprintable()
        assert not line.startswith("12-23")


def test_a_line_that_cannot_be_shown_is_told_of_and_ends_nothing(
    root: logging.Logger, tmp_path: Path
) -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with (tmp_path / "log").open("w+", encoding="utf-8") as stream:
        configure("json", "info", stream)
        structlog.get_logger("dispatch").info("deep", deep=deep)
        root.handlers[0].flush()
        stream.seek(0)
        assert stream.read() == "dispatch: a line that can't be shown: RecursionError\n"


PROGRAM = """
import sys, threading
from dispatch import logs
logs.configure("json")
{0}
"""


def run(program: str) -> tuple[int, list[dict[str, str]]]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(program)], capture_output=True, check=False
    )
    return ended.returncode, [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        ("raise ValueError('张三 13800138000')", 1, "ended by an error"),
        (
            "t = threading.Thread(target=lambda: int('张三')); t.start(); t.join()",
            0,
            "a thread ended by an error",
        ),
        (
            "class A:\n  def __del__(self): int('张三')\nA()",
            0,
            "an error that nobody can catch",
        ),
    ],
)
def test_what_nobody_caught_is_logged_and_masked(program: str, status: int, said: str) -> None:
    code, (line,) = run(program)
    assert code == status
    assert line["event"] == said
    assert "ValueError: " in line["exception"]
    assert "张三" not in str(line)


def test_a_process_ends_although_nobody_reads_its_log() -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, b"x" * 1_024)
    os.set_blocking(writes, True)
    program = PROGRAM.format(
        "import structlog\n"
        "for n in range(40_000): structlog.get_logger('dispatch').info('line', n=n)\n"
        "from dispatch.log_writer import dropped_lines\n"
        "print(dropped_lines())\n"
        "raise ValueError"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=writes
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.read()) > 1_000
        assert process.wait(30) == 1
    os.close(writes)
    os.close(reads)
