"""What the READMEs show is so: their examples run, their tables are the program's."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from dispatch.cli import COMMANDS
from dispatch.metrics import Metrics
from dispatch.policy.pack import load_pack, pack_names
from dispatch.settings import Settings, load_settings
from dispatch.stack.addresses import free_port
from dispatch.topics import TOPICS
from tests.acceptance.verdict import judge_running

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh.md")
# Both have the same examples.
ON_A_STACK = pytest.mark.parametrize(
    "page",
    [READMES[0], pytest.param(READMES[1], marks=pytest.mark.thorough)],
    indirect=True,
    scope="module",
)
PAGES = sorted(
    page.relative_to(ROOT).as_posix() for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
)
DEADLINE = 60.0  # seconds
HEALTH = "http://127.0.0.1:9464"

_BLOCK = re.compile(
    r"<!-- (?P<mark>run|run until shown|run on Apache Kafka|file: (?P<file>\S+)) -->\n"
    r"```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@dataclass(frozen=True)
class Example:
    """A command of a README, and what it shows; `…` stands for anything, alone for any lines."""

    command: str
    shown: tuple[str, ...]
    endless: bool = False
    on_apache_kafka: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        parts = []
        for line in self.shown:
            if line.strip() == "…":
                parts.append(r"(?:.*\n)*?")
            else:
                parts.append(".*?".join(map(re.escape, line.split("…"))) + r"\s*\n")
        return re.compile("".join(parts))


@cache
def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def files(page: str) -> dict[str, str]:
    return {found["file"]: found["body"] for found in _BLOCK.finditer(read(page)) if found["file"]}


def examples(page: str) -> list[Example]:
    found = []
    for block in _BLOCK.finditer(read(page)):
        if block["file"]:
            continue
        assert block["language"] == "console"
        for part in re.split(r"^\$ ", block["body"], flags=re.MULTILINE)[1:]:
            command, _, output = re.sub(r" \\\n\s*", " ", part).partition("\n")
            found.append(
                Example(
                    command,
                    tuple(output.splitlines()),
                    endless=block["mark"].endswith("shown"),
                    on_apache_kafka=block["mark"].endswith("Kafka"),
                )
            )
    return found


def rows(page: str, first: str) -> list[list[str]]:
    """Return the rows of the tables whose first column has such text, cell by cell."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in read(page).splitlines()
        if line.startswith("|")
    ]
    return [row for row in cells if re.fullmatch(first, row[0])]


