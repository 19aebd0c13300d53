"""Files that no reader should choke on: each gives one clear line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dispatch.cli import run
from dispatch.errors import DispatchError
from dispatch.planning.scenario import read_scenario
from dispatch.policy.pack import PACKS, load_pack
from dispatch.settings import load_settings
from dispatch.simulation.recorded import read_jsonl
from dispatch.store.plan import read_plan
from dispatch.topic_admin.promise import wanted_topics

READERS: dict[str, Callable[[Path], Any]] = {
    "settings": load_settings,
    "scenario": lambda path: read_scenario(str(path)),
    "pack": lambda path: load_pack(str(path)),
    "plan": read_plan,
    "topics": lambda path: wanted_topics("dispatch.", {}, 3, path),
}
DEEP = 5_000
BAD = {
    "deep list": "a = " + "[" * DEEP + "]" * DEEP,
    "deep table": "a = " + "{a = " * DEEP + "1" + "}" * DEEP,
    "deep key": ".".join(["a"] * DEEP) + " = 1",
    "deep heading": "[" + ".".join(["a"] * DEEP) + "]",
    "long number": "a = " + "9" * 5_000,
    "escapes": '"\\u001b[2J\\n" = 1',
    "control": "a = '\x00'",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
@pytest.mark.parametrize("reader", READERS)
def test_a_bad_toml_file_gives_one_line(reader: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DispatchError) as refused:
        READERS[reader](path)
    assert str(refused.value).startswith(str(path))
    assert len(refused.value.lines) == 1


@pytest.mark.parametrize("arguments", [["decide"], ["call"], ["transfers", "batch"]])
@pytest.mark.parametrize("content", [b"[" * 90_000, b'{"a":' * 40_000, b"9" * 9_000])
def test_a_deep_json_file_gives_one_line(
    arguments: list[str], content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep.json"
    path.write_bytes(content)
    assert run([*arguments, str(path)]) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert (said.out + said.err).count("body") == 1


def test_a_deep_line_of_a_record_gives_one_line(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b"[" * 90_000 + b"\n")
    with pytest.raises(DispatchError, match="line 1: body: is nested too deeply"):
        read_jsonl(path)


def test_what_an_error_quotes_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pack.toml"
    whole = (PACKS / "covid-19.toml").read_text(encoding="utf-8")
    path.write_text('"\\u001b[2J\\nfine\\u202e" = 1\n' + whole, encoding="utf-8")
    assert run(["policy", "check", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert "\\x1b[2J\\nfine\\u202e" in line
