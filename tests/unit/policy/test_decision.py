import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dispatch.policy
from dispatch.policy.decision import Decision, Facts, decide, facts_of, replay
from dispatch.policy.pack import ITEMS, load_pack, pack_names
from dispatch.topics.calls import Call
from dispatch.topics.fields import CallerKind, CaseStatus, Condition

COVID = load_pack("covid-19")
INFLUENZA = load_pack("influenza-a-h1n1-2009")
RECEIVED_AT = datetime(2022, 12, 23, 0, 0, tzinfo=UTC)
BEFORE = RECEIVED_AT + timedelta(seconds=59, microseconds=999_999)
AFTER = RECEIVED_AT + timedelta(seconds=60)

CALLERS: tuple[tuple[CallerKind, bool | None], ...] = (
    ("public", None),
    ("public", True),
    ("public", False),
    ("institution", True),
    ("institution", False),
)
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
CASE_STATUSES: tuple[CaseStatus, ...] = get_args(CaseStatus)
ANSWERS = ("yes", "no", "unknown", None)

ALL_NO = dict.fromkeys(ITEMS, "no")
NONE_ASKED: dict[str, str] = {}
UNDETERMINED = ALL_NO | {"exposure": "unknown"}
POSITIVE = ALL_NO | {"close_contact": "yes"}
INCOMPLETE = {"travel": "no", "exposure": "unknown"}


def facts(**changes: Any) -> Facts:
    plain = Facts("c-1", RECEIVED_AT, "public", None, "stable", (), "none", {})
    return plain._replace(**changes)


def every_facts() -> Iterator[Facts]:
    for (kind, can_admit), status, symptoms, answers, condition in product(
        CALLERS,
        CASE_STATUSES,
        ((), ("fever",), ("fatigue",)),
        product(ANSWERS, repeat=4),
        CONDITIONS,
    ):
        asked = {
            item: answer for item, answer in zip(ITEMS, answers, strict=True) if answer is not None
        }
        yield facts(
            caller_kind=kind,
            can_admit_suspected=can_admit,
            case_status=status,
            symptoms=symptoms,
            epidemiology=asked,
            condition=condition,
        )


def summary(decision: Decision) -> tuple[Any, ...]:
    return (
        decision.rule,
        decision.action,
        decision.crew,
        decision.ppe,
        decision.destination,
        decision.disinfection,
        decision.history,
        [question.item for question in decision.questions],
        decision.life_support,
    )


def oracle(case: Facts, triggers: set[str], *, deadline_passed: bool) -> tuple[Any, ...]:
    """The table of the plan, as a chain of conditions."""
    answers = [case.epidemiology.get(item) for item in ITEMS]
    if any(answer == "yes" for answer in answers):
        history = "positive"
    elif any(answer is None for answer in answers):
        history = "incomplete"
    elif any(answer == "unknown" for answer in answers):
        history = "undetermined"
    else:
        history = "negative"
    symptomatic = any(symptom in triggers for symptom in case.symptoms)
    stable = case.condition == "stable"
    known = case.case_status in ("suspected", "confirmed", "asymptomatic")
    likely = known or (symptomatic and history == "positive")
    to_ask = [item for item in ITEMS if item not in case.epidemiology] if symptomatic else []
    life_support = False
    if case.caller_kind == "institution" and (
        known or (not case.can_admit_suspected and symptomatic and history != "negative")
    ):
        row = ("R1", "dispatch", "transfer", "full", "designated_hospital", "terminal")
        life_support = not stable
    elif likely and stable:
        row = ("R2", "dispatch", "transfer", "full", "designated_hospital", "terminal")
    elif likely:
        row = ("R3", "dispatch", "regular", "enhanced", "emergency_buffer", "terminal")
    elif symptomatic and history == "incomplete" and not stable:
        row = ("R4", "dispatch", "regular", "enhanced", "emergency_buffer", "terminal")
    elif symptomatic and history == "incomplete" and deadline_passed:
        row = ("R5T", "dispatch", "regular", "enhanced", "fever_clinic", "terminal")
    elif symptomatic and history == "incomplete":
        return ("R5", "ask", None, None, None, None, history, to_ask, False)
    elif symptomatic and history == "undetermined":
        where = "fever_clinic" if stable else "emergency_buffer"
        row = ("R6", "dispatch", "regular", "enhanced", where, "terminal")
    elif symptomatic:
        where = "fever_clinic" if stable else "nearest_suitable"
        row = ("R7", "dispatch", "regular", "enhanced", where, "routine")
    elif history == "positive":
        row = ("R8", "dispatch", "regular", "enhanced", "emergency_buffer", "terminal")
    else:
        row = ("R9", "dispatch", "regular", "standard", "nearest_suitable", "routine")
    return (*row, history, to_ask, life_support)


