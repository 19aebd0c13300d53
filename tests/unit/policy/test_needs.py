"""What a hospital must be capable of: read from everything that is said of a patient."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dispatch.errors import PackError
from dispatch.policy.decision import Facts, decide, replay
from dispatch.policy.needs import capabilities_needed
from dispatch.policy.pack import PACKS, load_pack, pack_names, read_pack

PACK = load_pack("covid-19")
NOW = datetime(2022, 12, 23, tzinfo=UTC)


def facts(**known: Any) -> Facts:
    usual: dict[str, Any] = {
        "call_id": "c1", "received_at": NOW, "caller_kind": "public", "can_admit_suspected": None,
        "condition": "stable", "symptoms": (), "case_status": "none", "epidemiology": {},
    }  # fmt: skip
    return Facts(**usual | known)


@pytest.mark.parametrize(
    ("known", "needed"),
    [
        ({}, ()),
        ({"complaints": ("heat stroke",)}, ()),
        ({"complaints": ("没有怀孕",)}, ()),
        ({"complaints": ("冠心病五年",)}, ("cardiac",)),
        ({"complaints": ("chest pain",), "taken_back": ("chest_pain",)}, ()),
        ({"complaints": ("chest pain, cancer",), "taken_back": ("chest_pain",)}, ("oncology",)),
        ({"complaints": ("临产",), "taken_back": ("obstetrics",)}, ()),
        ({"symptoms": ("burn", "headache")}, ("burns",)),
        ({"symptoms": ("facial_droop", "fall")}, ("stroke", "trauma")),
        ({"requests": ("透析、吸氧",)}, ("dialysis",)),
        ({"requests": ("儿科；吸氧",)}, ("paediatrics",)),
        ({"requests": ("Ventilator",)}, ("intensive_care",)),
        ({"needs": ("infant", "pancreatitis")}, ("paediatrics", "surgery")),
        ({"needs": ("secondary_contact",)}, ()),
        ({"ages": (40.0, 13.0)}, ("paediatrics",)),
        ({"ages": (14.0,)}, ()),
    ],
)
def test_needs(known: dict[str, Any], needed: tuple[str, ...]) -> None:
    assert capabilities_needed(facts(**known), PACK) == needed
    # A replay has them from the decision's inputs.
    assert capabilities_needed(facts(needs=needed), PACK) == needed


@pytest.mark.parametrize("pack_name", pack_names())
def test_a_decision_on_a_need_replays_without_the_words(pack_name: str) -> None:
    pack = load_pack(pack_name)
    decision = decide(facts(symptoms=("fever",), complaints=("要生了",)), pack, NOW)
    assert decision.inputs["needs"] == ["obstetrics"]
    assert decision.rule == "R5W"
    assert replay(decision.inputs, pack) == decision


def test_a_coded_need_among_symptoms_is_no_symptom_that_cannot_be_placed() -> None:
    decision = decide(facts(symptoms=("surgery",)), PACK, NOW)
    assert (decision.rule, decision.warnings) == ("R9", ())


@pytest.mark.parametrize(
    ("sound", "broken", "place"),
    [
        ('child_need = "paediatrics"', 'child_need = "x"', "needs.child_need"),
        ("stroke = { zh", "strike = { zh", "needs.codes"),
        ('en = "heart"', 'en = ""', "needs.codes.cardiac.en"),
        ("isolating = 20, ", "", "needs.extra_minutes.isolating"),
    ],
)
def test_a_broken_list_is_refused_with_its_place(
    sound: str, broken: str, place: str, tmp_path: Any
) -> None:
    text = (PACKS / "covid-19.toml").read_text(encoding="utf-8")
    assert text.count(sound) == 1
    path = tmp_path / "pack.toml"
    path.write_text(text.replace(sound, broken), encoding="utf-8")
    with pytest.raises(PackError, match=place):
        read_pack(path)
