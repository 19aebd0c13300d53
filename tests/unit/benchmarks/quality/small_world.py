"""A world of crews on a line, a kilometre a unit, to which a test sends calls as it likes."""

from datetime import UTC, datetime
from typing import Literal

from benchmarks.quality.record import Record, Run, Shift
from benchmarks.quality.rules import Rule, RuleDispatcher
from benchmarks.quality.world import Response, World
from dispatch.domain.model import Position
from dispatch.simulation.recorded import Recorded
from dispatch.simulation.sfgov import DISTRICT
from dispatch.store.plan import CityPlan
from dispatch.topics.calls import Call
from tests.unit.benchmarks.quality.invented import plain

START = datetime(2030, 3, 1, tzinfo=UTC)
_DEGREE = 111.195  # kilometres of latitude
_END = 1e6


def km(north: float) -> Position:
    """Return a point so many kilometres north of the first post."""
    return Position(37.7 + north / _DEGREE, -122.4)


def run(
    name: str,
    ready: float,
    north: float,
    *,
    condition: Literal["stable", "critical"] = "stable",
    scene_seconds: float | None = 600.0,
    ends: float = 0.0,
) -> Run:
    """Return a call at a time (s) and place that takes so long on scene, without a turnout."""
    scene = km(north)
    call = Call.model_validate(
        {
            "call_id": name,
            "received_at": START,
            "district": DISTRICT,
            "caller": {"kind": "public"},
            "patient": {"condition": condition, "symptoms": [], "case_status": "none"},
            "location": {"latitude": scene.latitude, "longitude": scene.longitude},
        }
    )
    return Run(
        recorded=Recorded(call=call),
        day=1,
        hour=0,
        area=f"{north:g}",
        urgent=False,
        scene=scene,
        end=scene,
        unit_id="?",
        received=ready,
        ready=ready,
        ordered=ready,
        turnout_seconds=0.0,
        on_scene=None,
        scene_seconds=scene_seconds,
        transport_seconds=None,
        stay_seconds=0.0,
        ends=ends,
    )


def record(
    runs: list[Run], posts: dict[str, float], shifts: dict[str, tuple[float, float]] | None = None
) -> Record:
    """Return a record with a crew at each post (kilometres north), on duty always or as said."""
    areas = {name: km(north) for name, north in posts.items()}
    on_duty = shifts or {}
    return Record(
        start=START,
        days=1,
        runs=tuple(sorted(runs, key=lambda each: each.ready)),
        shifts=tuple(
            sorted(
                (Shift(name, *on_duty.get(name, (0.0, _END)), name) for name in posts),
                key=lambda shift: shift.begins,
            )
        ),
        areas=areas,
        demand=dict.fromkeys(areas, 1 / len(areas)),
        hospitals=(km(0), km(1)),
        plan=CityPlan.model_validate(
            {
                "name": "Line",
                "time_zone": "UTC",
                "district": [{"code": DISTRICT, "name": "Line", "latitude": 37.7, "longitude": 0}],
            }
        ),
        left_out=0,
    )


def played(
    rule: Rule,
    runs: list[Run],
    posts: dict[str, float],
    shifts: dict[str, tuple[float, float]] | None = None,
) -> tuple[dict[str, Response], RuleDispatcher]:
    """Play calls under a rule; ways take 100 s a kilometre, and 10 s at once."""
    dispatcher = RuleDispatcher(rule)
    world = World(record(runs, posts, shifts), plain(10.0, 100.0), dispatcher, seed=1)
    return world.play(), dispatcher
