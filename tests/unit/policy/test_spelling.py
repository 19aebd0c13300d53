import pytest

from dispatch.policy.spelling import Spelling

SPELLING = Spelling(
    [
        ("fever", "fever"),
        ("cough", "cough"),
        ("croup", "cough"),
        ("headache", "headache"),
        ("heart", "heart"),
        ("hearts", "cards"),
    ],
    {"couch"},
)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("fevor", "fever"),
        ("fevre", "fever"),
        ("feever", "fever"),
        ("fevr", "fever"),
        ("coguh", "cough"),
        ("haedache", "headache"),
        ("hedake", None),
        ("headacke", "headache"),
        ("hedakhe", None),
        ("headeke", None),
        ("headakee", "headache"),
        ("lever", None),  # another first letter
        ("couch", None),  # a word of its own
        ("five", None),
        ("fee", None),
        ("heartz", None),  # near to words of two codes
        ("f" * 1_000, None),
        ("", None),
    ],
)
def test_a_misspelt_word(word: str, code: str | None) -> None:
    assert SPELLING.code_of(word) == code


def test_the_beginning_of_words_of_several_parts() -> None:
    spelling = Spelling([("sore throat", "sore_throat"), ("fever", "fever")], ())
    assert spelling.begins("sore")
    assert not spelling.begins("fever")
