"""A vocabulary: what callers say, as data, for every pack that names it.

It is one TOML file beside the packs: the words of each symptom and of each need, what denies them,
and what else takes a word back. `dispatch/policy/reading.py` reads with it. No word is in code.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dispatch.errors import PackError
from dispatch.policy.rules import Line, Part, place_error
from dispatch.toml_file import read_toml
from dispatch.topics.fields import SYMPTOMS_UNKNOWN, Identifier, in_a_line

VOCABULARIES = resources.files("dispatch.policy") / "vocabularies"

_PATTERN: Final = re.compile(r"[…(\[|?{]")
# A gap: a few characters of one clause, none of which denies.
GAP: Final = r"[^ ,.;:!?。、不没无未否唔冇]{0,4}"
_LATIN: Final = re.compile("[a-z]")


def is_pattern(word: str) -> bool:
    """Say whether an entry is a pattern, not a word as it stands."""
    return _PATTERN.search(word) is not None


def alternatives(words: Iterable[str]) -> str:
    """Return a regular expression for any of some entries; Latin letters end at other letters.

    Those of Latin letters come last, and where none begins is looked at once for all of them.
    """
    latin: list[str] = []
    others: list[str] = []
    for word in words:
        inner = word.replace("…", GAP) if is_pattern(word) else re.escape(word)
        (latin if _LATIN.search(word) else others).append(f"(?:{inner})")
    if latin:
        others.append(rf"(?<![a-z])(?:{'|'.join(latin)})(?![a-z])")
    return "|".join(others) or r"(?!)"


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return what matches any of some entries, a longer one first; of none, nothing."""
    return re.compile(alternatives(sorted(words, key=len, reverse=True)))


def _compile(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in filter(is_pattern, words):
        try:
            compiled = re.compile(alternatives([word]))
        except re.error as error:
            raise PydanticCustomError(
                "pack", "{word}: is no pattern: {why}", {"word": word, "why": str(error)}
            ) from None
        if compiled.fullmatch(""):
            raise PydanticCustomError("pack", "{word}: matches nothing at all", {"word": word})
    return words


Entries = Annotated[tuple[Line, ...], Field(strict=False), AfterValidator(_compile)]
SomeEntries = Annotated[
    tuple[Line, ...], Field(strict=False, min_length=1), AfterValidator(_compile)
]


class Words(Part):
    """The words for one thing in both languages; the first of each are its names."""

    zh: SomeEntries
    en: SomeEntries

    def both(self) -> Iterator[str]:
        """Yield every word and pattern."""
        yield from self.zh
        yield from self.en


class NeedWords(Words):
    """The words that ask for a capability, and the `symptoms` whose codes do.

    `lasting`: also where the words are of the past.
    """

    lasting: bool = False
    symptoms: Annotated[tuple[Identifier, ...], Field(strict=False)] = ()


class TemperatureWords(Part):
    """What stands before a temperature, what must not stand beside it, and what says it is over.

    `measured` stands before one in degrees Celsius too, `behind` behind it.
    """

    before: SomeEntries
    measured: Entries
    behind: Entries
    not_before: Entries
    not_after: Entries
    normal_again: Entries


class People(Part):
    """Who is spoken of: somebody beside the patient, the family, who speaks; and who was met.

    `well`: nothing is the matter with them; `asks`: the caller only asks; `is_of` says behind a
    symptom whose it is; `instead`: now it is about the next person. `things` are nobody, `patient`
    and `patient_is` say who the patient is, `dismissed` and `not_so` who is not, or has it not.
    """

    others: Entries
    family: Entries
    speaker: Entries
    pronouns: Entries
    also: Entries
    met: Entries
    whose: Entries
    who: Entries
    well: Entries
    asks: Entries
    is_of: Entries
    instead: Entries
    things: Entries
    patient: Entries
    patient_is: Entries
    dismissed: Entries
    not_so: Entries


class Context(Part):
    """What makes a word count no more, or count after all; the file says what each list is."""

    denials: SomeEntries
    formal_denials: Entries
    no_denials: Entries
    afresh: Entries
    fillers: Entries
    joiners: Entries
    formal_joiners: Entries
    denied_after: Entries
    after_fillers: Entries
    together: Entries
    exceptions: Entries
    unreal: Entries
    fulfilled: Entries
    real: Entries
    asked_after: Entries
    idle: Entries
    long_past: Entries
    recent_past: Entries
    now: Entries
    later: Entries
    since_then: Entries
    history_after: Entries
    resolved: Entries
    not_resolved: Entries
    relapsed: Entries
    lasting: SomeEntries
    people: People


class Characters(Part):
    """Traditional characters, and in the same places how simplified script has them."""

    traditional: str
    simplified: str

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.traditional) != len(self.simplified):
            raise place_error("simplified", "must have as many characters as traditional")
        return self


