import json
from typing import Any

import pytest

from dispatch.cli.decide import answer_line
from dispatch.policy.pack import load_pack
from dispatch.topics.city import CityMode

PACK = load_pack("covid-19")


def decided(mode: CityMode = "epidemic", **changes: Any) -> dict[str, Any]:
    patient = {"condition": "stable", "symptoms": [], "case_status": "none"}
    body = {
        "call_id": "c-1",
        "received_at": "2022-12-23T08:00:00+08:00",
        "district": "150702",
        "caller": {"kind": "public"},
        "location": {"address": "x"},
        **changes,
        "patient": patient | changes.get("patient", {}),
    }
    line, good = answer_line(json.dumps(body).encode(), 1, PACK, None, mode)
    assert good
    answer: dict[str, Any] = json.loads(line)
    return answer


def test_the_complaint_is_read() -> None:
    decision = decided(chief_complaint="发热咳嗽三天")
    assert (decision["rule"], decision["ppe"]) == ("R5W", "enhanced")
    assert len(decision["questions"]) == 4
    assert [each["words"] for each in decision["inputs"]["read"]] == ["发热", "咳嗽"]


@pytest.mark.parametrize(("mode", "rule"), [("epidemic", "R8U"), ("routine", "R9")])
def test_what_is_not_known_counts_by_the_mode(mode: CityMode, rule: str) -> None:
    patient = {"condition": "critical", "symptoms": ["unknown"]}
    assert decided(mode, patient=patient)["rule"] == rule
