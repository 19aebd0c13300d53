"""The runs on their way: whoever is nearer to a patient finds all of them, and no others."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.model import Assignment, Place, Position
from dispatch.domain.on_the_way import OnTheWay
from dispatch.domain.travel import GreatCircleTravel
from tests.unit.domain.city_builder import START, WEST

TRAVEL = GreatCircleTravel(road_factor=1.35, speed_kmh=40.0)
positions = st.builds(Position, st.floats(40.0, 41.0), st.floats(111.0, 112.0))
# Who has met the patient, or is over, is not on the way.
states = st.sampled_from(["on the way", "on the way", "met", "ended", "gone"])


def run(number: int, scene: Position, **changes: Any) -> Assignment:
    return Assignment(
        assignment_id=f"c{number}/A1",
        incident_id=f"c{number}",
        unit_id=f"U{number}",
        crew="regular",
        place=Place(position=scene, source="caller", district=WEST),
        ordered_at=START,
        rule="R9",
        ppe="standard",
        destination="nearest_suitable",
        disinfection="routine",
        hospital_id=None,
        **changes,
    )


@given(
    st.lists(st.tuples(positions, positions, positions, states), max_size=30),
    positions,
    st.sampled_from([1.0, 180.0, 4000.0]),
)
def test_every_run_is_found_that_a_unit_is_nearer_to(
    drawn: list[tuple[Position, Position, Position, str]], here: Position, by: float
) -> None:
    runs = OnTheWay()
    where: dict[str, tuple[Position, Position]] = {}
    expected: dict[str, float] = {}

    def estimate(assignment_id: str) -> tuple[Position, float]:
        scene, unit = where[assignment_id]
        return scene, TRAVEL.seconds(unit, scene)

    for number, (scene, first, then, state) in enumerate(drawn):
        before = run(number, scene)
        key = before.assignment_id
        where[key] = scene, first
        runs.note(key, before)
        list(runs.farther(here, by, TRAVEL, estimate))
        where[key] = scene, then
        runs.moved(key)
        if state == "gone":
            runs.note(key, None)
        elif state != "on the way":
            over = {"met_patient": True} if state == "met" else {"ended_at": START}
            runs.note(key, run(number, scene, **over))
        else:
            sooner = TRAVEL.seconds(then, scene) - TRAVEL.seconds(here, scene)
            if sooner >= by:
                expected[key] = sooner
    found = list(runs.farther(here, by, TRAVEL, estimate))
    assert sorted(key for _, key in found) == sorted(expected)
    assert {key: sooner for sooner, key in found} == expected