class Placeholders(Part):
    """What fills a field and tells nobody, or no place, from another; and how the sexes are told.

    `titles` stand around a name and are none; `symptoms` are codes that say hardly anything.
    """

    names: Entries = ()
    titles: Entries = ()
    addresses: Entries = ()
    male: Entries = ()
    female: Entries = ()
    symptoms: Entries = ()


class Vocabulary(Part):
    """A vocabulary as its file has it."""

    name: Identifier
    unknown: SomeEntries
    none: Entries
    nothing: Entries
    not_typos: Entries
    symptoms: Annotated[dict[Identifier, Words], Field(min_length=1)]
    needs: dict[Identifier, NeedWords]
    temperature: TemperatureWords
    context: Context
    characters: Characters
    placeholders: Placeholders = Placeholders()

    @model_validator(mode="after")
    def _knows_what_the_service_writes(self) -> Self:
        if SYMPTOMS_UNKNOWN not in self.unknown:
            raise place_error("unknown", f"must have {SYMPTOMS_UNKNOWN}")
        return self

    @model_validator(mode="after")
    def _no_word_means_two_symptoms(self) -> Self:
        meant: dict[str, str] = {}
        for code, words in self.symptoms.items():
            for word in (code, *words.both()):
                other = meant.setdefault(self.folded(word), code)
                if other != code:
                    raise place_error(f"symptoms.{code}", f"{word}: is a word of {other} too")
        return self

    @model_validator(mode="after")
    def _needs_name_symptoms(self) -> Self:
        for need, words in self.needs.items():
            for code in words.symptoms:
                if code not in self.symptoms:
                    raise place_error(f"needs.{need}.symptoms", f"{code} is not among symptoms")
        return self

    @cached_property
    def simplified(self) -> dict[int, str]:
        """The simplified character for each traditional one, for `str.translate`."""
        pairs = zip(self.characters.traditional, self.characters.simplified, strict=True)
        return {ord(old): new for old, new in pairs}

    def folded(self, text: str) -> str:
        """Return a text as words are compared: of one width, case, script and kind of blank."""
        folded = unicodedata.normalize("NFKC", text).casefold().translate(self.simplified)
        folded = re.sub("(?<=[a-z])-(?=[a-z])", " ", folded.replace("_", " ").replace("’", "'"))
        return re.sub(r"\s+", " ", folded).strip()


def vocabulary_names() -> list[str]:
    """Return the names of the vocabularies that come with the service."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in VOCABULARIES.iterdir()
        if entry.name.endswith(".toml")
    )


def load_vocabulary(name: str, beside: Path) -> Vocabulary:
    """Return a vocabulary by its name, or by the path of its file, relative to a pack's folder.

    Raises PackError with the file, the place in it and the reason.
    """
    if name in vocabulary_names():
        with resources.as_file(VOCABULARIES / f"{name}.toml") as path:
            return _read(path)
    try:
        path = (beside / name).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        # Longer than a name may be, with a NUL in it, or links in a ring.
        names = ", ".join(vocabulary_names())
        raise PackError(
            f"vocabulary: {name}: neither the name of a vocabulary ({names}) nor a file"
        ) from None
    return _read(path)


@lru_cache(maxsize=16)
def _read(path: Path) -> Vocabulary:
    content = read_toml(path, PackError)
    try:
        return Vocabulary.model_validate(content)
    except ValidationError as error:
        raise PackError(f"{path}: {in_a_line(error)}") from error
