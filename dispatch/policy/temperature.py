"""Reads the temperatures of a body out of a text, in degrees Celsius or Fahrenheit."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from dispatch.policy.rules import Part
from dispatch.policy.vocabulary import TemperatureWords, any_of
from dispatch.policy.words import Span
from dispatch.topics.fields import Identifier

_DIGITS: Final = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_ONE_TO_NINE: Final = "one|two|three|four|five|six|seven|eight|nine"
_ENGLISH: Final = {word: value for value, word in enumerate(_ONE_TO_NINE.split("|"), 1)} | {
    "thirty": 30,
    "forty": 40,
    "hundred": 100,
    "oh": 100,
}
_CELSIUS: Final = re.compile(
    # 三十九 loses its 十 in a hurry, and a decimal point is typed as what lies beside it.
    r"(?P<whole>3[4-9]|4[0-3]|(?:三|四)十[一二三四五六七八九]?"
    r"|三[7-9七八九](?=度|点)|3[七八九](?=度|点)|四[零一二](?=度|点))(?:(?<=[七八])[八九](?=度))?"
    r"(?:(?:\.|点| point |[,。](?=[0-9] ?度))(?P<tenth>[0-9]|[一二三四五六七八九])[0-9]?)?"
    r"\s*(?P<unit>度|°\s*c?|c(?![a-z])|deg(?:rees?)?(?:\s*c(?:elsius)?)?)?"
    r"(?:(?<=[度°])(?P<after>[0-9]|[一二三四五六七八九半])(?![0-9天个年月周小]))?(?:(?<=度)|(?![0-9]))"
)
_FAHRENHEIT: Final = re.compile(
    r"(?P<whole>9[5-9]|10[0-9]|一百零?[一二三四五六])(?:(?:\.|点)(?P<tenth>[0-9]|[一二三四五六七八九]))?"
    r"\s*(?P<unit>°\s*f?|f(?:ahrenheit)?(?![a-z])|deg(?:rees?)?(?:\s*f(?:ahrenheit)?)?|华氏度?|度)?(?![0-9])"
)
_SPOKEN_CELSIUS: Final = re.compile(
    rf"(?<![a-z])(?P<whole>thirty (?:four|five|six|seven|eight|nine)|forty(?: (?:one|two|three))?)"
    rf"(?:(?P<point> point)? (?P<tenth>{_ONE_TO_NINE}))?(?P<unit> deg(?:rees?)?)?(?![a-z])"
)
_SPOKEN_FAHRENHEIT: Final = re.compile(
    r"(?<![a-z])(?P<whole>hundred(?: and)? (?:one|two|three|four|five|six)"
    r"|(?<=one )oh (?:one|two|three|four|five|six))"
    rf"(?:(?P<point> point)? (?P<tenth>{_ONE_TO_NINE}))?(?P<unit> deg(?:rees?)?)?(?![a-z])"
)
_WORDS_BETWEEN: Final = (
    r"(?>\s|是|有|还有|还在|还|又|仍|在|为|成|着|出来|出|一下|已经|已|现在|今天|早上|升|涨|最高"
    r"|达到|到了|到|了|都|达|波动|维持|保持|徘徊|大概|约|将近|近|快|超过|差不多|:|=|'s|is|of|was|at"
    r"|about|over|up to|as high as|around|nearly|almost|went|to|reached|hit|now|still"
    r"|(?:one|a)(?= ))*+"
)


class Threshold(Part):
    """The symptom that a measured temperature means, from so many degrees Celsius on."""

    symptom: Identifier
    celsius_from: Annotated[float, Field(ge=35, le=42)]


class Thermometer:
    """Knows the words that stand beside a body's temperature, and beside other numbers."""

    def __init__(self, words: TemperatureWords) -> None:
        before, not_before = any_of(words.before), any_of(words.not_before)
        measured = any_of((*words.before, *words.measured))
        self._before = re.compile(f"(?:{before.pattern}){_WORDS_BETWEEN}$")
        self._measured = re.compile(f"(?:{measured.pattern}){_WORDS_BETWEEN}$")
        self._behind = re.compile(rf" ?(?:on (?:the|a|his|her|my) )?(?:{before.pattern})")
        self._told_behind = re.compile(rf" ?(?:{any_of(words.behind).pattern})")
        self._not_before = re.compile(f"(?:{not_before.pattern}){_WORDS_BETWEEN}$")
        self._not_after = re.compile(rf"\s*(?:{any_of(words.not_after).pattern})")

    def find(self, text: str, threshold: Threshold) -> Iterator[Span]:
        """Yield the temperatures in a text: the symptom, or below what makes it one."""
        for match, celsius in self._temperatures(text):
            yield Span(
                match.start(),
                match.end(),
                (threshold.symptom,),
                below=celsius < threshold.celsius_from,
            )

    def _temperatures(self, text: str) -> Iterator[tuple[re.Match[str], float]]:
        for pattern, fahrenheit in (
            (_CELSIUS, False),
            (_FAHRENHEIT, True),
            (_SPOKEN_CELSIUS, False),
            (_SPOKEN_FAHRENHEIT, True),
        ):
            before = self._before if fahrenheit else self._measured
            for match in pattern.finditer(text):
                beginning = text[: match.start()]
                told = before.search(beginning) is not None
                # A number with a tenth needs no unit, but 华氏 is rarely said and 度 is Celsius.
                if fahrenheit:
                    told = told or self._behind.match(text, match.end()) is not None
                told = told or self._told_behind.match(text, match.end()) is not None
                sure = match["unit"] is not None or (match["tenth"] is not None and not fahrenheit)
                if fahrenheit and match["unit"] == "度":
                    sure = False
                if not (told or sure) or self._is_something_else(text, match):
                    continue
                degrees = _number(match["whole"]) + _tenths(match["tenth"])
                if fahrenheit:
                    yield match, (degrees - 32) * 5 / 9
                else:
                    yield match, degrees + _tenths(match.groupdict().get("after"))

    def _is_something_else(self, text: str, match: re.Match[str]) -> bool:
        beginning = text[: match.start()]
        return (
            beginning[-1:].isdigit()
            or beginning.endswith((".", "十"))
            or self._not_before.search(beginning) is not None
            or self._not_after.match(text, match.end()) is not None
        )


def _number(said: str) -> float:
    """Return a whole number of degrees, in figures, Chinese or English."""
    if said.isdecimal():
        return float(said)
    if said[0].isascii() and said[0].isalpha():
        return float(sum(_ENGLISH.get(word, 0) for word in said.split()))
    if said[0] == "一":
        return 100.0 + _DIGITS[said[-1]]
    tens, ones = said[0], said[1:].removeprefix("十")
    return 10.0 * _digit(tens) + (_digit(ones) if ones else 0)


def _tenths(said: str | None) -> float:
    if said is None:
        return 0.0
    if said == "半":
        return 0.5
    return _digit(said) / 10


def _digit(said: str) -> int:
    if said.isdigit():
        return int(said)
    return _DIGITS[said] if said in _DIGITS else _ENGLISH[said]
