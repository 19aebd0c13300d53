from pathlib import Path

import pytest

from benchmarks.quality.record import Record
from benchmarks.quality.responses import Waits, waits_of
from benchmarks.quality.rules import RuleDispatcher
from benchmarks.quality.service import ServiceDispatcher, Setting
from benchmarks.quality.study import PLAIN, RULES
from benchmarks.quality.world import Dispatcher, World
from tests.unit.benchmarks.quality.invented import PACK, drawn, plain, read


@pytest.fixture
def busy(tmp_path: Path) -> Record:
    """Return two days with more calls than crews can always serve at once."""
    return read(tmp_path, drawn(days=2, calls_a_day=110, crews=6, seed=4))


def served(record: Record, dispatcher: Dispatcher) -> Waits:
    return waits_of(record.runs, World(record, plain(), dispatcher, seed=1).play())


def test_the_service_sends_the_nearest_and_serves_the_gravest_first(busy: Record) -> None:
    service = ServiceDispatcher(PACK, Setting(take_over=False), seed=1)
    assert served(busy, service) == served(busy, RuleDispatcher(RULES[PLAIN]))
    assert service.counts["queued"] > 10
    assert service.counts["withdrawn"] > 3
    assert service.counts["asked"] == service.counts["disinfected"] == 0


def test_an_epidemic_asks_disinfects_and_takes_longer(busy: Record) -> None:
    service = ServiceDispatcher(PACK, Setting(mode="epidemic", epidemic=True), seed=1)
    ill = served(busy, service)
    well = served(busy, ServiceDispatcher(PACK, Setting(), seed=1))
    assert ill.from_call.keys() == well.from_call.keys()
    assert service.counts["asked"] > 10
    assert service.counts["disinfected"] > 10
    assert service.counts["transfer_crews"] > 0
    assert sum(ill.from_call.values()) > sum(well.from_call.values())


def test_districts_change_who_goes(busy: Record) -> None:
    whole = served(busy, ServiceDispatcher(PACK, Setting(), seed=1))
    parted = served(busy, ServiceDispatcher(PACK, Setting(districts="four"), seed=1))
    assert whole.from_call.keys() == parted.from_call.keys()
    assert whole != parted
