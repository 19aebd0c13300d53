"""The order that a unit has now: folded from its own topic, and shown to its crew."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from dispatch import language
from dispatch.cli.unit_order import current, place_of, tabulate
from dispatch.client import Event
from dispatch.schemas import examples

AT = datetime(2022, 12, 23, tzinfo=UTC)
ISSUED = examples()["order.issued"]
HOSPITALS = {"CITY-INFECTIOUS": "市传染病医院"}


def event(kind: str, sequence: int, **data: Any) -> Event:
    said = {**examples()[kind], **data}
    attributes = {"type": kind, "sequence": str(sequence)}
    return Event("orders.HLR-T1", 0, sequence, AT, "HLR-T1", attributes, said)


@pytest.fixture(autouse=True)
def _english_again() -> Any:
    yield
    language.speak("en")


def shown(order: dict[str, Any]) -> str:
    console = Console(width=120, markup=False)
    with console.capture() as captured:
        console.print(tabulate(order, HOSPITALS))
    return captured.get()


def test_without_an_order_there_is_none() -> None:
    assert current([]) is None
    assert current([event("unit.rejected", 1)]) is None


def test_an_order_is_as_it_was_issued_and_amended() -> None:
    order = current(
        [
            event("order.issued", 1),
            event("order.amended", 2, changed={"condition": "critical", "call_back": "110"}),
        ]
    )
    assert order is not None
    assert (order["condition"], order["call_back"]) == ("critical", "110")
    assert order["complaint"] == ISSUED["complaint"]
    # Of what is worn the amendment itself says all.
    assert order["ppe"] == examples()["order.amended"]["ppe"]
    assert order["handover_id"] == "c-1024/A1/H2"


@pytest.mark.parametrize("over", ["order.withdrawn", "order.ended"])
def test_an_order_that_is_over_is_none(over: str) -> None:
    assert current([event("order.issued", 1), event(over, 2)]) is None


def test_the_end_of_another_order_leaves_this_one() -> None:
    order = current(
        [event("order.issued", 1), event("order.ended", 2, assignment_id="c-1/A1"),
         event("order.amended", 3, assignment_id="c-1/A1", changed={"condition": "critical"})]
    )  # fmt: skip
    assert order is not None
    assert order["condition"] == "stable"


def test_what_is_not_newer_is_dropped() -> None:
    events = [
        event("order.issued", 1),
        event("order.amended", 2, changed={"condition": "critical"}),
    ]
    order = current([*events, *events])
    assert order is not None
    assert order["condition"] == "critical"
    assert current([*events, event("order.ended", 3), *events]) is None


def test_the_place_is_an_address_and_a_district_by_name() -> None:
    assert place_of(ISSUED["scene"]) == "胜利街 1 号 (海拉尔区)"
    assert place_of({**ISSUED["scene"], "address": None}) == "海拉尔区"
    # An order of before names no district.
    assert place_of({"address": None, "district": "150702"}) == "150702"


def test_an_order_is_shown_in_english() -> None:
    language.speak("en")
    said = shown(ISSUED)
    for part in (
        "胜利街 1 号 (海拉尔区)", "49.21220, 119.73600 (from: caller)", "13904700036", "王某",
        "李某", "发热两天", "需要氧气", "first judgement: 发热待查", "市传染病医院", "full:",
    ):  # fmt: skip
        assert part in said
    assert "CITY-INFECTIOUS" not in said


def test_an_order_is_shown_in_chinese() -> None:
    language.speak("zh")
    said = shown({**ISSUED, "condition": "critical"})
    for part in (
        "海拉尔区胜利街 1 号", "49.21220，119.73600（来源：呼叫人）", "主叫号码", "呼叫人 王某",
        "危重", "初步判断：发热待查", "市传染病医院",
    ):  # fmt: skip
        assert part in said


def test_what_callers_say_is_shown_as_it_is() -> None:
    language.speak("en")
    said = shown({**ISSUED, "complaint": "critical [bold]\x1b[2J"})
    assert "critical [bold]\\x1b[2J" in said


def test_an_order_of_before_is_shown_too() -> None:
    language.speak("en")
    new = ("call_back", "contacts", "patients", "symptoms", "epidemiology", "history", "notes")
    before = {name: value for name, value in ISSUED.items() if name not in new}
    assert "胜利街" in shown(before)


def test_patients_of_a_transfer_are_shown_with_what_they_need() -> None:
    language.speak("en")
    patient = {
        "name": "李某", "sex": None, "age": 7.0, "patient_id": "p-1", "severity": "ordinary",
        "mobility": "walking", "needs": ["oxygen"],
    }  # fmt: skip
    assert "p-1 李某 7 ordinary walking oxygen" in shown({**ISSUED, "patients": [patient]})
