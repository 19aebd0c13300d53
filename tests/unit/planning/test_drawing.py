import re
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.planning.drawing import PHASES, draw
from dispatch.planning.solve import solve
from tests.unit.planning.batches import batch


def test_a_picture_names_units_hospitals_patients_and_phases(tmp_path: Path) -> None:
    path = tmp_path / "plan.svg"
    draw([solve(batch(), seconds=5)], path)
    # Text is drawn as shapes; what it says is a comment beside them.
    said = set(re.findall("<!-- (.*) -->", path.read_text(encoding="utf-8")))
    assert said >= {"U1", "H", "P1", "P2", "P3", *PHASES}


@pytest.mark.parametrize("trips", [0, 3])
def test_a_picture_can_be_png_and_have_no_trips(tmp_path: Path, trips: int) -> None:
    path = tmp_path / "plan.png"
    problem = batch() if trips else batch(units=())
    plan = solve(problem, seconds=5)
    assert len(plan.trips) == trips
    draw([plan], path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_it_names_is_neither_mathematics_nor_markup(tmp_path: Path) -> None:
    path = tmp_path / "plan.svg"
    odd = "$\\frac{$ <b>&"
    plan = solve(batch(), seconds=5)
    trips = tuple(replace(trip, unit_id=odd, hospital_id="$x^2$") for trip in plan.trips)
    draw([replace(plan, trips=trips, batch_id="$y^{$")], path)
    said = set(re.findall("<!-- (.*) -->", path.read_text(encoding="utf-8")))
    assert said >= {"$\\frac{$ &lt;b&gt;&amp;", "$x^2$", "$y^{$"}
