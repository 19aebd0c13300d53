"""Finds a vocabulary's words and patterns in a text, and tells where they stand."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dispatch.policy.vocabulary import expression, is_pattern

CHINESE: Final = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Span:
    """Where words stand in a text, and the codes that they name.

    `below` is of a temperature that is too low to be a symptom.
    """

    start: int
    end: int
    codes: tuple[str, ...]
    below: bool = False


class Finder:
    """Finds the words and patterns of a table of codes in a text."""

    def __init__(self, table: Mapping[str, Iterable[str]]) -> None:
        words: dict[str, dict[str, list[str]]] = {}
        self._patterns: list[tuple[re.Pattern[str], str, bool]] = []
        for code, entries in table.items():
            patterns: dict[bool, list[str]] = {True: [], False: []}
            for entry in entries:
                if is_pattern(entry):
                    latin = CHINESE.search(entry) is None
                    patterns[latin].append(expression(entry))
                else:
                    words.setdefault(entry[0], {}).setdefault(entry, []).append(code)
            self._patterns += [
                (re.compile("|".join(found)), code, latin)
                for latin, found in patterns.items()
                if found
            ]
        self._words = {
            first: sorted(
                ((word, tuple(codes)) for word, codes in found.items()),
                key=lambda each: -len(each[0]),
            )
            for first, found in words.items()
        }

    def find(self, text: str, taken: Sequence[Span] = ()) -> list[Span]:
        """Return what stands in a text, in order: words before patterns, none across another."""
        occupied = bytearray(len(text))
        for span in taken:
            occupied[span.start : span.end] = b"\1" * (span.end - span.start)
        found: list[Span] = []
        position = 0
        while position < len(text):
            word = None if occupied[position] else self._word_at(text, position)
            if word is not None and not any(occupied[word.start : word.end]):
                found.append(word)
                occupied[word.start : word.end] = b"\1" * (word.end - word.start)
                position = word.end
            else:
                position += 1
        chinese = CHINESE.search(text) is not None
        for pattern, code, latin in self._patterns:
            if not latin and not chinese:
                continue
            for match in pattern.finditer(text):
                start, end = match.span()
                within = [each for each in found if start <= each.start and each.end <= end]
                covered = sum(each.start == start or each.end == end for each in within)
                if (occupied[start] > 0) + (occupied[end - 1] > 0) <= covered:
                    found = [
                        each
                        for each in found
                        if each not in within or (each.start != start and each.end != end)
                    ]
                    found.append(Span(start, end, (code,)))
        return sorted(found, key=lambda span: (span.start, -span.end))

    def _word_at(self, text: str, position: int) -> Span | None:
        if position and _latin(text[position]) and _latin(text[position - 1]):
            return None
        for word, codes in self._words.get(text[position], ()):
            if text.startswith(word, position) and _whole(text, position, position + len(word)):
                return Span(position, position + len(word), codes)
        return None

    def exactly(self, text: str) -> tuple[str, ...]:
        """Return the codes that a whole text stands for."""
        for word, codes in self._words.get(text[:1], ()):
            if word == text:
                return codes
        return tuple(
            dict.fromkeys(code for pattern, code, _ in self._patterns if pattern.fullmatch(text))
        )

    def latin_words(self) -> Iterator[tuple[str, str]]:
        """Yield the words of Latin letters alone, with each of their codes."""
        for found in self._words.values():
            for word, codes in found:
                if word.isascii() and word.replace(" ", "").isalpha():
                    yield from ((word, code) for code in codes)


def _whole(text: str, start: int, end: int) -> bool:
    """Say whether Latin letters end where a word does."""
    return not (
        (start > 0 and _latin(text[start]) and _latin(text[start - 1]))
        or (end < len(text) and _latin(text[end - 1]) and _latin(text[end]))
    )


def _latin(character: str) -> bool:
    return "a" <= character <= "z"
