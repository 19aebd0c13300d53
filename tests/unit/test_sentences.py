"""Every sentence that the service writes has its Chinese, and no other text is taken for one."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

import dispatch
from dispatch import wording
from dispatch.language import speak
from dispatch.wording import said

ROOT = Path(dispatch.__path__[0])
# Whatever of `dispatch` puts a sentence into an event, an error or a line that somebody reads.
TOLD = (
    *("domain", "topics", "policy", "planning", "store", "topic_admin", "stack", "checker", "kafka"),
    *("indicators", "settings.py", "cluster.py", "client.py", "clock.py", "web.py", "errors.py"),
)
# Where an English sentence is written that no person who works with the service reads.
UNREAD = {
    "planning/drawing.py": "a picture's legend, for engineers",
    "planning/plan.py": "what a test says of a wrong plan",
    "stack/kafka_cluster.py": "Apache Kafka for tests and benchmarks",
    "stack/kafka_security.py": "likewise",
    "stack/tether.py": "a child process's last words",
    "policy/vocabulary.py:GAP": "a pattern",
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
            yield node.lineno, "".join(
                str(each.value) if isinstance(each, ast.Constant) else PROBE
                for each in node.values
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
            case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError" | "RuntimeError"))):
                yield node.exc


def is_sentence(text: str) -> bool:
    """Tell a sentence from a code, a name or a statement."""
    own = text.replace(PROBE, " ")
    return (
        len(WORD.findall(own)) >= 2
        and " " in text.strip()
        and not re.search(r"\b(SELECT|SHOW|CREATE|SET LOCAL)\b|^\[|\\", text)
    )


FOUND = sorted({sentence: where for where, sentence in sentences() if is_sentence(sentence)}.items())


def test_there_are_sentences() -> None:
    assert len(FOUND) > 300


@pytest.mark.parametrize(("sentence", "where"), FOUND, ids=[where for _, where in FOUND])
def test_a_sentence_has_its_chinese(sentence: str, where: str) -> None:
    speak("zh")
    assert re.search(r"[\u4e00-\u9fff]", said(sentence)), (where, sentence)
