from pathlib import Path

import pytest

from dispatch.errors import PackError
from dispatch.policy.pack import PACKS, load_pack, read_pack
from dispatch.policy.vocabulary import VOCABULARIES, load_vocabulary, vocabulary_names

SOUND = (VOCABULARIES / "zh-en.toml").read_text(encoding="utf-8")
PACK = (PACKS / "covid-19.toml").read_text(encoding="utf-8")


def test_the_vocabulary_of_the_service() -> None:
    assert vocabulary_names() == ["zh-en"]
    vocabulary = load_vocabulary("zh-en", Path())
    assert vocabulary is load_vocabulary("zh-en", Path("/elsewhere"))
    triggers = load_pack("covid-19").triggers | load_pack("influenza-a-h1n1-2009").triggers
    assert triggers < set(vocabulary.symptoms)
    harmless = set(vocabulary.symptoms) - triggers
    assert len(harmless) >= 150
    wanted = "cardiac stroke trauma obstetrics burns dialysis poisoning oncology mental_health"
    assert set(vocabulary.needs) == set(wanted.split())


def test_words_are_compared_without_width_case_script_or_kind_of_blank() -> None:
    folded = load_vocabulary("zh-en", Path()).folded
    assert folded(" ＳＯＲＥ＿Throat ") == "sore throat"
    assert folded("發熱　喉嚨") == "发热 喉咙"
    assert folded("39℃") == "39°c"


@pytest.mark.parametrize(
    ("sound", "broken", "place", "reason"),
    [
        ('name = "zh-en"', "name = 7", "name", "must be text"),
        (
            'unknown = ["unknown"',
            'unknowable = ["x"]\nunknown = ["x"',
            "unknowable",
            "is not a known key",
        ),
        ("[symptoms]", '[symptoms]\n"a b" = { zh = ["x"], en = ["y"] }', "a b", "characters"),
        ("[symptoms]", '[symptoms]\nwings = { zh = [], en = ["y"] }', "wings.zh", "at least 1"),
        ("[symptoms]", '[symptoms]\nwings = { zh = ["翅"] }', "wings.en", "is required"),
        (
            "[symptoms]",
            '[symptoms]\nwings = { zh = ["翅"], en = ["Feverish"] }',
            "symptoms.fever",
            "feverish: is a word of wings too",
        ),
        (
            "[symptoms]",
            '[symptoms]\nwings = { zh = ["(翅"], en = ["w"] }',
            "symptoms.wings.zh",
            "(翅: is no pattern",
        ),
        (
            "[symptoms]",
            '[symptoms]\nwings = { zh = ["(翅)?"], en = ["w"] }',
            "symptoms.wings.zh",
            "matches nothing at all",
        ),
        ('simplified = "', 'simplified = "多', "characters.simplified", "as many characters"),
    ],
)
def test_a_broken_vocabulary_is_refused_with_file_place_and_reason(
    tmp_path: Path, sound: str, broken: str, place: str, reason: str
) -> None:
    assert sound in SOUND
    words, pack = tmp_path / "words.toml", tmp_path / "mine.toml"
    words.write_text(SOUND.replace(sound, broken, 1), encoding="utf-8")
    pack.write_text(PACK.replace('"zh-en"', '"words.toml"', 1), encoding="utf-8")
    with pytest.raises(PackError) as caught:
        read_pack(pack)
    message = str(caught.value)
    assert message.startswith(f"{pack}: {words}: ")
    assert place in message
    assert reason in message


def test_a_vocabulary_of_ones_own_stands_beside_its_pack(tmp_path: Path) -> None:
    words, pack = tmp_path / "words.toml", tmp_path / "mine.toml"
    wings = '[symptoms]\nwings = { zh = ["长翅膀"], en = ["wings"] }'
    words.write_text(SOUND.replace("[symptoms]", wings, 1), encoding="utf-8")
    pack.write_text(
        PACK.replace('"zh-en"', '"words.toml"', 1).replace('["fever"', '["wings", "fever"', 1),
        encoding="utf-8",
    )
    assert read_pack(pack).reader.code("长翅膀") == "wings"


@pytest.mark.parametrize("name", ["", "x" * 5_000, "a\\u0000b", "nowhere.toml"])
def test_what_is_no_vocabulary_at_all(tmp_path: Path, name: str) -> None:
    pack = tmp_path / "mine.toml"
    pack.write_text(PACK.replace('"zh-en"', f'"{name}"', 1), encoding="utf-8")
    with pytest.raises(PackError, match="vocabulary"):
        read_pack(pack)
