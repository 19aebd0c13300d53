"""How values are said to a person: words for codes, names for ids, minutes and percent, sentences.

What the service writes into its events and errors is English; `said` says it in the language in
use. The sentences are those of `messages/sentences.toml`, the words those of `[word]` in the
catalogues, the names those of the city's plan (`know`).
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from dispatch.language import catalogue, spoken, text
from dispatch.topics.fields import parse_time
from dispatch.topics.orders import WITHHELD

ABSENT: Final = "–"
TIME_FORMAT: Final = "%m-%d %H:%M:%S"
# What is longer, or lies deeper in another sentence, stays as it is: a sender may write anything.
LONGEST: Final = 1_000
DEEPEST: Final = 8

_MINUTE: Final = 60.0
_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0
# As long as its figure is a small one, minutes are said.
_LONGEST_IN_MINUTES: Final = 2 * _HOUR
_LONGEST_IN_HOURS: Final = 2 * _DAY
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
# Parts of a sentence that may be of several words; any other is one code, figure or id.
_WORDY: Final = frozenset(
    {
        *("because", "ending", "error", "reason", "reasons", "first", "second", "what", "place"),
        *("places", "path", "part", "name", "names", "value", "key", "keys", "facts", "word"),
        *("expected", "known", "legal", "choices", "codes", "symptoms", "items", "incidents"),
        *(
            "units",
            "numbers",
            "fields",
            "whom",
            "kind",
            "escalate_to",
            "fallback",
            "source",
            "time",
        ),
        *("holders", "claim", "own", "last", "close", "example", "owner", "table", "dsn", "hosts"),
        *("host", "where", "only", "range", "type", "character", "pattern", "operation"),
        *("later", "earlier", "clause", "session", "user", "topics", "others", "account"),
        *("pack", "other", "whose"),
    }
)
_FIGURE: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SYMPTOM_FIELDS: Final = re.compile(r"(^|_)symptoms($|_)|^code$")
# Codes that somebody is to type: their words are put beside them.
_CODES_FIELDS: Final = frozenset({"expected", "known", "legal", "choices"})
_CODE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NAMED_FIELDS: Final = re.compile(r"(^|_)(hospital|centre|district|proposal)(_id)?$")

_names: dict[str, str] = {}


class _Sentence(NamedTuple):
    """A sentence as the service writes it, as a pattern, and as it is said in Chinese.

    `longest` is what stands in it whatever is put in: looked for first, as that costs little.
    """

    longest: str
    pattern: re.Pattern[str]
    english: str
    chinese: str


def know(names: Mapping[str, str]) -> None:
    """Say these names (of hospitals and districts) for their ids from now on in this process."""
    _names.clear()
    _names.update(names)


def named(code: str) -> str:
    """Return the name of a hospital or district by its id or code; the id where nobody knows it."""
    return _names.get(code, code)


def minutes(seconds: float) -> str:
    """Return a number of minutes: to one decimal, of less than a minute to two."""
    return _number(seconds / _MINUTE, 2 if abs(seconds) < _MINUTE else 1)


def duration(seconds: float) -> str:
    """Return how long something takes as people say it: minutes, and hours or days of much.

    Of less than a minute, whole seconds.
    """
    if abs(seconds) < _MINUTE:
        return text("measure.seconds", value=round(seconds))
    if abs(seconds) <= _LONGEST_IN_MINUTES:
        return text("measure.minutes", value=minutes(seconds))
    if abs(seconds) <= _LONGEST_IN_HOURS:
        return text("measure.hours", value=_number(seconds / _HOUR, 1))
    return text("measure.days", value=_number(seconds / _DAY, 1))


def percent(share: float, decimals: int = 1) -> str:
    """Return a share (0 to 1) in percent."""
    return f"{share:.{decimals}%}"


def _number(value: float, decimals: int) -> str:
    figures = f"{value:.{decimals}f}"
    return figures.rstrip("0").rstrip(".") if "." in figures else figures


def word(code: str, field: str = "", *, language: str | None = None) -> str | None:
    """Return the word for a code in a language, the one in use unless given; None without one.

    The same code may mean something else in another field.
    """
    words = catalogue(language or spoken())
    return words.get(f"word_of.{field}.{code}") or words.get(f"word.{code}")


def in_words(value: Any, field: str = "", depth: int = 0) -> str:
    """Return a value as a reader of the language in use says it.

    `field` is the name under which it stands: a `…seconds` is a duration, a `…share` a percentage.
    """
    match value:
        case None:
            return ABSENT
        case bool():
            code = "yes" if value else "no"
            return word(code, field) or code
        case int() | float() if field.endswith("seconds"):
            return duration(value)
        case int() | float() if field.endswith("share"):
            return percent(value)
        case timedelta():
            return duration(value.total_seconds())
        case str():
            return _text_in_words(value, field, depth)
        case float():
            return f"{value:g}"
        case Mapping():
            return text("mark.comma").join(
                name
                if field == "changed" and _is_only_named(key, each)
                else text("mark.pair", name=name, value=in_words(each, str(key)))
                for key, each in value.items()
                for name in (_text_in_words(str(key), field, depth),)
            )
        case list() | tuple():
            return text("mark.enumeration").join(in_words(each, field) for each in value) or ABSENT
        case _:
            return str(value)


def _text_in_words(value: str, field: str, depth: int) -> str:
    if field.endswith("seconds") and _FIGURE.fullmatch(value):
        return duration(float(value))
    if field in _CODES_FIELDS and spoken() != "en":
        return _CODE.sub(_with_word, value)
    if _NAMED_FIELDS.search(field) and value in _names:
        return _names[value]
    if field.endswith("_id"):
        return value
    return (
        _local_time(value)
        or (symptom(value) if _SYMPTOM_FIELDS.search(field) else None)
        or word(value, field)
        or word(value.replace(" ", "_"), field)
        or _names.get(value)
        or said(value, depth)
    )


def _is_only_named(field: str, value: Any) -> bool:
    """Tell what changed of an order and is withheld here, or is too much for a line."""
    parts = value if isinstance(value, list | tuple) else [value]
    return (value is None and field in WITHHELD) or any(isinstance(p, Mapping) for p in parts)


def _with_word(code: re.Match[str]) -> str:
    meaning = word(code[0])
    return code[0] if meaning is None else text("mark.code", code=code[0], word=meaning)


def _local_time(text: str) -> str | None:
    """Return a time as the terminal's clock shows it; None when the text is none."""
    try:
        return parse_time(text).astimezone().strftime(TIME_FORMAT)
    except ValueError:
        return None


