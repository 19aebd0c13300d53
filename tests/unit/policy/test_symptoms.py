from dispatch.policy.pack import load_pack
from dispatch.policy.symptoms import MOST_PLACED, codes_of, entries_of, read_complaints

PACK = load_pack("covid-19")


def test_entries_mean_codes_each_once_and_what_means_none_stays() -> None:
    entries = ["发热", "fever", "glow", "unknown", "无", "头晕咳嗽", "没有发烧"]
    assert codes_of(entries, PACK) == ["fever", "glow", "dizziness", "cough"]


def test_entries_are_found_by_what_they_mean_or_to_the_letter() -> None:
    entries = ["发热", "fevor", "glow", "cough"]
    assert list(entries_of("fever", entries, PACK)) == ["发热", "fevor"]
    assert list(entries_of("glow", entries, PACK)) == ["glow"]


def test_of_very_many_words_the_rest_is_not_looked_at() -> None:
    entries = [f"glow {number}" for number in range(MOST_PLACED)]
    assert codes_of([*entries, "发热", "fever"], PACK)[-2:] == ["发热", "fever"]


def test_complaints_are_read_together_the_triggers_first() -> None:
    read = read_complaints(["头晕,没有发烧", "发烧,头晕"], PACK)
    assert [(each.code, each.words) for each in read] == [("fever", "发烧"), ("dizziness", "头晕")]
