import json
import subprocess
import sys

import pytest

LIMIT = 280.0  # seconds, on a slow machine that runs the other tests too


@pytest.mark.thorough
def test_the_intake_of_jinzhou_brings_everybody_to_a_bed_that_suits_them() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dispatch", "--lang", "en"),
            *("demo", "--scenario", "jinzhou", "--fast", "--json"),
        ],
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    summary = json.loads(done.stdout)
    assert summary["ok"] is True
    assert all(summary["stories"].values())
    assert (summary["patients"], summary["in_beds"], summary["misplaced"]) == (107, 107, [])
    assert summary["beds"]["critical"] == {"icu": 3}
    assert (summary["double_booked"], summary["lost"], summary["violations"]) == (0, 0, [])
    assert summary["undisinfected"] == []
    assert summary["clocks"]["unaccounted"] == []
    assert len(summary["batches"]) == 27
    assert all(
        batch["bound"] <= batch["planned"] <= batch["realised"] for batch in summary["batches"]
    )
    zero = [each for each in summary["indicators"] if each["family"] == "zero"]
    assert zero
    assert all(each["value"] == 0 for each in zero)