@pytest.mark.parametrize("at", [BEFORE, AFTER])
def test_every_combination_is_decided_as_the_plan_says(at: datetime) -> None:
    triggers = {
        "fever",
        "cough",
        "sore_throat",
        "runny_nose",
        "nasal_congestion",
        "shortness_of_breath",
    }
    rules = set()
    for case in every_facts():
        decision = decide(case, COVID, at)
        assert summary(decision) == oracle(case, triggers, deadline_passed=at == AFTER), case
        rules.add(decision.rule)
    assert rules == {f"R{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9)} | {"R5T" if at == AFTER else "R5"}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        (
            {"caller_kind": "institution", "can_admit_suspected": True, "case_status": "confirmed"},
            "R1",
        ),
        (
            {"caller_kind": "institution", "can_admit_suspected": False, "symptoms": ("cough",)},
            "R1",
        ),
        ({"case_status": "asymptomatic"}, "R2"),
        ({"symptoms": ("fever",), "epidemiology": {"travel": "yes"}}, "R2"),
        ({"case_status": "suspected", "condition": "unknown"}, "R3"),
        ({"symptoms": ("fever",), "epidemiology": POSITIVE, "condition": "critical"}, "R3"),
        ({"symptoms": ("fever",), "epidemiology": INCOMPLETE, "condition": "critical"}, "R4"),
        ({"symptoms": ("fever",), "epidemiology": INCOMPLETE}, "R5"),
        ({"symptoms": ("fever",), "epidemiology": UNDETERMINED}, "R6"),
        ({"symptoms": ("fever",), "epidemiology": ALL_NO}, "R7"),
        ({"epidemiology": {"residence": "yes"}}, "R8"),
        ({}, "R9"),
        ({"symptoms": ("fatigue",), "epidemiology": INCOMPLETE}, "R9"),
        (
            {
                "caller_kind": "institution",
                "can_admit_suspected": False,
                "symptoms": ("fever",),
                "epidemiology": ALL_NO,
            },
            "R7",
        ),
    ],
)
def test_rules(changes: dict[str, Any], rule: str) -> None:
    decision = decide(facts(**changes), COVID, RECEIVED_AT)
    assert decision.rule == rule
    assert decision.source == COVID.rule(rule).source


def test_the_deadline_passes_at_its_very_end() -> None:
    asking = facts(symptoms=("fever",))
    assert decide(asking, COVID, BEFORE).rule == "R5"
    assert decide(asking, COVID, AFTER).rule == "R5T"


def test_questions_follow_a_dispatch_too_and_have_the_window_in_them() -> None:
    case = facts(symptoms=("fever",), condition="critical", epidemiology={"residence": "no"})
    decision = decide(case, COVID, RECEIVED_AT)
    assert decision.action == "dispatch"
    assert [question.item for question in decision.questions] == [
        "travel",
        "close_contact",
        "exposure",
    ]
    for question in decision.questions:
        assert "14" in question.zh
        assert "14 days" in question.en
        assert "{" not in question.zh + question.en


def test_warnings_name_each_unknown_symptom_once() -> None:
    case = facts(symptoms=("itch", "fever", "fatigue", "itch", "頭痛"), epidemiology=ALL_NO)
    assert decide(case, COVID, RECEIVED_AT).warnings == (
        "unknown symptom code: itch",
        "unknown symptom code: 頭痛",
    )


