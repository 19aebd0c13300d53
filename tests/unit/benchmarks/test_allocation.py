"""The choice of a unit in growing fleets: what is measured, and that it does not grow with them."""

import json
from dataclasses import asdict

from benchmarks.allocation import measure


def test_a_choice_in_a_fleet_ten_times_as_large_looks_at_hardly_more_units() -> None:
    growth = measure((100, 1_000), choices=50)
    small, large = growth.choices
    assert (small.units, large.units) == (100, 1_000)
    assert 1 <= large.units_looked_at <= small.units_looked_at + 2
    assert growth.ratios == (large.median_ns / small.median_ns,)
    assert json.loads(json.dumps(asdict(growth)))["choices"][1]["units"] == 1_000