class Up:
    """`dispatch up`, in a folder of its own."""

    def __init__(self, folder: Path, language: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DISPATCH_DATA_DIR": str(folder / "data"),
            # The default may be free now and another test's when the worker listens.
            "DISPATCH_WEB__PORT": str(free_port("127.0.0.1")),
            "DISPATCH_LANG": language,
            "PYTHONUTF8": "1",
            "COLUMNS": "100",
        }
        kcat = folder / "kcat"
        kcat.write_text(
            f"#!/bin/sh\nexec {shlex.quote(sys.executable)} "
            f'{shlex.quote(str(Path(__file__).with_name("kcat.py")))} "$@"\n'
        )
        kcat.chmod(0o755)
        self._output = (folder / "up.log").open("wb")
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("dispatch"), "up"],
            env=self.environment,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        """Wait for the addresses that it prints."""
        deadline = time.monotonic() + DEADLINE
        while "dispatch tail" not in self.said():
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        addresses = json.loads((self.folder / "data" / "stack.json").read_text())
        self.environment["KAFKA"] = addresses["bootstrap"]

    @property
    def health(self) -> str:
        """Where this one serves what the READMEs have at the default address."""
        found = re.search(r"http://[\d.]+:\d+", self.said())
        assert found
        return found[0]

    def said(self) -> str:
        return (self.folder / "up.log").read_text(encoding="utf-8")

    def stop(self) -> int:
        """End it as Ctrl-C does; return its status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(90)
        finally:
            self._output.close()
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def run(self, example: Example) -> str:
        """Run an example in the shell, an endless one until it has shown what it should."""
        output = ""
        with subprocess.Popen(
            ["bash", "-c", example.command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            timer = threading.Timer(DEADLINE, os.killpg, (process.pid, signal.SIGKILL))
            timer.start()
            assert process.stdout is not None
            for line in process.stdout:
                output += line.decode()
                if example.endless and example.pattern.match(output):
                    os.killpg(process.pid, signal.SIGTERM)
                    break
            process.wait()
            timer.cancel()
        return output


@pytest.fixture(scope="module", params=READMES)
def page(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def up(page: str) -> Iterator[Up]:
    with running_up("zh" if ".zh." in page else "en") as running:
        yield running


@contextmanager
def running_up(language: str) -> Iterator[Up]:
    """Yield `dispatch up` that is ready, and judge what it did when its reader is done."""
    with tempfile.TemporaryDirectory(prefix="readme-") as folder:
        # As root, PostgreSQL runs as another account, which must pass through.
        Path(folder).chmod(0o711)
        running = Up(Path(folder), language)
        try:
            running.wait_until_ready()
            yield running
            judge_running(Path(folder) / "data")
        finally:
            status = running.stop()
        assert status == 0, running.said()


@ON_A_STACK
def test_the_examples_show_what_they_say(up: Up, page: str) -> None:
    for name, content in files(page).items():
        (up.folder / name).write_text(content, encoding="utf-8")
    found = examples(page)
    assert len(found) >= 10
    for example in found:
        output = up.run(example)
        matches = example.pattern.match if example.endless else example.pattern.fullmatch
        assert matches(output), f"$ {example.command}\n{output}\nis not\n" + "\n".join(
            example.shown
        )


@ON_A_STACK
def test_the_call_of_the_examples_is_of_now_and_breaches_no_limit(up: Up) -> None:
    listed = up.run(Example("dispatch clocks --all --kind accepted_to_order --json", ()))
    clocks = [json.loads(line) for line in listed.splitlines()]
    (own,) = (clock for clock in clocks if clock["owner"] == "call-7")
    assert not own["breached"]


@ON_A_STACK
def test_the_health_pages_are_there(up: Up, page: str) -> None:
    assert HEALTH in read(page)
    for name in ("/livez", "/readyz", "/metrics"):
        assert f"`{name}`" in read(page)
        with urllib.request.urlopen(up.health + name, timeout=10) as answer:
            assert answer.status == 200


def test_the_metrics_are_those_of_the_service(page: str) -> None:
    served = Metrics().render().decode()
    named = re.findall(r"`(dispatch_\w+)`", read(page))
    assert len(named) >= 8
    for name in named:
        assert re.search(rf"^# TYPE {name} ", served, re.MULTILINE), name


def test_the_topic_table_is_the_registry(page: str) -> None:
    table = {row[0].strip("`"): row for row in rows(page, r"`[a-z-]+`") if len(row) == 4}
    assert list(table) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        events = [event.event_type for event in topic.events]
        assert table[topic.name][3] == " ".join(f"`{event}`" for event in events)


def test_the_decision_table_is_the_default_pack(page: str) -> None:
    pack = load_pack("covid-19")
    table = rows(page, r"R\d[A-Z]?")
    assert [row[0] for row in table] == [rule.id for rule in pack.rules]
    for row in table:
        rule = pack.rule(row[0])
        destinations = [each for each in (rule.destination, rule.destination_if_critical) if each]
        assert re.findall(r"[a-z]+", row[2]) == ([rule.crew] if rule.crew else [])
        assert re.findall(r"[a-z]+", row[3]) == ([rule.ppe] if rule.ppe else [])
        assert re.findall(r"[a-z]+_[a-z_]+", row[4]) == destinations
        assert re.findall(r"[a-z]+", row[5]) == ([rule.disinfection] if rule.disinfection else [])


def test_every_command_is_named(page: str) -> None:
    named = re.findall(r"`dispatch ([a-z]+)`", " ".join("|".join(r) for r in rows(page, ".*")))
    assert named == list(COMMANDS)


def test_every_pack_is_named(page: str) -> None:
    for name in pack_names():
        assert f"`{name}`" in read(page)


def test_both_readmes_have_the_same_examples() -> None:
    english, chinese = (
        [(example.command, len(example.shown)) for example in examples(name)] for name in READMES
    )
    plain = re.compile(r'"[^"]*"')
    assert [plain.sub("", command) for command, _ in english] == [
        plain.sub("", command) for command, _ in chinese
    ]
    assert files("README.md").keys() == files("README.zh.md").keys()


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files(name: str) -> None:
    for target in _LINK.findall(read(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), target


def test_the_page_of_settings_names_them_all() -> None:
    named = {row[0].strip("`") for row in rows("docs/settings.md", r"`.*`")}
    assert named == set(settings_of(Settings))


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from settings_of(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_the_settings_file_is_accepted(tmp_path: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", read("docs/settings.md"), re.DOTALL)
    for path in re.findall(r'"(/(?:etc|run)/[^"]+)"', toml):
        here = tmp_path / Path(path).name
        here.write_text("secret\n")
        toml = toml.replace(f'"{path}"', f'"{here}"')
    file = tmp_path / "dispatch.toml"
    file.write_text(toml)
    settings = load_settings(file)
    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.database.connect_options()["password"] == "secret"
