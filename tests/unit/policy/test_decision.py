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


# What the samples of these tests stand for: a code for certain, a code that is read, neither.
SAYS = {"发热": "fever", "Cough": "cough", "itch": "itching", "sore throat": "sore_throat"}
READ = {"fevor": "fever", "咳嗽三天": "cough", "发热三天": "fever", "腿疼,没发烧": "leg_pain"}
NOWHERE = {"glow", "怪怪的"}


def evidence_of(case: Facts, triggers: set[str]) -> str:
    """What the samples amount to."""
    codes = {SAYS.get(each, each) for each in case.symptoms}
    read = {READ[each] for each in (*case.symptoms, *case.complaints) if each in READ}
    if codes & triggers:
        return "coded"
    if read & triggers:
        return "read"
    if codes & NOWHERE:
        return "unplaced"
    only_unknown = codes == {"unknown"}
    return "unknown" if only_unknown and case.mode == "epidemic" else "none"


def history_of(case: Facts) -> str:
    """What the four answers amount to."""
    answers = [case.epidemiology.get(item) for item in ITEMS]
    if any(answer == "yes" for answer in answers):
        return "positive"
    if any(answer is None for answer in answers):
        return "incomplete"
    if any(answer == "unknown" for answer in answers):
        return "undetermined"
    return "negative"


def oracle(case: Facts, triggers: set[str], *, deadline_passed: bool) -> tuple[Any, ...]:
    """The table of the plan, as a chain of conditions."""
    evidence = evidence_of(case, triggers)
    history = history_of(case)
    symptomatic = evidence in ("coded", "read")
    stable = case.condition == "stable"
    known = case.case_status in ("suspected", "confirmed", "asymptomatic")
    likely = known or (symptomatic and history == "positive")
    asked = evidence != "none"
    to_ask = [item for item in ITEMS if item not in case.epidemiology] if asked else []
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
    elif symptomatic and history == "incomplete" and (evidence == "read" or case.crew_ordered):
        row = ("R5W", "dispatch", "regular", "enhanced", "fever_clinic", "terminal")
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
    elif asked and history != "negative":
        row = ("R8U", "dispatch", "regular", "enhanced", "emergency_buffer", "terminal")
    elif asked:
        row = ("R8N", "dispatch", "regular", "enhanced", "nearest_suitable", "routine")
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
    case = facts(symptoms=("glow", "fever", "fatigue", "glow", "怪怪的"), epidemiology=ALL_NO)
    assert decide(case, COVID, RECEIVED_AT).warnings == (
        "unknown symptom code: glow",
        "unknown symptom code: 怪怪的",
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


symptom = st.sampled_from(("fever", "cough", "fatigue", "unknown", *SAYS, *READ, *NOWHERE))
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
    complaints=st.lists(st.sampled_from(sorted(READ)[1:]), max_size=2).map(tuple),
    read=st.just(()),
    taken_back=st.just(()),
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


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"symptoms": ("发热",)}, "R5"),
        ({"symptoms": ("Fever ",)}, "R5"),
        ({"symptoms": ("ＤＹＳＰＮＥＡ",)}, "R5"),
        ({"symptoms": ("發燒",)}, "R5"),
        ({"symptoms": ("fevor",)}, "R5W"),
        ({"symptoms": ("发热三天",)}, "R5W"),
        ({"complaints": ("发热咳嗽三天",)}, "R5W"),
        ({"complaints": ("发热咳嗽三天",), "symptoms": ("cough",)}, "R5"),
        ({"complaints": ("发热咳嗽三天",), "condition": "critical"}, "R4"),
        ({"complaints": ("发热咳嗽三天",), "epidemiology": ALL_NO}, "R7"),
        ({"complaints": ("发热咳嗽三天",), "epidemiology": POSITIVE}, "R2"),
        ({"complaints": ("发热三天",), "taken_back": ("fever",)}, "R9"),
        ({"complaints": ("发热三天,咳",), "taken_back": ("fever",)}, "R5W"),
        ({"complaints": ("没有发烧,腿摔了",)}, "R9"),
        ({"complaints": ("车祸",)}, "R9"),
        ({"symptoms": ("头晕", "headache", "骨折")}, "R9"),
        ({"symptoms": ("无发热",)}, "R9"),
        ({"symptoms": ("无",)}, "R9"),
        ({"symptoms": ("glow",)}, "R8U"),
        ({"symptoms": ("glow", "headache"), "condition": "critical"}, "R8U"),
        ({"symptoms": ("glow", "fever")}, "R5"),
        ({"symptoms": ("glow",), "epidemiology": ALL_NO}, "R8N"),
        ({"symptoms": ("glow",), "epidemiology": POSITIVE}, "R8"),
        ({"symptoms": ("unknown",), "condition": "critical"}, "R8U"),
        ({"symptoms": ("不详",), "condition": "unknown"}, "R8U"),
        ({"symptoms": ("unknown",)}, "R8U"),
        ({"symptoms": ("unknown",), "mode": "routine", "condition": "critical"}, "R9"),
        ({"symptoms": ("unknown", "headache"), "condition": "critical"}, "R9"),
        ({"symptoms": ("unknown", "fever")}, "R5"),
        ({"symptoms": ("fever",), "crew_ordered": True}, "R5W"),
        ({}, "R9"),
    ],
)
def test_only_a_coded_trigger_of_a_stable_patient_waits(said: dict[str, Any], rule: str) -> None:
    decision = decide(facts(**said), COVID, RECEIVED_AT)
    assert decision.rule == rule
    assert (decision.action == "ask") == (rule == "R5")
    if rule not in ("R9", "R2"):
        assert decision.ppe in ("enhanced", None)
    unasked = [item for item in ITEMS if item not in said.get("epidemiology", {})]
    assert [each.item for each in decision.questions] == ([] if rule == "R9" else unasked)


def test_what_was_read_from_where_is_among_the_inputs() -> None:
    case = facts(
        symptoms=("咳嗽", "头晕", "chills all night", "fever"),
        complaints=("邻居咳嗽,我嗓子疼", "发烧39度2"),
    )
    decision = decide(case, COVID, RECEIVED_AT)
    assert decision.inputs["evidence"] == "coded"
    assert decision.inputs["symptomatic"] is True
    assert [tuple(each.values()) for each in decision.inputs["read"]] == [
        ("sore_throat", "嗓子疼", "chief_complaint"),
        ("fever", "发烧", "chief_complaint"),
        ("cough", "咳嗽", "symptoms"),
        ("dizziness", "头晕", "symptoms"),
        ("chills", "chills", "symptoms"),
    ]
    assert decision.inputs["symptoms"] == list(case.symptoms)


def test_decisions_of_before_words_were_read_still_replay() -> None:
    decision = decide(facts(symptoms=("fever",)), COVID, RECEIVED_AT)
    later = ("evidence", "read", "taken_back", "mode", "crew_ordered")
    before = {name: value for name, value in decision.inputs.items() if name not in later}
    assert replay(before, COVID) == decision


def test_however_much_is_said_little_is_repeated() -> None:
    case = facts(symptoms=tuple(f"glow {n}" for n in range(500)), complaints=("头晕" * 10_000,))
    decision = decide(case, COVID, RECEIVED_AT)
    assert decision.rule == "R8U"
    assert len(decision.inputs["read"]) <= 20
    assert len(decision.warnings) == 500


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
