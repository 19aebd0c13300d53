"""Which word a misspelt one is meant to be: conservative, for a wrong guess is a wrong symptom."""

from collections.abc import Collection, Iterable
from typing import Final

# How long a word must be for a missing letter, for any error, and for two.
_ONE_MISSING: Final = 4
_ONE_ERROR: Final = 5
_TWO_ERRORS: Final = 8
_LONGEST: Final = 40


class Spelling:
    """Knows words of Latin letters with their codes, and words that are right as they are."""

    def __init__(self, words: Iterable[tuple[str, str]], right: Collection[str]) -> None:
        self._right = right
        self._by_letter: dict[str, list[tuple[str, str]]] = {}
        self._firsts: set[str] = set()
        for word, code in words:
            if len(word) >= _ONE_MISSING:
                self._by_letter.setdefault(word[0], []).append((word, code))
            first, _, rest = word.partition(" ")
            if rest:
                self._firsts.add(first)

    def begins(self, word: str) -> bool:
        """Say whether words of several parts begin with this one."""
        return word in self._firsts

    def code_of(self, word: str) -> str | None:
        """Return the one code whose word this is near to: by one error, by two where it is long.

        Its first letter must be right. None where no word is near, or words of several codes are.
        """
        if word in self._right or not _ONE_MISSING <= len(word) <= _LONGEST:
            return None
        shortest = 1 if len(word) < _ONE_ERROR else -_TWO_ERRORS
        for errors in (1, 2) if len(word) >= _TWO_ERRORS else (1,):
            near = {
                code
                for known, code in self._by_letter.get(word[0], ())
                if max(shortest, -errors) <= len(known) - len(word) <= errors
                and len(set(known) ^ set(word)) <= 2 * errors
                and _distance(known, word) <= errors
            }
            if near:
                return near.pop() if len(near) == 1 else None
        return None


def _distance(one: str, other: str) -> int:
    """Return how many letters are wrong, missing, too many or exchanged with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        current = [i]
        for j, its in enumerate(other, 1):
            cost = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, row = row, current
    return row[-1]
