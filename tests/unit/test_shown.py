"""What is shown is text: one line, no character without a shape, JSON that says the same."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.shown import json_of, shown, shown_json, shown_lines

anything = st.text(st.characters(exclude_categories=())) | st.text(
    st.sampled_from("a发\n\r\x1b\x7f\x9b\u200b\u202e\u2028\ufeff\ud800\U000e0041\u00ad\u3164\ufe0f")
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("发热 38.5°, naïve 🚑", "发热 38.5°, naïve 🚑"),
        ("\x1b[2J\x1b]0;t\x07", "\\x1b[2J\\x1b]0;t\\x07"),
        ("a\nb\r\n\tc\x00\x7f", "a\\nb\\r\\n\\tc\\x00\\x7f"),
        ("\x85\x9b31m", "\\x85\\x9b31m"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\u202ecod\u2066\u2069\u200f\u061c", "\\u202ecod\\u2066\\u2069\\u200f\\u061c"),
        ("u\u200b1\u200d\u2060\ufeff\u00ad", "u\\u200b1\\u200d\\u2060\\ufeff\\xad"),
        ("\ud83d lone", "\\ud83d lone"),
        ("\U000e0001\U000e0041", "\\U000e0001\\U000e0041"),
        ("\ue000\u0378\uffff", "\\ue000\\u0378\\uffff"),
        ("a\u3164b\u034fc\ufe0f", "a\\u3164b\\u034fc\\ufe0f"),
        ("C:\\x1b", "C:\\x1b"),
    ],
)
def test_what_has_no_shape_is_written_out(text: str, said: str) -> None:
    assert shown(text) == said


@given(anything)
def test_what_is_shown_is_one_printable_line(text: str) -> None:
    said = shown(text)
    assert said.isprintable()
    assert len(said.splitlines()) <= 1
    assert not {unicodedata.category(each) for each in said} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    said.encode()


@given(anything)
def test_what_was_shown_stays_as_it_is(text: str) -> None:
    assert shown(shown(text)) == shown(text)


@given(anything)
def test_only_line_feeds_part_our_own_lines(text: str) -> None:
    assert shown_lines(text).split("\n") == [shown(line) for line in text.split("\n")]


contents = st.recursive(
    st.none() | st.booleans() | st.integers() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)


@given(contents)
def test_json_says_the_same_and_can_be_shown(content: Any) -> None:
    written = json_of(content).decode()
    assert written == shown(written)
    assert json.loads(written) == content


def test_json_in_several_lines_keeps_them() -> None:
    assert shown_json('{\n "a": "\u202e\U000e0041"\n}') == '{\n "a": "\\u202e\\udb40\\udc41"\n}'
