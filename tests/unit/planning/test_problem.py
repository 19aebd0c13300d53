from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.planning.problem import Busy
from tests.unit.planning.batches import RULES, START, batch, minutes, patient, unit


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"patients": (patient("P1"), patient("P1"))}, "batch B: patient P1 is there twice"),
        ({"units": (unit("U1"), unit("U1"))}, "unit U1 is there twice"),
        ({"start": datetime(2022, 2, 8)}, "a time needs its zone"),  # noqa: DTZ001 - refused
        ({"patients": (patient("P1", load_seconds=-1),)}, "a number is negative"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        batch(**changes)


def test_what_others_hold_is_cut_to_what_is_left_of_it() -> None:
    problem = batch(
        busy=(
            Busy("loading", START - minutes(5), START + timedelta(seconds=1.5)),
            Busy("loading", START - minutes(5), START),
            Busy("bay", START + minutes(1), START + minutes(2)),
        )
    )
    assert problem.held("loading") == [(0, 2)]
    assert problem.held("bay") == [(60, 120)]


def test_there_is_at_least_one_bay() -> None:
    with pytest.raises(ValueError, match="bays"):
        batch(rules=type(RULES)(1, True, 1, 1, 1, 0))
