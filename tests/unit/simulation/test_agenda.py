"""The agenda: by time, and in the order of putting down at one instant."""

from datetime import UTC, datetime, timedelta

from dispatch.simulation.agenda import Agenda

NOW = datetime(2022, 12, 23, tzinfo=UTC)


async def test_it_gives_what_is_due_in_order() -> None:
    agenda, done = Agenda(), list[str]()

    def put(minute: int, name: str, *, exact: bool = False) -> None:
        async def act() -> None:
            done.append(name)

        agenda.put(NOW + timedelta(minutes=minute), act, exact=exact)

    for minute, name in ((3, "c"), (1, "a"), (2, "b"), (1, "a2")):
        put(minute, name)
    assert agenda.next == NOW + timedelta(minutes=1)
    for entry in agenda.take(NOW + timedelta(minutes=2)):
        await entry.action()
    assert done == ["a", "a2", "b"]
    assert agenda.next == NOW + timedelta(minutes=3)
    assert len(agenda.take(NOW + timedelta(days=1))) == 1
    assert agenda.next is None


async def test_an_exact_entry_is_taken_with_those_of_its_instant_alone() -> None:
    async def act() -> None:
        """Do nothing."""

    agenda = Agenda()
    for minute, exact in ((1, False), (2, True), (2, False), (3, False)):
        agenda.put(NOW + timedelta(minutes=minute), act, exact=exact)
    until = NOW + timedelta(minutes=5)
    taken = [[entry.when.minute for entry in agenda.take(until)] for _ in range(3)]
    assert taken == [[1], [2, 2], [3]]
