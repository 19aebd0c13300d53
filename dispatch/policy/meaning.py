"""What a caller's words amount to: the symptoms and needs in them, however they are said."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from dispatch.policy.reading import LONGEST_READ, Reader
from dispatch.policy.temperature import Threshold

# A complaint is compared with many others: so many texts are remembered.
_REMEMBERED: Final = 1_000


class Meanings:
    """Reads texts by one vocabulary, so that 胸痛 and 心梗 are found to be one thing."""

    def __init__(self, reader: Reader, threshold: Threshold, vague: Iterable[str]) -> None:
        self._reader, self._threshold, self._vague = reader, threshold, frozenset(vague)
        self._of = lru_cache(_REMEMBERED)(self._read)

    def of(self, text: str) -> frozenset[str]:
        """Return the codes of the symptoms and needs that a text names and does not take back."""
        return self._of(text[:LONGEST_READ])

    def telling(self, codes: Iterable[str]) -> frozenset[str]:
        """Return those codes that make two complaints alike."""
        return frozenset(codes) - self._vague

    def _read(self, text: str) -> frozenset[str]:
        mentions = (*self._reader.symptoms(text, self._threshold), *self._reader.needs(text))
        return self.telling(each.code for each in mentions if each.taken_back is None)
