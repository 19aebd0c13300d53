from dispatch.policy.words import Finder, Span

FINDER = Finder(
    {
        "ache": ["ache", "疼", "疼痛"],
        "head": ["headache", "head…(ache|hurts)", "头…疼"],
        "both": ["疼痛"],
    }
)


def found(text: str, *taken: Span) -> list[tuple[str, tuple[str, ...]]]:
    return [(text[each.start : each.end], each.codes) for each in FINDER.find(text, taken)]


def test_the_longest_word_is_found_and_with_all_its_codes() -> None:
    assert found("疼痛,疼") == [("疼痛", ("ache", "both")), ("疼", ("ache",))]


def test_latin_words_end_where_other_letters_do() -> None:
    assert found("headaches ache") == [("ache", ("ache",))]
    assert found("头ache") == [("ache", ("ache",))]


def test_a_shorter_word_is_found_where_the_longer_goes_on() -> None:
    finder = Finder({"both": ["short of breath"], "one": ["short"], "other": ["头ache"]})
    for text, there in (
        ("short of breathing", "short"),
        ("short of breath", "short of breath"),
        ("头ache", "头ache"),
        ("头aches", ""),
        ("shorts", ""),
    ):
        assert "".join(text[each.start : each.end] for each in finder.find(text)) == there


def test_a_pattern_takes_the_words_at_its_ends_and_none_beside_them() -> None:
    assert found("头有点疼") == [("头有点疼", ("head",))]
    assert found("头有点疼痛") == [("疼痛", ("ache", "both"))]


def test_a_gap_is_short_and_has_no_denial_or_end_in_it() -> None:
    for text in ("头不疼", "头,疼", "头一二三四五疼"):
        assert found(text) == [("疼", ("ache",))]


def test_what_is_taken_is_not_found_again() -> None:
    assert found("疼疼", Span(0, 1, ("other",))) == [("疼", ("ache",))]
    assert found("头疼", Span(0, 1, ("other",))) == [("疼", ("ache",))]


def test_a_whole_text_stands_for_its_codes() -> None:
    assert FINDER.exactly("疼痛") == ("ache", "both")
    assert FINDER.exactly("头很疼") == ("head",)
    assert FINDER.exactly("头很疼了") == ()
    assert FINDER.exactly("") == ()
