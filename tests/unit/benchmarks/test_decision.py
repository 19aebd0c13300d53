"""Decisions without Kafka and database: rates, and what those that are kept hold in memory."""

import json
from dataclasses import asdict

import pytest

from benchmarks.decision import measure


@pytest.mark.parametrize("pack", ["covid-19", "influenza-a-h1n1-2009"])
def test_the_figures_are_of_the_pack_asked_for_and_of_whole_decisions(pack: str) -> None:
    figures = measure(decisions=500, rounds=1, pack=pack)
    assert (figures.pack, figures.decisions) == (pack, 500)
    assert figures.per_second > 0
    assert figures.per_second_with_json > 0
    # No decision is smaller than its own inputs.
    assert figures.bytes_per_million > 100_000_000
    assert json.loads(json.dumps(asdict(figures)))["pack"] == pack
