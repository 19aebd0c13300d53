"""Reads symptoms and needs out of what callers say, by a vocabulary: pure words and patterns.

A word counts unless its clause denies it, is about somebody else or the distant past, says that it
is over, or only fears or asks. In doubt it counts.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from dispatch.policy.context import Context, Mention
from dispatch.policy.spelling import Spelling
from dispatch.policy.temperature import Thermometer, Threshold
from dispatch.policy.vocabulary import Vocabulary, is_pattern
from dispatch.policy.words import Finder, Span

# Of a longer text the beginning is read, in characters; of more words for something, the first.
LONGEST_READ: Final = 1_000
MOST_MENTIONS: Final = 50
# An incident is decided on again and again, and its complaints stay: so many texts are remembered.
_REMEMBERED: Final = 1_000
_LATIN_WORD: Final = re.compile("[a-z]+")
_LATIN_PAIR: Final = re.compile("[a-z]+ [a-z]{4,}")


class Placed(NamedTuple):
    """What an entry of a list of symptoms means.

    It stands for `code` without a doubt, or `mentions` were read out of it; `known` is false where
    it is none of the vocabulary's, and `unknown` says that it says nobody knows.
    """

    code: str | None = None
    mentions: tuple[Mention, ...] = ()
    known: bool = True
    unknown: bool = False


class Reader:
    """Reads with one vocabulary; build it once, it compiles some thousand words."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        folded = vocabulary.folded
        symptoms = {
            code: dict.fromkeys(map(self._folded_entry, (code, *words.both())))
            for code, words in vocabulary.symptoms.items()
        }
        needs = {
            code: dict.fromkeys(map(self._folded_entry, words.both()))
            for code, words in vocabulary.needs.items()
        }
        self._lasting = frozenset(code for code, each in vocabulary.needs.items() if each.lasting)
        self._symptoms, self._needs = Finder(symptoms), Finder(needs)
        self._nothing = Finder({"": list(map(self._folded_entry, vocabulary.nothing))})
        self._unknown = frozenset(map(folded, vocabulary.unknown))
        self._none = frozenset(map(folded, vocabulary.none))
        self._spelling = Spelling(
            self._symptoms.latin_words(), frozenset(map(folded, vocabulary.not_typos))
        )
        self._thermometer = Thermometer(vocabulary.temperature)
        self._context = Context(vocabulary)
        self._symptoms_of = lru_cache(_REMEMBERED)(self._read_symptoms)
        self._needs_of = lru_cache(_REMEMBERED)(self._read_needs)
        self._place_of = lru_cache(_REMEMBERED)(self._place)

    def symptoms(self, text: str, threshold: Threshold) -> tuple[Mention, ...]:
        """Return the symptoms that a text names, in order, with those that don't count."""
        return self._symptoms_of(text[:LONGEST_READ], threshold)

    def _read_symptoms(self, text: str, threshold: Threshold) -> tuple[Mention, ...]:
        text = self._fold(text)
        nothing = self._nothing.find(text)
        degrees = list(self._thermometer.find(text, threshold))
        spans = [*degrees, *self._symptoms.find(text, (*nothing, *degrees))]
        spans += self._misspelt(text, (*nothing, *spans))
        spans = sorted(spans, key=lambda span: (span.start, -span.end))[:MOST_MENTIONS]
        others = [] if len(spans) == len(degrees) else self._needs.find(text)[:MOST_MENTIONS]
        return tuple(self._context.judge(text, spans, others, threshold.symptom, frozenset()))

    def needs(self, text: str) -> tuple[Mention, ...]:
        """Return the needs that a text names, in order, with those that don't count."""
        return self._needs_of(text[:LONGEST_READ])

    def _read_needs(self, text: str) -> tuple[Mention, ...]:
        text = self._fold(text)
        spans = self._needs.find(text)[:MOST_MENTIONS]
        return tuple(self._context.judge(text, spans, [], None, self._lasting))

    def code(self, entry: str) -> str | None:
        """Return the code that an entry of a list of symptoms stands for without a doubt."""
        codes = self._symptoms.exactly(self._fold(entry))
        return codes[0] if len(codes) == 1 else None

    def place(self, entry: str, threshold: Threshold) -> Placed:
        """Return what an entry of a list of symptoms means: a code, a word, a text, an error."""
        return self._place_of(entry[:LONGEST_READ], threshold)

    def _place(self, entry: str, threshold: Threshold) -> Placed:
        folded = self._fold(entry)
        if folded in self._unknown:
            return Placed(unknown=True)
        if folded in self._none:
            return Placed()
        if (code := self.code(entry)) is not None:
            return Placed(code)
        mentions = self._read_symptoms(entry, threshold)
        if mentions or self._needs.find(folded) or self._nothing.find(folded):
            return Placed(mentions=mentions)
        if (code := self._spelling.code_of(folded)) is not None:
            return Placed(mentions=(Mention(code, folded),))
        return Placed(known=False)

    def _fold(self, text: str) -> str:
        return self._vocabulary.folded(text[:LONGEST_READ].replace("\n", ","))

    def _misspelt(self, text: str, taken: Iterable[Span]) -> Iterator[Span]:
        """Yield Latin words, and pairs whose first is right, near to a single symptom's."""
        occupied = [(span.start, span.end) for span in taken]
        for match in _LATIN_WORD.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in occupied):
                continue
            end, code = match.end(), self._spelling.code_of(match[0])
            if code is None and self._spelling.begins(match[0]):
                pair = _LATIN_PAIR.match(text, match.start())
                if pair is not None and not any(
                    match.end() < each < pair.end() for each, _ in occupied
                ):
                    end, code = pair.end(), self._spelling.code_of(pair[0])
            if code is not None:
                yield Span(match.start(), end, (code,))

    def _folded_entry(self, entry: str) -> str:
        """Return an entry as texts are folded; a pattern is written so already."""
        return entry if is_pattern(entry) else self._vocabulary.folded(entry)
