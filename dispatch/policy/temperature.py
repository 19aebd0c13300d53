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
_CELSIUS: Final = re.compile(
    r"(?P<whole>3[4-9]|4[0-3]|(?:三|四)十[一二三四五六七八九]?)"
    r"(?:(?:\.|点)(?P<tenth>[0-9]|[一二三四五六七八九])[0-9]?)?"
    r"\s*(?P<unit>度|°\s*c?|c(?![a-z])|deg(?:rees?)?(?:\s*c(?:elsius)?)?)?"
    r"(?:(?<=度)(?P<after>[0-9]|[一二三四五六七八九半])(?![0-9天个年月周小]))?(?:(?<=度)|(?![0-9]))"
)
_FAHRENHEIT: Final = re.compile(
    r"(?P<whole>9[5-9]|10[0-9])(?:\.(?P<tenth>[0-9]))?"
    r"\s*(?P<unit>°\s*f?|f(?![a-z])|deg(?:rees?)?(?:\s*f(?:ahrenheit)?)?|华氏度?|度)?(?![0-9])"
)
_WORDS_BETWEEN: Final = (
    r"(?>\s|是|有|达到|到了|到|了|都|达|大概|约|将近|近|快|超过|:|is|of|was|at|about|over)*+"
)


class Threshold(Part):
    """The symptom that a measured temperature means, from so many degrees Celsius on."""

    symptom: Identifier
    celsius_from: Annotated[float, Field(ge=35, le=42)]


class Thermometer:
    """Knows the words that stand beside a body's temperature, and beside other numbers."""

    def __init__(self, words: TemperatureWords) -> None:
        before, not_before = any_of(words.before), any_of(words.not_before)
        self._before = re.compile(f"(?:{before.pattern}){_WORDS_BETWEEN}$")
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
        for pattern, fahrenheit in ((_CELSIUS, False), (_FAHRENHEIT, True)):
            for match in pattern.finditer(text):
                beginning = text[: match.start()]
                told = self._before.search(beginning) is not None
                # A number with a tenth needs no unit, but 华氏 is rarely said and 度 is Celsius.
                sure = match["unit"] is not None or (match["tenth"] is not None and not fahrenheit)
                if fahrenheit and match["unit"] == "度":
                    sure = False
                if not (told or sure) or self._is_something_else(text, match):
                    continue
                degrees = _number(match["whole"]) + _tenths(match["tenth"])
                if fahrenheit:
                    yield match, (degrees - 32) * 5 / 9
                else:
                    yield match, degrees + _tenths(match["after"])

    def _is_something_else(self, text: str, match: re.Match[str]) -> bool:
        beginning = text[: match.start()]
        return (
            beginning[-1:].isdigit()
            or beginning.endswith((".", "十"))
            or self._not_before.search(beginning) is not None
            or self._not_after.match(text, match.end()) is not None
        )


def _number(said: str) -> float:
    """Return a number of two digits, in Chinese or not."""
    if said[0].isdigit():
        return float(said)
    tens, _, ones = said.partition("十")
    return 10.0 * _DIGITS[tens] + (_DIGITS[ones] if ones else 0)


def _tenths(said: str | None) -> float:
    if said is None:
        return 0.0
    if said == "半":
        return 0.5
    return (int(said) if said.isdigit() else _DIGITS[said]) / 10
