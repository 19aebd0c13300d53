"""Tells names and addresses from what only fills their fields, by a vocabulary."""

import re
from collections.abc import Iterable
from typing import Final, Literal

from dispatch.policy.vocabulary import Vocabulary, any_of

Sex = Literal["male", "female"]

_NOTHING: Final = re.compile(r"[\W_]+")
# Such a name is a surname with its owner's name left out: 张某, 李某某.
_LEFT_OUT: Final = re.compile("某")
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
_SHORTEST_NAME: Final = 2  # characters


class Fillers:
    """Knows what one vocabulary's words fill fields with."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        words = vocabulary.placeholders
        self._vocabulary = vocabulary
        nothing = (*vocabulary.unknown, *vocabulary.none)
        self._nothing = self._bare(nothing)
        self._names = self._bare((*nothing, *words.names))
        self._addresses = self._bare((*nothing, *words.addresses))
        self._titles = any_of(map(vocabulary.folded, words.titles))
        self._sexes: dict[str, Sex] = {
            **dict.fromkeys(self._bare(words.male), "male"),
            **dict.fromkeys(self._bare(words.female), "female"),
        }

    def says_nothing(self, text: str) -> bool:
        """Return whether a text is empty, or says that nobody knows."""
        bare = self._bare_of(text)
        return not bare or bare in self._nothing

    def name(self, text: str) -> str | None:
        """Return a name without titles; None for what is nobody's, and for a surname alone."""
        folded = self._vocabulary.folded(text)
        if _LEFT_OUT.search(folded) or _NOTHING.sub("", folded) in self._names:
            return None
        untitled = self._titles.sub(" ", folded)
        parts = _NOTHING.sub(" ", untitled).split()
        bare = "".join(parts)
        titled_surname = untitled != folded and len(parts) == 1 and not _CHINESE.search(bare)
        surname = titled_surname or len(bare) < _SHORTEST_NAME
        return None if surname or bare in self._names or bare.isdecimal() else bare

    def address(self, text: str) -> str | None:
        """Return an address without blanks and punctuation; None where it says nothing."""
        bare = self._bare_of(text)
        return None if not bare or bare in self._addresses else bare

    def sex(self, text: str) -> Sex | None:
        """Return which sex a text names, if any."""
        return self._sexes.get(self._bare_of(text))

    def _bare(self, words: Iterable[str]) -> frozenset[str]:
        return frozenset(map(self._bare_of, words))

    def _bare_of(self, text: str) -> str:
        return _NOTHING.sub("", self._vocabulary.folded(text))
