"""The time is the database's: measured by the quickest answer, counted on, and never back."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from dispatch.store.database_clock import QUESTIONS, DatabaseClock

START = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)


@dataclass
class Machine:
    """A machine whose wall clock is ahead of the database's by some seconds."""

    ahead: float = 0.0
    database_ahead: float = 0.0
    seconds: float = 1_000.0
    ways: list[tuple[float, float]] = field(default_factory=list)
    """How long the next questions take there and back."""

    def wall(self) -> datetime:
        return self.true() + timedelta(seconds=self.ahead)

    def true(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    async def ask(self) -> datetime:
        there, back = self.ways.pop(0) if self.ways else (0.001, 0.001)
        self.seconds += there
        told = self.true() + timedelta(seconds=self.database_ahead)
        self.seconds += back
        return told

    def clock(self) -> DatabaseClock:
        return DatabaseClock(wall=self.wall, monotonic=lambda: self.seconds)


def seconds_off(clock: DatabaseClock, machine: Machine) -> float:
    return (clock.now() - machine.true()).total_seconds()


async def test_a_machine_that_is_fast_tells_the_databases_time() -> None:
    machine = Machine(ahead=90)
    clock = machine.clock()
    assert abs(await clock.measure(machine.ask) - 90) < 0.01
    machine.seconds += 600
    assert abs(seconds_off(clock, machine)) < 0.01
    # Whoever sets the machine's clock changes nothing.
    machine.ahead = -3_600
    assert abs(seconds_off(clock, machine)) < 0.01
    assert abs(await clock.measure(machine.ask) + 3_600) < 0.01


async def test_the_quickest_answer_counts() -> None:
    machine = Machine(ways=[(3.0, 0.0), (0.0, 2.0), (0.01, 0.01), (5.0, 0.0), (0.0, 1.0)])
    clock = machine.clock()
    assert len(machine.ways) == QUESTIONS
    assert abs(await clock.measure(machine.ask)) < 0.011
    assert abs(seconds_off(clock, machine)) < 0.011


async def test_a_slow_network_alone_is_no_wrong_clock() -> None:
    machine = Machine(ways=[(6.0, 0.0)] * QUESTIONS)
    with capture_logs() as logs:
        await machine.clock().measure(machine.ask)
    assert logs == []


async def test_a_wrong_clock_is_told_when_it_begins_and_when_it_ends() -> None:
    machine = Machine()
    clock = machine.clock()
    told = []
    for ahead in (0, 1.9, 2.1, 90, 0.5, -2.1):
        machine.ahead = ahead
        with capture_logs() as logs:
            await clock.measure(machine.ask)
        told += [(each["log_level"], each["ahead_seconds"]) for each in logs]
    assert told == [("error", 2.1), ("info", 0.5), ("error", -2.1)]


async def test_a_server_that_is_behind_is_followed_at_once_where_nothing_was_decided_later() -> (
    None
):
    machine = Machine()
    clock = machine.clock()
    await clock.measure(machine.ask)
    # Another server has taken over, and its clock is ninety seconds behind.
    behind = machine.true() - timedelta(seconds=90)
    clock.hear(behind, behind)
    machine.seconds += 5
    assert clock.now() == behind + timedelta(seconds=5)


async def test_it_goes_on_slowly_behind_a_clock_that_was_ahead() -> None:
    machine = Machine()
    clock = machine.clock()
    await clock.measure(machine.ask)
    ahead = machine.true() + timedelta(seconds=90)
    with capture_logs() as logs:
        assert clock.hear(ahead, machine.true()) == ahead
        assert clock.now() == ahead
        machine.seconds += 10
        assert clock.now() == ahead + timedelta(seconds=5)
        caught_up = machine.true() + timedelta(seconds=1)
        clock.hear(caught_up, caught_up)
    assert [(each["log_level"], each.get("seconds")) for each in logs] == [
        ("error", 90), ("info", None),
    ]  # fmt: skip


def test_before_it_is_measured_it_is_this_machines() -> None:
    machine = Machine(ahead=3)
    assert machine.clock().now() == machine.wall()
