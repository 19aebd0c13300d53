"""Finds a vocabulary's words and patterns in a text, and tells where they stand."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dispatch.policy.vocabulary import alternatives, is_pattern

CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
_LETTER: Final = re.compile("[a-z]")


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
                    patterns[latin].append(entry)
                else:
                    words.setdefault(entry[0], {}).setdefault(entry, []).append(code)
            for latin, found in patterns.items():
                if found:
                    self._patterns.append((re.compile(alternatives(found)), code, latin))
        self._words = {
            word: tuple(codes) for found in words.values() for word, codes in found.items()
        }
        # Those with one first character, the longest first.
        self._beginning = {
            first: re.compile("|".join(map(_whole, sorted(found, key=len, reverse=True))))
            for first, found in words.items()
        }
        latin_firsts = re.escape("".join(filter(_latin, words)))
        other_firsts = re.escape("".join(each for each in words if not _latin(each)))
        firsts = [
            *([f"(?<![a-z])[{latin_firsts}]"] if latin_firsts else []),
            *([f"[{other_firsts}]"] if other_firsts else []),
        ]
        self._first = re.compile("|".join(firsts) or r"(?!)")

    def find(self, text: str, taken: Sequence[Span] = ()) -> list[Span]:
        """Return what stands in a text, in order: words before patterns, none across another."""
        occupied = bytearray(len(text))
        for span in taken:
            occupied[span.start : span.end] = b"\1" * (span.end - span.start)
        found: list[Span] = []
        for first in self._first.finditer(text):
            match = self._beginning[first[0]].match(text, first.start())
            if match is None:
                continue
            start, end = match.span()
            if not any(occupied[start:end]):
                found.append(Span(start, end, self._words[match[0]]))
                occupied[start:end] = b"\1" * (end - start)
        chinese, letters = CHINESE.search(text) is not None, _LETTER.search(text) is not None
        for pattern, code, latin in self._patterns:
            if not (letters if latin else chinese):
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

    def exactly(self, text: str) -> tuple[str, ...]:
        """Return the codes that a whole text stands for."""
        if (codes := self._words.get(text)) is not None:
            return codes
        return tuple(
            dict.fromkeys(code for pattern, code, _ in self._patterns if pattern.fullmatch(text))
        )

    def latin_words(self) -> Iterator[tuple[str, str]]:
        """Yield the words of Latin letters alone, with each of their codes."""
        for word, codes in self._words.items():
            if word.isascii() and word.replace(" ", "").isalpha():
                yield from ((word, code) for code in codes)


def _whole(word: str) -> str:
    """Return what matches a word as it stands; Latin letters end where a word does."""
    return re.escape(word) + ("(?![a-z])" if _latin(word[-1]) else "")


def _latin(character: str) -> bool:
    return "a" <= character <= "z"
