"""The agenda: by time, and in the order of putting down at one instant."""

from datetime import UTC, datetime, timedelta

from dispatch.simulation.agenda import Agenda

NOW = datetime(2022, 12, 23, tzinfo=UTC)


async def test_it_gives_what_is_due_in_order() -> None:
    agenda, done = Agenda(), list[str]()

    def put(minute: int, name: str) -> None:
        async def act() -> None:
            done.append(name)

        agenda.put(NOW + timedelta(minutes=minute), act)

    for minute, name in ((3, "c"), (1, "a"), (2, "b"), (1, "a2")):
        put(minute, name)
    assert agenda.next == NOW + timedelta(minutes=1)
    for action in agenda.take_due(NOW + timedelta(minutes=2)):
        await action()
    assert done == ["a", "a2", "b"]
    assert agenda.next == NOW + timedelta(minutes=3)
    assert len(agenda.take_due(NOW + timedelta(days=1))) == 1
    assert agenda.next is None
