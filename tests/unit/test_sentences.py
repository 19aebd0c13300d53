"""Every sentence that the service writes has its Chinese, and no other text is taken for one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dispatch
from dispatch import wording
from dispatch.language import speak
from dispatch.topics import EVENTS
from dispatch.wording import said
from tests.unit.chinese import english

ROOT = Path(dispatch.__path__[0])
# Whatever of `dispatch` puts a sentence into an event, an error or a line that somebody reads.
TOLD = (
    *(
        "domain",
        "topics",
        "policy",
        "planning",
        "store",
        "topic_admin",
        "stack",
        "checker",
        "kafka",
    ),
    *("indicators", "settings.py", "cluster.py", "client.py", "clock.py", "web.py", "errors.py"),
)
# Where an English sentence is written that no person who works with the service reads.
UNREAD = {
    "planning/drawing.py": "a picture's legend, for engineers",
    "planning/plan.py": "what a test says of a wrong plan",
    "stack/kafka_cluster.py": "Apache Kafka for tests and benchmarks",
    "stack/kafka_security.py": "likewise",
    "stack/tether.py": "a child process's last words",
    "topics/codes.py": "what the schemas say of fields, for makers of clients",
    "topics/__init__.py": "the contract's description of its topics",
}
# Sentences that nobody is told as they stand.
UNSAID = {
    " (see the settings database.ssl_mode and database.ssl_ca_file)": "a part of another",
    " and X1 more": "likewise",
    " and X1 more places": "likewise",
    "X1 is held by ": "likewise",
    "held by ": "likewise",
    "offsets X1 to X1: ": "likewise",
    "a whole number of ": "likewise",
    "_Person | None": "a type",
    "Value error, ": "Pydantic's words, which are left out",
    "failed to write whole buffer": "a library's words, which are looked for",
    "statement pooling mode": "PgBouncer's words, which are looked for",
    "delegation token": "what Kafka calls it",
    "transactional id": "likewise",
    "dispatch migrate": "the name of a session",
    "地址不详 (address unknown)": "in both languages already",
}
# Names of fields and settings, which are said as they are to be written.
FIELDS = {
    *(name for model in EVENTS.values() for name in model.model_fields),
    *(
        "begins",
        "ends",
        "codes",
        "items",
        "minimums",
        "mobility",
        "need",
        "password",
        "severity",
        "NAME",
    ),
}
WORD = re.compile(r"[A-Za-z]{2,}")
# What stands for a value that is put in.
PROBE = "X1"


def sentences() -> Iterator[tuple[str, str]]:
    """Yield every sentence in the code, with where it stands; values are probes."""
    for part in TOLD:
        path = ROOT / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            where = str(file.relative_to(ROOT))
            if where not in UNREAD:
                for line, sentence in sentences_of(ast.parse(file.read_text(encoding="utf-8"))):
                    yield f"{where}:{line}", sentence


def sentences_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    passed_over = set(unsaid(tree))
    for node in ast.walk(tree):
        if node in passed_over:
            passed_over.update(ast.iter_child_nodes(node))
        elif isinstance(node, ast.JoinedStr):
            passed_over.update(ast.walk(node))
            yield (
                node.lineno,
                "".join(
                    str(each.value) if isinstance(each, ast.Constant) else PROBE
                    for each in node.values
                ),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def unsaid(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what is written for engineers: docstrings, assertions, log lines, defects."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()):
                yield node.value
            case ast.Assert(msg=ast.expr() as message):
                yield message
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "_log"))):
                yield from node.args
            case ast.Raise(
                exc=ast.Call(func=ast.Name(id="AssertionError" | "RuntimeError")) as defect
            ):
                yield defect


def is_sentence(text: str) -> bool:
    """Tell a sentence from a code, a name or a statement."""
    own = text.replace(PROBE, " ")
    return (
        text not in UNSAID
        and len(WORD.findall(own)) >= 2
        and " " in text.strip()
        and not re.search(r"\b(SELECT|SHOW|CREATE|SET LOCAL)\b|^\[|\\|\(\?", text)
    )


FOUND = sorted(
    {sentence: where for where, sentence in sentences() if is_sentence(sentence)}.items()
)


def test_there_are_sentences() -> None:
    assert len(FOUND) > 300


@pytest.mark.parametrize(("sentence", "where"), FOUND, ids=[where for _, where in FOUND])
def test_a_sentence_has_its_chinese(sentence: str, where: str) -> None:
    speak("zh")
    told = said(sentence)
    assert told != sentence
    assert set(english(told.replace(PROBE, ""))) <= FIELDS, (where, told)


def test_each_exception_is_there() -> None:
    there = {sentence for _, sentence in sentences()}
    assert set(UNSAID) <= there


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        (
            "critical patient has waited 330 s for a transfer_crew",
            "危重患者等待转运车组已 5.5 分钟",
        ),
        ("must be at least 0", "不能小于 0"),
        (
            "on_scene cannot be followed by available (legal: transporting, out_of_service)",
            "到达现场之后不能是“待命”（可以是：transporting（送院途中）, out_of_service（停用））",
        ),
        ("H-1 has not answered in time", "市医院未按时答复"),
        ("150702 is not a district of this city", "海拉尔区不是本市的旗市区"),
        ("the patient is critical now: an answer came in", "患者现为危重：接到回答"),
        (
            "a call can't be taken (calls/0/7): body: is required; phone 110; address 河东",
            "一次呼救无法受理（calls/0/7）：body：必须填写；电话 110；地址 河东",
        ),
        (
            "body: is required; position 49.2, 119.7; district 150702; console console/7",
            "body：必须填写；位置 49.2, 119.7；旗市区 海拉尔区；调度席 console/7",
        ),
        ("location.latitude: must be a number", "location.latitude：应为数字"),
        ("caller: is required", "caller：必须填写"),
        (
            "unit A-1: out of service; where its patient is now is not known: last at 2",
            "车辆 A-1：停用；患者现在何处不明，最后位置时间 2",
        ),
    ],
)
def test_a_sentence_is_said_with_names_words_and_minutes(sentence: str, chinese: str) -> None:
    wording.know({"H-1": "市医院", "150702": "海拉尔区"})
    speak("zh")
    assert said(sentence) == chinese


def test_in_english_a_sentence_has_names_and_minutes_too() -> None:
    wording.know({"H-1": "市医院"})
    assert said("H-1 has not answered in time") == "市医院 has not answered in time"
    waited = said("stable patient has waited 330 s for a unit")
    assert waited == "stable patient has waited 5.5 min for a unit"


@pytest.mark.parametrize(
    "given",
    [
        "no case for 28 days",
        "she said 11 days",
        "发热两天",
        "",
        "x" * 5_000,
        "a: " * 2_000,
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_somebody_wrote_stays(language: str, given: str) -> None:
    speak(language)
    assert said(given) == given


def test_every_placeholder_of_the_chinese_is_in_the_english() -> None:
    for sentence in wording._sentences():
        chinese = set(wording._PLACEHOLDER.findall(sentence.chinese))
        assert chinese <= set(sentence.pattern.groupindex), sentence.english


def test_in_english_codes_stay_codes() -> None:
    told = "reason: must be one of vehicle_fault, crew_fault for aborted"
    assert said(told) == told
