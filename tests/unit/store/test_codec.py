"""Records that were kept before a field was added are read, and worked on as before."""

from typing import Any, Final

import orjson

from dispatch.store import codec
from dispatch.topics.incidents import CallDecided
from tests.unit.domain.city_builder import SmallCity, call, kinds, only, unit

# What records did not have before words were read and positions doubted.
ADDED: Final = {
    "datum",
    "doubt",
    "free_at",
    "heard_at",
    "mass_casualty_told",
    "stands_since",
    "taken_back",
    "unanswered_at",
}
ADDED_INPUTS: Final = {"crew_ordered", "evidence", "mode", "read", "taken_back"}


def as_before(state: Any, leave_out: set[str] = ADDED) -> Any:
    """Return a record's JSON without what was added, in its decision's inputs too."""
    if isinstance(state, list):
        return [as_before(each) for each in state]
    if not isinstance(state, dict):
        return state
    return {
        name: as_before(value, ADDED | ADDED_INPUTS if name == "inputs" else ADDED)
        for name, value in state.items()
        if name not in leave_out
    }


def test_records_of_before_are_read_and_worked_on() -> None:
    city = SmallCity(*(unit(f"U{number}") for number in range(1, 6)))
    city.say(call("c1", patient={"symptoms": ["glow"]}, patient_count=4))
    city.say(call("c2", patient={"symptoms": ["fever"]}))
    city.report("U1", "rolling")
    known = city.city
    loaded = []
    for records in (
        known.units, known.calls, known.incidents, known.assignments, known.handovers, known.clocks,
    ):  # fmt: skip
        for record in records.values():
            before = as_before(orjson.loads(codec.dump(record)))
            loaded.append(codec.load(type(record).__name__, orjson.dumps(before).decode()))
    later = SmallCity(*loaded)
    events = later.answer("c1", symptoms=["cough"], symptoms_taken_back=["glow"])
    assert only(CallDecided, events).decision["rule"] == "R5W"
    assert later.incident("c1").symptoms == ("cough",)
    assert "order.issued" in kinds(later.answer("c2", condition="critical"))
    later.report("U1", "on_scene")
    assert later.assignment("U1").met_patient
