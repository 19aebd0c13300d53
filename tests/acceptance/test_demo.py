import json
import subprocess
import sys

LIMIT = 280.0  # seconds, on a slow machine that runs the other tests too


def test_the_demo_tells_every_story_and_holds_every_invariant() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dispatch", "--lang", "en", "demo", "--fast", "--json"],
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    summary = json.loads(done.stdout)
    assert summary["ok"] is True
    assert list(summary["rules"]) == [
        *("R1", "R2", "R3", "R4", "R5T", "R5W", "R5", "R6", "R7", "R8", "R8U", "R8N", "R9"),
    ]
    assert all(count >= 1 for count in summary["rules"].values())
    assert len(summary["stories"]) >= 25
    assert all(summary["stories"].values())
    assert 60 <= summary["calls"] <= 100
    assert all(summary[name] >= 1 for name in ("linked", "swaps", "handovers", "disinfections"))
    assert summary["rejected"] == sum(summary["bad_inputs"].values()) + 2
    assert (summary["double_booked"], summary["lost"], summary["violations"]) == (0, 0, [])
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]
