"""Small batches for the tests of planning."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.planning.problem import (
    SEVERITIES,
    BedSupply,
    Busy,
    PatientNeed,
    Problem,
    Rules,
    UnitSlot,
)

START = datetime(2022, 2, 8, 1, tzinfo=UTC)
RULES = Rules(
    patients_per_vehicle=1,
    gravest_first=True,
    wear_seconds=4 * 3600,
    disinfection_seconds=1800,
    loading_places=1,
    bays=1,
)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def patient(patient_id: str, **changes: Any) -> PatientNeed:
    return replace(
        PatientNeed(
            patient_id=patient_id,
            severity="ordinary",
            mobility="walking",
            beds=("isolation",),
            vehicles=frozenset({"negative_pressure"}),
            crews=frozenset({"transfer"}),
            capabilities=frozenset(),
            ready_at=START,
            load_seconds=600,
            hand_over_seconds=600,
        ),
        **changes,
    )


def unit(unit_id: str, **changes: Any) -> UnitSlot:
    return replace(UnitSlot(unit_id, "negative_pressure", "transfer", START, 0), **changes)


def hospital(hospital_id: str = "H", **changes: Any) -> BedSupply:
    return replace(BedSupply(hospital_id, {"isolation": 9}, frozenset(), 1800), **changes)


def batch(**changes: Any) -> Problem:
    """Three patients for one unit and one hospital, half an hour away."""
    return replace(
        Problem(
            batch_id="B",
            start=START,
            patients=(patient("P1"), patient("P2", severity="critical"), patient("P3")),
            units=(unit("U1"),),
            hospitals=(hospital(),),
            rules=RULES,
        ),
        **changes,
    )


def some_batch(seed: int) -> Problem:
    """A batch of up to six patients, with everything that may differ in it."""
    rnd = random.Random(seed)

    def some_minutes(least: int, most: int) -> int:
        return 60 * rnd.randint(least, most)

    def later(most: int) -> datetime:
        return START + timedelta(seconds=rnd.choice((0, 0, some_minutes(0, most))))

    busy = [
        Busy(resource, begin, begin + timedelta(seconds=some_minutes(1, 60)))
        for resource in ("loading", "bay")
        if rnd.random() < 0.3
        for begin in [START + timedelta(seconds=some_minutes(-30, 60))]
    ]
    return Problem(
        batch_id="some",
        start=START,
        patients=tuple(
            patient(
                f"P{number}",
                severity=rnd.choice(SEVERITIES),
                beds=tuple(rnd.sample(("isolation", "icu"), rnd.randint(1, 2))),
                vehicles=frozenset(rnd.sample(("negative_pressure", "basic"), rnd.randint(1, 2))),
                capabilities=frozenset({"surgery"} if rnd.random() < 0.2 else ()),
                ready_at=later(40),
                load_seconds=some_minutes(1, 15),
                hand_over_seconds=some_minutes(1, 15),
            )
            for number in range(rnd.randint(1, 6))
        ),
        units=tuple(
            unit(
                f"U{number}",
                vehicle=rnd.choice(("negative_pressure", "basic")),
                free_at=later(60),
                seconds_to_origin=some_minutes(0, 30),
            )
            for number in range(rnd.randint(1, 3))
        ),
        hospitals=tuple(
            hospital(
                f"H{number}",
                beds={"isolation": rnd.randint(0, 4), "icu": rnd.randint(0, 3)},
                capabilities=frozenset(rnd.choice((("surgery",), ()))),
                seconds_from_origin=some_minutes(5, 60),
            )
            for number in range(rnd.randint(1, 2))
        ),
        rules=Rules(
            patients_per_vehicle=rnd.choice((1, 1, 2)),
            gravest_first=rnd.random() < 0.5,
            wear_seconds=some_minutes(80, 240),
            disinfection_seconds=rnd.choice((0, some_minutes(5, 40))),
            loading_places=rnd.randint(1, 2),
            bays=rnd.choice((None, 1, 2)),
        ),
        busy=tuple(busy),
    )
