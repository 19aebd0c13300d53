"""What docs/integration.md shows is so: its examples run, in each of their languages."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dispatch.stack.embedded import Stack
from tests.acceptance.service import Service, open_service
from tests.acceptance.test_readme import DEADLINE, Example, examples, files, running_up
from tests.apache_kafka import ApacheKafka, fetch
from tests.javascript import packages

PAGE = "docs/integration.md"
FILES = files(PAGE)
EXAMPLES = examples(PAGE)
# As the page has it. No other test has topics of this name on the brokers that tests share.
PREFIX = "dispatch."


def test_the_page_has_an_example_in_each_language() -> None:
    assert sorted(Path(name).suffix for name in FILES) == [".java", ".js", ".py"]
    assert [example.command.split()[0] for example in EXAMPLES] == ["python", "java", "node"]
    assert [example.on_apache_kafka for example in EXAMPLES] == [False, True, True]


@pytest.mark.thorough
def test_the_example_for_every_broker_runs_on_the_embedded_one() -> None:
    with running_up("en") as up:
        write_files(up.folder)
        for example in EXAMPLES:
            if not example.on_apache_kafka:
                output = up.run(example)
                assert example.pattern.fullmatch(output), output


@pytest.fixture
async def service(
    stack: Stack, migrated: str, data_dir: Path, apache_kafka: ApacheKafka
) -> AsyncIterator[Service]:
    assert apache_kafka.replication == 3
    async with open_service(stack, migrated, PREFIX, data_dir, units=4) as service:
        service.start_worker()
        yield service


async def test_the_examples_run_on_apache_kafka(service: Service) -> None:
    write_files(service.folder)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KAFKA": service.stack.bootstrap,
        "KAFKA_JARS": str(fetch()),
    }
    left_out = ""
    for example in EXAMPLES:
        if example.command.startswith("node"):
            try:
                environment["NODE_PATH"] = str(packages())
            except pytest.skip.Exception as skipped:
                left_out = str(skipped)
                continue
        await run(example, service.folder, environment)
    # At last, so that the others have run.
    if left_out:
        pytest.skip(left_out)


async def run(example: Example, folder: Path, environment: dict[str, str]) -> None:
    """Run an example, and compare what it writes to standard output."""
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", example.command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert example.pattern.fullmatch(done.stdout), f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, done.stderr


def write_files(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
