"""Simulated hospitals answer when asked to take a transfer, each in its way."""

import asyncio
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, cast

import pytest

from dispatch.checker import check
from dispatch.simulation.behaviour import Behaviour, Deviation
from dispatch.simulation.crews import Crews
from dispatch.simulation.hospitals import Hospitals
from dispatch.topics.transfers import TransferRequested
from tests.unit.demo.memory_stage import MemoryStage

START = datetime(2022, 12, 23, 0, 0, tzinfo=UTC)
PLAN = Path(str(resources.files("dispatch"))) / "cities" / "hulunbuir.toml"


def moved(*deviations: tuple[Deviation, Any]) -> list[tuple[str, str | None]]:
    """Return how a transfer of one case fared with the hospital nearest to it deviating."""
    stage = MemoryStage(PLAN, start=START)
    behaviour = Behaviour(1)
    for deviation, value in deviations:
        behaviour.script(deviation, "CITY-INFECTIOUS", value)
    Crews(cast("Any", stage), behaviour)
    Hospitals(cast("Any", stage), behaviour)
    request = TransferRequested.model_validate(
        {
            "transfer_id": "t1",
            "at": START,
            "institution_id": "HLR-PEOPLES",
            "district": "150702",
            "location": {"latitude": 49.2135, "longitude": 119.7560},
            "kind": "confirmed",
            "patients": [{"patient_id": "p1", "severity": "mild", "mobility": "walking"}],
            "by": "dr1",
        }
    )

    async def play() -> None:
        await stage.publish(request, source="clinic")
        await stage.run(until=START + timedelta(hours=6))

    asyncio.run(play())
    packs = {stage.pack.name: stage.pack}
    assert check(stage.history, stage.inputs(), packs=packs, now=stage.now()) == []
    told = [seen.data for seen in stage.history if seen.type == "transfer.progressed"]
    return [(each["status"], each["hospital_id"]) for each in told]


ONLY = "CITY-INFECTIOUS"  # the one in service for cases
ASKED = [("requested", None), ("offered", ONLY)]
AGREED = [("accepted", ONLY), ("completed", ONLY)]


def test_a_hospital_accepts_unless_it_is_told_otherwise() -> None:
    assert moved() == [*ASKED, *AGREED]


@pytest.mark.parametrize(
    ("deviation", "value", "then"),
    [
        (Deviation.DIVERT_TRANSFER, "", [("diverted", ONLY), ("unplaced", None)]),
        (Deviation.DIVERT_TRANSFER, "YKS-SECOND", [("diverted", ONLY), ("unplaced", None)]),
        (Deviation.TRANSFER_SILENT, True, [("unplaced", None)]),
    ],
)
def test_a_hospital_that_deviates_once_is_asked_again_where_there_is_no_other(
    deviation: Deviation, value: Any, then: list[tuple[str, str | None]]
) -> None:
    assert moved((deviation, value)) == [*ASKED, *then, ("offered", ONLY), *AGREED]


def test_a_hospital_that_accepts_and_closes_leaves_the_transfer_to_be_placed() -> None:
    told = moved((Deviation.ACCEPT_AND_CLOSE, 30))
    assert told == [*ASKED, ("accepted", ONLY), ("unplaced", None)]
