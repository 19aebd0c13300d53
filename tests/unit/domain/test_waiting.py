"""The queue's order, against sorting what waits."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.model import Incident, Place, Position
from dispatch.domain.waiting import WaitingQueue

START = datetime(2022, 3, 1, tzinfo=UTC)
CONDITIONS = ("critical", "unknown", "stable")


def incident(number: int, condition: str, minutes: int) -> Incident:
    received_at = START + timedelta(minutes=minutes)
    return Incident(
        incident_id=f"i{number}",
        calls=(f"i{number}",),
        received_at=received_at,
        opened_at=received_at,
        last_call_at=received_at,
        place=Place(position=Position(0, 0), source="caller", district="150702"),
        phone=None,
        caller_kind="public",
        institution_id=None,
        can_admit_suspected=None,
        condition=condition,  # type: ignore[arg-type]  # drawn from the three
        symptoms=(),
        case_status="none",
        epidemiology={},
        complaint=None,
        patient_count=1,
    )


arrivals = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(CONDITIONS), st.integers(0, 5), st.booleans())
)


@given(arrivals)
def test_graver_conditions_come_first_then_older_calls(
    steps: list[tuple[int, str, int, bool]],
) -> None:
    queue = WaitingQueue()
    waiting: dict[str, Incident] = {}
    for number, condition, minutes, comes in steps:
        one = incident(number, condition, minutes)
        if comes:
            queue.add(one)
            waiting[one.incident_id] = one
        else:
            queue.discard(one.incident_id)
            waiting.pop(one.incident_id, None)
    expected = sorted(
        waiting.values(),
        key=lambda i: (CONDITIONS.index(i.condition), i.received_at, i.incident_id),
    )
    assert list(queue) == [i.incident_id for i in expected]
    assert [queue.ahead_of(i) for i in expected] == list(range(len(expected)))
