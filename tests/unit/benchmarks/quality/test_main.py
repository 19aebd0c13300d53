import json
from pathlib import Path

import pytest

from benchmarks.quality.__main__ import DATA_VARIABLE, main
from tests.unit.benchmarks.quality.invented import drawn, write


def test_the_command_prints_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, drawn(days=3, calls_a_day=70, crews=5, seed=6))
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    out, picture = tmp_path / "out.json", tmp_path / "out.svg"
    assert main(["--days", "2", "--seed", "3", "--json", str(out), "--picture", str(picture)]) == 0
    printed = capsys.readouterr()
    assert "Responses in seconds" in printed.out
    assert "done" in printed.err
    told = json.loads(out.read_text(encoding="utf-8"))
    assert (told["days"], told["seed"]) == (2, 3)
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


def test_a_folder_without_data_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "No such file" in capsys.readouterr().err


def test_the_data_must_be_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(SystemExit):
        main([])
    assert "DATA" in capsys.readouterr().err
