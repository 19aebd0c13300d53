"""What callers say is read: what counts, what does not, and why."""

from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.policy.pack import load_pack
from dispatch.policy.reading import LONGEST_READ, Placed

PACK: Final = load_pack("covid-19")
READER, THRESHOLD = PACK.reader, PACK.screening.temperature
COMPLAINTS: Final = Path(__file__).with_name("complaints.tsv")


def said(column: str) -> list[str]:
    return [] if column == "-" else column.split(",")


def lines() -> Iterator[tuple[str, list[str], list[str]]]:
    for line in COMPLAINTS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            complaint, symptoms, needs = line.split("\t")
            yield complaint, said(symptoms), said(needs)


def triggers(complaint: str) -> set[str]:
    mentions = READER.symptoms(complaint, THRESHOLD)
    return {each.code for each in mentions if each.taken_back is None} & PACK.triggers


def needs(complaint: str) -> set[str]:
    return {each.code for each in READER.needs(complaint) if each.taken_back is None}


def taken_back(complaint: str) -> dict[str, str | None]:
    return {each.code: each.taken_back for each in READER.symptoms(complaint, THRESHOLD)}


@pytest.mark.parametrize(("complaint", "symptoms", "wanted"), list(lines()))
def test_complaints(complaint: str, symptoms: list[str], wanted: list[str]) -> None:
    assert triggers(complaint) == set(symptoms)
    assert needs(complaint) == set(wanted)


@pytest.mark.parametrize(
    ("complaint", "why"),
    [
        ("没有发烧", "denied"),
        ("发烧没有", "denied"),
        ("担心会发烧", "unreal"),
        ("去年发烧", "past"),
        ("发烧已经好了", "over"),
        ("同事发烧,我头晕", "somebody_else"),
        ("是发烧", None),
        ("fever (-), cough (+)", "denied"),
        ("(+) fever (-) cough", None),
        ("发烧?没有没有", "denied"),
        ("邻居发烧,我没事", "somebody_else"),
        ("我没事,邻居发烧", None),
        ("发烧的是隔壁,我家老人摔了", "somebody_else"),
        ("他女朋友发烧,他肚子疼", "somebody_else"),
        ("his wife has a fever, she is dizzy", None),
        ("his wife has a fever, he is dizzy", "somebody_else"),
        ("发烧,随便问问", "unreal"),
        ("以为发烧,量了36.4", "over"),
        ("没咳嗽突然发烧", None),
    ],
)
def test_a_word_that_does_not_count_says_why(complaint: str, why: str | None) -> None:
    assert taken_back(complaint)["fever"] == why


def test_the_words_are_quoted_as_they_were_read() -> None:
    [mention] = READER.symptoms("老人家ＦＥＶＥＲ了", THRESHOLD)
    assert mention == ("fever", "fever", None)
    [mention] = READER.symptoms("體溫三十八度半", THRESHOLD)
    assert mention.words == "三十八度半"


@pytest.mark.parametrize(
    ("entry", "placed"),
    [
        ("fever", Placed("fever")),
        ("发热", Placed("fever")),
        ("發燒", Placed("fever")),
        (" Shortness-of-breath ", Placed("shortness_of_breath")),
        ("shortness_of_breath", Placed("shortness_of_breath")),
        ("Shortness Of Breath", Placed("shortness_of_breath")),
        ("嗓子特别疼", Placed("sore_throat")),
        ("unknown", Placed(unknown=True)),
        ("不详", Placed(unknown=True)),
        ("无", Placed()),
        ("骨折", Placed("fracture")),
        ("烧伤", Placed()),
        ("glow", Placed(known=False)),
        ("", Placed(known=False)),
        ("🤒", Placed(known=False)),
    ],
)
def test_entries_of_a_list(entry: str, placed: Placed) -> None:
    assert READER.place(entry, THRESHOLD) == placed


@pytest.mark.parametrize(
    ("entry", "codes"),
    [
        ("fevor", ["fever"]),
        ("sore thraot", ["sore_throat"]),
        ("高烧不退三天", ["fever"]),
        ("no fever", []),
        ("temp 39", ["fever"]),
    ],
)
def test_entries_that_are_read(entry: str, codes: list[str]) -> None:
    placed = READER.place(entry, THRESHOLD)
    assert placed.known
    assert placed.code is None
    assert [each.code for each in placed.mentions if each.taken_back is None] == codes


def test_every_code_is_known_by_its_words() -> None:
    for code, words in PACK.vocabulary.symptoms.items():
        for entry in (code, words.zh[0], words.en[0], words.en[0].upper()):
            assert READER.code(entry) == code, entry


def test_of_a_long_text_the_beginning_is_read() -> None:
    assert triggers("头晕" * LONGEST_READ + "发热") == set()
    assert triggers("头晕" * 10 + "发热") == {"fever"}


@pytest.mark.parametrize(
    "unit",
    [
        "咳,",
        "咳、",
        "咳",
        "没有",
        "没有咳",
        "1",
        "咳的症状",
        "达到38",
        "feve ",
        "cough or ",
        "邻居发烧",
        "胸很疼",
        "体温38,",
        "咳(-)",
        "发烧的同事",
        "breathing is very ",
        "hundred and one ",
        "要车的是我,咳",
        "同事咳,他没有,",
        "发烧,他不用车,",
        "cough, that's my wife; ",
        "knee is red and ",
        "spikes every ",
        "won't go below ",
        "denies cough, ",
        "体温一直都",
    ],
)
def test_what_is_said_over_and_over_is_read_at_once(unit: str) -> None:
    begun = process_time()
    READER.place(unit * 1_000, THRESHOLD)
    READER.needs(unit * 1_000)
    assert process_time() - begun < 5


def test_what_was_read_is_not_read_again() -> None:
    complaint = "没有发烧,咳嗽" * 10
    assert READER.symptoms(complaint, THRESHOLD) is READER.symptoms(complaint, THRESHOLD)
    assert READER.place(complaint, THRESHOLD) is READER.place(complaint, THRESHOLD)
    above = THRESHOLD.model_copy(update={"celsius_from": 39.0})
    assert READER.symptoms("体温38.5", THRESHOLD) != READER.symptoms("体温38.5", above)


text = st.text(
    st.sampled_from("发烧热咳嗽没不有无我妈邻居昨天退了度38.5,、。 feverno\n℃？"), max_size=60
)


@given(complaint=text | st.text(max_size=40))
def test_whatever_is_said_is_read(complaint: str) -> None:
    for mention in (*READER.symptoms(complaint, THRESHOLD), *READER.needs(complaint)):
        assert mention.code in {*PACK.vocabulary.symptoms, *PACK.vocabulary.needs}
    READER.place(complaint, THRESHOLD)


@given(
    before=st.sampled_from(["", "王先生,", "老人 ", "你好。"]),
    after=st.sampled_from(["", "。", " ", "!"]),
)
def test_what_stands_around_does_not_matter(before: str, after: str) -> None:
    assert triggers(f"{before}发热咳嗽三天{after}") == {"fever", "cough"}
    assert triggers(f"{before}没有发烧,腿摔了{after}") == set()
