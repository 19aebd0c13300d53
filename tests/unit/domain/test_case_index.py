"""Cases by place, institution and age: the index finds what a look at every case would."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.case_index import CaseIndex, age
from dispatch.domain.model import KnownCase, Position
from dispatch.domain.travel import metres_between

FOUND = datetime(2022, 2, 28, 23, 59, tzinfo=UTC)
METRES = 500.0

# A street of the far north, where cells are narrow, over the edges of several of them.
positions = st.builds(
    Position,
    latitude=st.floats(53.29, 53.33),
    longitude=st.floats(119.98, 120.04),
)


@st.composite
def cases(draw: st.DrawFn) -> list[KnownCase]:
    number = draw(st.integers(1, 12))
    return [
        KnownCase(
            case_id=f"city/c{n}",
            incident_id=f"c{n}",
            found_at=FOUND + timedelta(minutes=draw(st.integers(0, 3))),
            position=draw(st.none() | positions),
            district="150702",
            institution_id=draw(st.sampled_from([None, "S1", "S2"])),
        )
        for n in range(number)
    ]


@given(known=cases(), gone=st.sets(st.integers(0, 11)))
def test_who_is_near_or_of_the_institution_is_found_and_the_first_is_the_oldest(
    known: list[KnownCase], gone: set[int]
) -> None:
    index = CaseIndex()
    for case in known:
        index.add(case)
    for number in gone:
        if number < len(known):
            index.discard(known[number])
    left = [case for number, case in enumerate(known) if number not in gone]
    assert index.first == (min(left, key=age).case_id if left else None)
    for case in known:
        found = set(index.candidates(case, METRES))
        assert found <= {each.case_id for each in left}
        assert found >= {each.case_id for each in left if _belong_together(case, each)}


def _belong_together(case: KnownCase, other: KnownCase) -> bool:
    if case.institution_id is not None and case.institution_id == other.institution_id:
        return True
    if case.position is None or other.position is None:
        return False
    return metres_between(case.position, other.position) <= METRES


def test_a_case_far_away_is_not_looked_at() -> None:
    index = CaseIndex()
    for n in range(100):
        index.add(_at(n, 49.0 + 0.05 * n))
    assert list(index.candidates(_at(0, 49.0), METRES)) == ["city/c0"]


def _at(number: int, latitude: float) -> KnownCase:
    return KnownCase(
        case_id=f"city/c{number}",
        incident_id=f"c{number}",
        found_at=FOUND,
        position=Position(latitude, 119.7),
        district="150702",
        institution_id=None,
    )