def test_a_pack_out_of_force_decides_with_a_warning() -> None:
    starts, ends = INFLUENZA.validity.starts, INFLUENZA.validity.ends
    assert ends is not None
    second = timedelta(seconds=1)
    for at, warned in (
        (starts - second, True),
        (starts, False),
        (ends - second, False),
        (ends, True),
    ):
        decision = decide(facts(received_at=at), INFLUENZA, at)
        assert decision.rule == "R9"
        assert bool(decision.warnings) is warned
    assert not decide(facts(), COVID, datetime(2199, 1, 1, tzinfo=UTC)).warnings


def test_the_packs_differ_where_the_pathogens_do() -> None:
    breathless = facts(symptoms=("shortness_of_breath",))
    assert decide(breathless, COVID, RECEIVED_AT).rule == "R5"
    assert decide(breathless, INFLUENZA, RECEIVED_AT).rule == "R9"
    chills = facts(symptoms=("chills",))
    assert decide(chills, COVID, RECEIVED_AT).rule == "R9"
    asked = decide(chills, INFLUENZA, RECEIVED_AT)
    assert asked.rule == "R5"
    assert all("7 days" in question.en and "7天" in question.zh for question in asked.questions)


symptom = st.sampled_from(("fever", "cough", "fatigue", "itch", "发热"))
any_facts = st.builds(
    Facts,
    st.just("c-1"),
    st.datetimes(datetime(2020, 2, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(("public", "institution")),
    st.booleans(),
    st.sampled_from(CONDITIONS),
    st.lists(symptom, max_size=5).map(tuple),
    st.sampled_from(CASE_STATUSES),
    st.dictionaries(st.sampled_from(ITEMS), st.sampled_from(("yes", "no", "unknown"))),
    transfer_kind=st.none(),
)


@given(case=any_facts, seconds=st.floats(-3600, 3600), pack=st.sampled_from(pack_names()))
def test_any_decision_agrees_with_the_plan_and_replays_from_its_json(
    case: Facts, seconds: float, pack: str
) -> None:
    policy = load_pack(pack)
    at = case.received_at + timedelta(seconds=seconds)
    decision = decide(case, policy, at)
    triggers = set(policy.screening.trigger_symptoms)
    passed = at - case.received_at >= timedelta(seconds=60)
    assert summary(decision) == oracle(case, triggers, deadline_passed=passed)
    assert replay(orjson.loads(orjson.dumps(decision.inputs)), policy) == decision


def test_the_json_has_the_keys_of_the_contract_in_order() -> None:
    call = Call.model_validate(
        {
            "call_id": "c-1",
            "received_at": "2022-12-23T08:00:00+08:00",
            "district": "150702",
            "caller": {"kind": "public", "phone": "13800000000", "can_admit_suspected": False},
            "patient": {
                "condition": "stable",
                "symptoms": ["fever"],
                "case_status": "none",
                "name": "王小明",
            },
            "location": {"address": "胜利街 1 号"},
        }
    )
    content = decide(facts_of(call), COVID, call.received_at).as_json()
    decision = orjson.loads(content)
    assert list(decision) == [
        "call_id",
        "action",
        "rule",
        "crew",
        "ppe",
        "destination",
        "disinfection",
        "history",
        "questions",
        "life_support",
        "policy",
        "source",
        "decided_at",
        "inputs",
        "warnings",
    ]
    assert decision["decided_at"] == "2022-12-23T00:00:00Z"
    assert decision["policy"] == {"pack": "covid-19", "version": COVID.version}
    assert [list(question) for question in decision["questions"]] == [["item", "zh", "en"]] * 4
    for personal in ("13800000000", "王小明", "胜利街"):
        assert personal not in content.decode()


def test_no_rule_symptom_or_pathogen_is_in_code() -> None:
    symptoms = {
        symptom
        for pack in map(load_pack, pack_names())
        for symptom in (*pack.screening.trigger_symptoms, *pack.screening.early_symptoms)
    }
    words = symptoms | {"covid", "influenza", "h1n1", "corona", "sars"}
    for module in Path(dispatch.policy.__path__[0]).rglob("*.py"):
        source = module.read_text(encoding="utf-8").lower()
        assert not re.findall(r"\br[1-9]t?\b", source), module
        named = "|".join(map(re.escape, words))
        assert not re.findall(rf"\b({named})\b", source), module