def symptom(code: str) -> str | None:
    """Return a symptom's name; None of what is no symptom's code."""
    return _symptoms(spoken()).get(code)


@cache
def _symptoms(language: str) -> Mapping[str, str]:
    # Imported late: most of what is said has no symptom in it.
    from dispatch.policy.vocabulary import (  # noqa: PLC0415
        VOCABULARIES,
        load_vocabulary,
        vocabulary_names,
    )

    found: dict[str, str] = {}
    for name in vocabulary_names():
        with resources.as_file(VOCABULARIES) as folder:
            vocabulary = load_vocabulary(name, folder)
        for code, words in vocabulary.symptoms.items():
            found.setdefault(code, (words.zh if language == "zh" else words.en)[0])
    return found


def said(sentence: str, depth: int = 0) -> str:
    """Return a sentence of the service in the language in use; any other text as it is.

    In English only ids and seconds are said otherwise.
    """
    if len(sentence) > LONGEST or depth >= DEEPEST:
        return sentence
    for known in _sentences():
        if known.longest not in sentence:
            continue
        found = known.pattern.fullmatch(sentence)
        if found is None:
            continue
        template = known.chinese if spoken() == "zh" else _without_units(known.english)
        values = {name: _put_in(value, name, depth) for name, value in found.groupdict().items()}
        parts = _PLACEHOLDER.split(template)
        parts[1::2] = [values[name] for name in parts[1::2]]
        return "".join(parts)
    return _listed(sentence)


def _put_in(value: str, field: str, depth: int) -> str:
    """Return what stands in a sentence as it is said; in English codes stay as they are."""
    if field == "place" and " " not in value:
        # A field's path, which is to be found as it is written.
        return value
    if spoken() != "en" or (field.endswith("seconds") and _FIGURE.fullmatch(value)):
        return in_words(value, field, depth + 1)
    return _names.get(value) or (said(value, depth + 1) if field in _WORDY else value)


def _listed(sentence: str) -> str:
    """Return codes in a row as words in a row; any other text, and in English all, as it is."""
    if spoken() == "en":
        return sentence
    words = [word(code) or _names.get(code) for code in sentence.split(", ")]
    if len(words) > 1 and all(words):
        return text("mark.enumeration").join(filter(None, words))
    return sentence


def _without_units(english: str) -> str:
    return re.sub(r"(\{\w*seconds\}) s\b", r"\1", english)


@cache
def _sentences() -> tuple[_Sentence, ...]:
    """Return all sentences, those that say most by themselves first."""
    source = resources.files("dispatch") / "messages" / "sentences.toml"
    tables = tomllib.loads(source.read_text(encoding="utf-8"))
    found = [(english, chinese) for table in tables.values() for english, chinese in table.items()]
    found.sort(key=lambda pair: len(_PLACEHOLDER.sub("", pair[0])), reverse=True)
    return tuple(
        _Sentence(_longest(english), _pattern(english), english, chinese)
        for english, chinese in found
    )


def _longest(english: str) -> str:
    return max(_PLACEHOLDER.split(english)[::2], key=len)


def _pattern(english: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(english)
    # Texts and the names of placeholders take turns.
    written = [
        rf"(?P<{part}>{'.+?' if part in _WORDY else '[^ ]+?'})" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    ]
    return re.compile("".join(written), re.DOTALL)
