"""Where no disk can be mounted for the event log, the bench says so and goes on."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.bench import Load
from tests.faults.disk import NoDiskError, _mount
from tests.faults.faults import Injector
from tests.faults.kinds import Kind
from tests.faults.report import as_json, as_text
from tests.faults.run import Outcome, Plan


async def test_what_cant_be_injected_is_said() -> None:
    bench: Any = SimpleNamespace(disk=None, prefix="", stack=SimpleNamespace(bootstrap=""))
    said: list[str] = []
    injector = Injector(bench, 1, (), said.append)
    await injector.inject(Kind.FULL_DISK)
    assert injector.injected == []
    assert said == ["NOT INJECTED: no room on the event log's disk"]
    load = Load(calls=1, rate=1, speed=1, units=1)
    outcome = Outcome(Plan(load, (Kind.FULL_DISK,), 1), left_out=injector.left_out)
    assert "NOT INJECTED, as it can't be here: 1 times no room on the event" in as_text(outcome)
    assert '"not_injected": [\n      "no room on the event' in as_json({"faults": outcome})


def test_a_machine_without_the_programs_has_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoDiskError, match=r"mkfs\.ext4 is not here"):
        _mount(tmp_path / "image", tmp_path / "root")
