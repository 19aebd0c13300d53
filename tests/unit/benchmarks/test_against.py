"""Two builds take turns, and each round is compared with itself."""

from pathlib import Path

import pytest

from benchmarks import against
from benchmarks.against import Build


def test_each_round_is_compared_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def measure(build: Build, calls: int, batch_size: int) -> dict[str, float]:
        assert (calls, batch_size) == (10, 5)
        ran.append(build.name)
        # The machine slows down for both, and ours takes a tenth more.
        slow = 1 + (len(ran) - 1) // 2
        us = slow * (110 if build.name == "ours" else 100)
        return {"cpu_us_per_call": us, "calls_per_second": 1e6 / us}

    monkeypatch.setattr(against, "_measure", measure)
    builds = [Build(name, Path(), Path()) for name in ("ours", "earlier")]
    found = against.compare(builds, rounds=3, calls=10, batch_size=5)
    assert ran == ["earlier", "ours", "ours", "earlier", "earlier", "ours"]
    assert found["cpu_us_per_call"]["ours"]["values"] == [110, 220, 330]
    assert found["cpu_us_per_call"]["ratio"]["values"] == pytest.approx([1.1, 1.1, 1.1])
    assert found["calls_per_second"]["ratio"]["median"] == pytest.approx(1 / 1.1)
