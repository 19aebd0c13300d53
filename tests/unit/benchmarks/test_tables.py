from benchmarks.suite import BENCHES, DEFAULT
from benchmarks.tables import SHEETS, as_markdown


def test_every_bench_has_its_table() -> None:
    assert set(SHEETS) == set(BENCHES)
    assert set(DEFAULT) < set(BENCHES)


def test_tables_are_written_as_markdown() -> None:
    found = {"outputs": {"sides": ["ours", "plain"], "calls": 30, "events": 213}}
    assert as_markdown(found).splitlines()[2:] == [
        "| sides | calls | events |",
        "| --- | ---: | ---: |",
        "| ours, plain | 30 | 213 |",
    ]
