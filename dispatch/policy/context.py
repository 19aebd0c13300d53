"""Judges whether words in a text count: denied, only feared, of the past, over, somebody else's."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from dispatch.policy.vocabulary import Vocabulary, any_of
from dispatch.policy.words import CHINESE, Span

_STOP: Final = frozenset(".;!?。")
_COMMA: Final = frozenset(",")
_LATIN_WORD: Final = re.compile("[a-z]+(?:'[a-z]+)?")
_CLAUSE_ENDS: Final = re.compile(r"[,.;:!?。](?![0-9])")
_END: Final = r"\s*(?:$|[,.;!?。、])"
_STOPS: Final = r"\s*(?:$|[.;!?。])"
# What a chart writes behind each finding, or before each: it is there, or it is not.
_SIGN: Final = re.compile(r" ?\(([+-])\)")
_SIGNS_FIRST: Final = re.compile(r" ?\([+-]\)")
_SIGN_BEFORE: Final = re.compile(r"\(([+-])\) ?$")
# How far a fear or question reaches, and a denial of a formal list over words that nobody knows, in
# characters or Latin words; how far what is over, and who was met, in characters.
_UNREAL_REACH: Final = 6
_OVER_REACH: Final = 14
_MET_REACH: Final = 12
_BEFORE_OVER: Final = 9
_OF: Final = "的"
_NO_MORE: Final = "了"
_OWNER_REACH: Final = 3

# The kinds of words that take back what follows them.
_TAKE_BACK: Final = ("denial", "formal", "unreal")

Why = Literal["denied", "unreal", "past", "over", "somebody_else"]
_Kind = Literal[
    "denial", "formal", "plain", "exception", "unreal", "filler", "joiner", "formal_joiner",
    "comma", "stop", "blank", "other",
]  # fmt: skip


class Mention(NamedTuple):
    """Words of a text that name a symptom or a need; `taken_back` says why they don't count."""

    code: str
    words: str
    taken_back: Why | None = None


class _Token(NamedTuple):
    kind: _Kind
    end: int


@dataclass(slots=True)
class _Reach:
    """How far what was said reaches: denials before a word, and what carries on through a list.

    `carried` is what the word before was, `gap` how many characters nobody knows stand since the
    denial, `unreal` how far a fear or question still reaches, `comma` whether one stands since.
    """

    denials: int = 0
    carried: bool = False
    formal: bool = False
    unreal: int = 0
    gap: int = 0
    comma: bool = False

    def pass_by(self, token: _Token, *, length: int, list_goes_on: bool) -> None:
        """Take in what stands between two words, of so many characters."""
        match token.kind:
            case "denial" | "formal":
                self.denials += 1
                self.carried, self.formal, self.gap = False, token.kind == "formal", 0
                self.comma = False
            case "filler":
                self.carried = False
            case "joiner":
                self._join()
            case "formal_joiner" if self.formal:
                self._join()
            case "unreal":
                self._end(carried=False)
                self.unreal = _UNREAL_REACH
            case "comma":
                self._end(carried=self.carried and (self.formal or list_goes_on))
                self.unreal, self.comma = 0, True
            case "exception" | "stop":
                self._end(carried=False)
                self.formal, self.unreal = False, 0
            case "blank":
                pass
            case _:
                self.unreal = max(0, self.unreal - 1)
                self.gap += length
                if not (self.denials and self.formal and self.gap <= _UNREAL_REACH):
                    self._end(carried=False)

    def denies(self, *, again: bool, lasting: bool) -> bool:
        """Say whether the word that follows is denied.

        `again`: it is the same as the one before ("not by day, but by night"); `lasting`: how long
        it is so stands behind it, or in its clause where a comma parts it from the denial.
        """
        if self.denials:
            return self.denials % 2 == 1 and not self.gap
        return self.carried and not again and not (lasting and (self.comma or not self.formal))

    def name(self, *, denied: bool) -> None:
        """Take in the word itself: a list goes on with it."""
        self._end(carried=denied)

    def _join(self) -> None:
        if self.denials and self.gap:
            # A word that nobody knows was denied in a formal list.
            self._end(carried=self.denials % 2 == 1)
        self.gap = 0

    def _end(self, *, carried: bool) -> None:
        self.denials, self.carried, self.gap = 0, carried, 0


class Context:
    """Judges whether words in a text count: denied, unreal, past, over or somebody else's."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        words = vocabulary.context
        self._kinds: tuple[tuple[_Kind, re.Pattern[str]], ...] = (
            ("plain", any_of((*words.no_denials, *words.real))),
            ("formal", any_of(words.formal_denials)),
            ("denial", any_of(words.denials)),
            ("exception", any_of(words.exceptions)),
            ("unreal", any_of(words.unreal)),
            ("filler", any_of(words.fillers)),
            ("joiner", any_of(words.joiners)),
            ("formal_joiner", any_of(words.formal_joiners)),
        )
        fillers = any_of(words.after_fillers).pattern
        denied = any_of(words.denied_after).pattern
        together = any_of(words.together).pattern
        # Possessive: what a sender repeats is looked at once.
        self._denied_after = re.compile(
            rf"(?>\s|{fillers})*+(?:{denied})(?>\s*(?:{denied}))*+{_END}|,(?:{denied}){_STOPS}"
        )
        self._all_denied_after = re.compile(
            rf"\s*,?\s*(?:{together})(?>\s|{fillers})*+(?:{denied}){_END}"
        )
        self._afresh = any_of(words.afresh)
        self._asked_after = any_of(words.asked_after)
        self._fulfilled = any_of(words.fulfilled)
        self._idle = any_of(words.idle)
        self._long_past = any_of(words.long_past)
        self._recent_past = any_of(words.recent_past)
        self._now = any_of(words.now)
        self._since_then = any_of(words.since_then)
        self._history_after = any_of(words.history_after)
        self._resolved = any_of(words.resolved)
        self._normal_again = any_of(vocabulary.temperature.normal_again)
        self._not_resolved = re.compile(rf"(?:{any_of(words.not_resolved).pattern})\s?$")
        self._relapsed = any_of(words.relapsed)
        self._lasting = any_of(words.lasting)
        people = words.people
        self._others, self._family = any_of(people.others), any_of(people.family)
        self._speaker = any_of(people.speaker)
        self._pronouns = [any_of([each]) for each in people.pronouns]
        self._also = any_of(people.also)
        self._met = any_of(people.met)
        self._whose = any_of(people.whose)
        self._who = any_of(people.who)
        self._well = any_of(people.well)
        self._asks = any_of(people.asks)
        self._is_of = any_of(people.is_of)
        self._instead = any_of(people.instead)
        self._measured = any_of((*words.now, *words.later, *vocabulary.temperature.measured))
        self._things = any_of(people.things)
        self._patient = any_of(people.patient)
        self._patient_is = any_of(people.patient_is)
        self._dismissed = any_of(people.dismissed)
        self._not_so = any_of(people.not_so)
        # Without any of these every word counts.
        self._take_back = (
            *(words for kind, words in self._kinds if kind in _TAKE_BACK),
            self._speaker, self._family, self._denied_after, self._others, self._resolved,
            self._long_past, self._recent_past, self._met, self._measured, self._asked_after,
            self._normal_again, self._history_after, self._whose, self._dismissed, self._things,
            _SIGN,
        )  # fmt: skip

    def judge(
        self,
        text: str,
        spans: Sequence[Span],
        others: Sequence[Span],
        temperature: str | None,
        lasting: frozenset[str],
    ) -> list[Mention]:
        """Return what a text names, and what takes each back.

        `others` are what else it speaks of, `temperature` is the symptom that a normal temperature
        ends, `lasting` are the codes whose past counts.
        """
        why: list[Why | None] = [None] * len(spans)
        if spans and self._idle.search(text) is not None:
            why = ["unreal"] * len(spans)
        elif spans and any(each.search(text) is not None for each in self._take_back):
            people = list(self._people(text))
            why = self._denied(text, spans)
            self._denied_behind(text, spans, why, people)
            for index, span in enumerate(spans):
                if why[index] is None:
                    why[index] = self._not_now(
                        text, spans, index, why, temperature=temperature, people=people
                    )
                if why[index] in ("past", "over") and lasting.issuperset(span.codes):
                    why[index] = None
            self._of_others(text, spans, others, why, people)
        return [
            Mention(code, text[span.start : span.end].strip(), taken_back)
            for span, taken_back in zip(spans, why, strict=True)
            if not span.below
            for code in span.codes
        ]

    def _tokens(self, text: str, start: int, end: int) -> Iterator[_Token]:
        """Yield what stands between two mentions, the longest word first."""
        position = start
        while position < end:
            best: _Token | None = None
            for kind, words in self._kinds:
                match = words.match(text, position)
                if match and match.end() > end:
                    match = words.match(text, position, end)  # a shorter word
                if match and (best is None or match.end() > best.end):
                    best = _Token(kind, match.end())
            if best is None:
                character = text[position]
                if character in _STOP:
                    best = _Token("stop", position + 1)
                elif character in _COMMA:
                    best = _Token("comma", position + 1)
                elif character == " ":
                    chinese = position > 0 and CHINESE.match(text, position - 1) is not None
                    said_in_english = position > start and _LATIN_WORD.match(text, position + 1)
                    comma = chinese and not said_in_english
                    best = _Token("comma" if comma else "blank", position + 1)
                else:
                    latin = _LATIN_WORD.match(text, position)
                    best = _Token("other", min(latin.end(), end) if latin else position + 1)
            yield best
            position = best.end

    def _denied(self, text: str, spans: Sequence[Span]) -> list[Why | None]:
        """Say which words a denial, fear or question before them takes back."""
        found: list[Why | None] = []
        reach, position = _Reach(), 0
        signs_first = _SIGNS_FIRST.match(text) is not None
        for index, span in enumerate(spans):
            for token in self._tokens(text, position, span.start):
                goes_on = token.kind == "comma" and self._list_ends_in_or(
                    text, spans, index, span.start
                )
                reach.pass_by(token, length=token.end - position, list_goes_on=goes_on)
                position = token.end
            again = (index > 0 and _names(text, span, spans[index - 1])) or self._afresh.match(
                text, span.start
            ) is not None
            lasting = self._lasting.match(text, span.end) is not None
            for_long = lasting or (
                reach.comma
                and self._lasting.search(text, span.end, _clause(text, span.end, span.end)[1])
                is not None
            )
            sign = (
                _SIGN_BEFORE.search(text, max(0, span.start - 4), span.start)
                if signs_first
                else _SIGN.match(text, span.end)
            )
            if sign is not None:
                found.append("denied" if sign[1] == "-" else None)
            elif reach.denies(again=again, lasting=for_long):
                found.append("denied")
            elif (reach.unreal and not lasting) or self._asked_after.match(
                text, _past_blank(text, span.end)
            ):
                true = self._fulfilled.search(text, span.end)
                found.append("unreal" if true is None else None)
            else:
                found.append(None)
            reach.name(denied=found[-1] == "denied")
            position = max(position, span.end)
        return found

    def _list_ends_in_or(self, text: str, spans: Sequence[Span], index: int, position: int) -> bool:
        """Say whether a list goes on from a mention by bare commas to an "or" before its last."""
        for span, following in zip(spans[index:], spans[index + 1 :], strict=False):
            between = list(self._tokens(text, span.end, following.start))
            kinds = {token.kind for token in between}
            if not kinds <= {"comma", "joiner", "blank"}:
                return False
            if any(text[each.end - 2 : each.end].strip() == "or" for each in between):
                return True
        return text[max(0, position - 4) : position].strip(" ,") in ("or", "nor")

    def _denied_behind(
        self,
        text: str,
        spans: Sequence[Span],
        why: list[Why | None],
        people: Sequence["_Person"],
    ) -> None:
        """Take back what is denied behind it, with the list that it ends."""
        for index, span in enumerate(spans):
            if _SIGN.match(text, span.end):
                continue
            if index and why[index] == "denied" and why[index - 1] is None:
                before = spans[index - 1]
                end = _clause(text, before.start, before.end)[1]
                named = end > span.start and _names(text, before, span)
                if named and not _another(text, people, before, span):
                    why[index - 1] = "denied"  # named, and then denied
            following = spans[index + 1].start if index + 1 < len(spans) else len(text)
            match = self._denied_after.match(text, span.end)
            everything = self._all_denied_after.match(text, span.end)
            ends = {each.end() for each in (match, everything) if each is not None}
            if not any(end <= following or not text[following:end].strip() for end in ends):
                continue
            over_commas = everything is not None
            earlier = index
            while True:
                why[earlier] = why[earlier] or "denied"
                if not earlier or not self._linked(
                    text, spans[earlier - 1].end, spans[earlier].start, over_commas=over_commas
                ):
                    break
                earlier -= 1

    def _linked(self, text: str, start: int, end: int, *, over_commas: bool) -> bool:
        allowed = {"joiner", "formal_joiner", "blank", *(("comma",) if over_commas else ())}
        return all(token.kind in allowed for token in self._tokens(text, start, end))

    def _not_now(
        self,
        text: str,
        spans: Sequence[Span],
        index: int,
        why: Sequence[Why | None],
        *,
        temperature: str | None,
        people: Sequence["_Person"],
    ) -> Why | None:
        """Say whether a word is of the past, or over; `why` has those that are denied."""
        span = spans[index]
        if self._history_after.match(text, span.end):
            return "past"
        begin, end = _clause(text, span.start, span.end)
        clause = text[begin:end]
        goes_on = (
            self._since_then.search(clause) or self._since_then.match(text[end + 1 : end + 8])
        ) is not None
        if not goes_on:
            # In English the time may follow.
            until = span.start if CHINESE.search(clause) else end
            if self._long_past.search(text, begin, until):
                return "past"
            if self._recent_past.search(text, begin, until) and any(
                other.start > end
                and not set(other.codes) & set(span.codes)
                and self._now.search(text, end, other.start)
                for other in spans[index + 1 :]
            ):
                return "past"
        sentence = _sentence_end(text, span.end)
        if temperature in span.codes and not span.below:
            cool = any(
                later.below and self._measured.search(text, span.end, later.start)
                for later in spans[index + 1 :]
            )
            if cool or self._is_over(text, span.end, sentence, self._normal_again):
                return "over"
        if any(
            later.codes == span.codes
            and taken_back == "denied"
            and self._is_later(text, span, later)
            and not _another(text, people, span, later)
            for later, taken_back in zip(spans[index + 1 :], why[index + 1 :], strict=True)
        ):
            return "over"
        last = self._last_linked(text, spans, index)
        following = [each.start for each in spans[index + 1 :] if each.start >= last.end]
        reach = _OVER_REACH if CHINESE.search(clause) else 4 * _OVER_REACH
        subject = _subject(people, span.start)
        strangers = [
            each.start
            for each in people
            if each.start > last.end
            and each.kind != "things"
            and (_differ(text, each, subject) if subject else each.kind == "others")
        ]
        until = min(sentence, last.end + reach, *following, *strangers[:1])
        if self._is_over(text, last.end, until, self._resolved, sentence):
            return "over"
        return None

    def _is_later(self, text: str, span: Span, later: Span) -> bool:
        """Say whether a denial is of a later time than a mention: now it is so no more."""
        end = _clause(text, later.start, later.end)[1]
        return (
            text.startswith(_NO_MORE, later.end)
            or self._measured.search(text, span.end, end) is not None
        )

    def _last_linked(self, text: str, spans: Sequence[Span], index: int) -> Span:
        """Return the last of the list that a mention is in, commas not counted."""
        last = index
        while last + 1 < len(spans) and self._linked(
            text, spans[last].end, spans[last + 1].start, over_commas=False
        ):
            last += 1
        return spans[last]

    def _is_over(
        self, text: str, start: int, end: int, words: re.Pattern[str], sentence: int | None = None
    ) -> bool:
        """Say whether it is over, and does not come back in the rest of the sentence."""
        for match in words.finditer(text, start):
            if match.start() >= end:
                return False
            before = text[max(start, match.start() - _BEFORE_OVER) : match.start()]
            if self._not_resolved.search(before):
                continue
            if not self._relapsed.search(text, match.end(), sentence or end):
                return True
        return False

    def _of_others(
        self,
        text: str,
        spans: Sequence[Span],
        others: Sequence[Span],
        why: list[Why | None],
        people: Sequence["_Person"],
    ) -> None:
        """Take back what is said of somebody else, where the line is about another patient."""
        if not people and self._met.search(text) is None:
            return
        subjects = [
            self._said_behind(text, people, self._last_linked(text, spans, index))
            or _subject(people, span.start)
            for index, span in enumerate(spans)
        ]
        spoken_of = [
            (span, subject)
            for span, subject, taken_back in zip(spans, subjects, why, strict=True)
            if taken_back is None and not span.below
        ]
        spoken_of += [(span, _subject(people, span.start)) for span in others]
        nothing = [
            (Span(match.start(), match.end(), ()), _subject(people, match.start()))
            for match in self._well.finditer(text)
        ]
        denied = [
            each for each, taken_back in zip(spans, why, strict=True) if taken_back == "denied"
        ]
        line = _Line(text, people, spoken_of, denied)
        asks = self._asks.search(text) is not None
        for index, span in enumerate(spans):
            if why[index] is not None:
                continue
            subject = subjects[index]
            begin, end = _clause(text, span.start, span.end)
            if self._belongs_to_one_met(
                text, begin, span, self._last_linked(text, spans, index)
            ) or self._is_not_the_patients(line, span, subject):
                why[index] = "somebody_else"
            elif subject is None:
                continue
            elif subject.kind == "things":
                if subject.start > span.start or span.start - subject.end <= _OWNER_REACH:
                    why[index] = "somebody_else"
            elif subject.kind == "others":
                if asks or any(
                    (other.start < begin or other.start > end or _begins_between(span, who, other))
                    and (who is None or who.kind != "others")
                    for other, who in (
                        *spoken_of,
                        *(each for each in nothing if each[0].start > span.end),
                    )
                ):
                    why[index] = "somebody_else"
            elif self._goes_to_another(text, people, span, subject, spoken_of) or (
                subject.kind == "family"
                and any(
                    (other.start > end or _begins_between(span, who, other))
                    and who is not None
                    and who.kind == "speaker"
                    and who.start >= _clause(text, other.start, other.end)[0]
                    and not self._also.search(text, who.end, other.start)
                    for other, who in spoken_of
                )
            ):
                why[index] = "somebody_else"

    def _said_behind(self, text: str, people: Sequence["_Person"], last: Span) -> "_Person | None":
        """Return whose a symptom is by what follows it: it is his, or he is the one with it."""
        close = text[last.end : last.end + 2]
        after = last.end + len(close) - len(close.lstrip(" ,"))
        match = self._is_of.match(text, last.end) or self._is_of.match(text, after)
        if match is not None:
            return next((each for each in people if 0 <= each.start - match.end() <= 1), None)
        latin = "a" <= text[last.end - 1] <= "z"
        start = last.end + (text[last.end : last.end + 1] == (" " if latin else _OF))
        return next(
            (each for each in people if each.start == start > last.end and each.kind == "others"),
            None,
        )

    def _is_not_the_patients(self, line: "_Line", span: Span, subject: "_Person | None") -> bool:
        """Say whether what follows says that whoever has a symptom is not the patient."""
        text = line.text
        behind = span.end + (text[span.end : span.end + 1] == _OF)
        if self._dismissed.match(text, behind):
            return True
        if subject is None or self._patient.fullmatch(text, subject.start, subject.end):
            return False
        if any(
            self._names_another(line, subject, match.end())
            for match in self._patient_is.finditer(text, span.end)
        ):
            return True
        if any(_differ(text, each, subject) for each in line.people) and any(
            _clauses_between(text, span.end, match.start()) <= 1
            for match in self._dismissed.finditer(text, span.end)
        ):
            return True
        if any(
            other.codes == span.codes and self._patient.search(text, span.end, other.start)
            for other in line.denied
            if other.start > span.end
        ):
            return True
        return subject.kind == "others" and any(
            _clauses_between(text, span.end, match.start()) == 1
            for match in self._not_so.finditer(text, span.end)
        )

    def _names_another(self, line: "_Line", subject: "_Person", position: int) -> bool:
        """Say whether the patient, who is named from a place on, is not who was spoken of.

        Of two of a family one may be called by two names: then what the other has must be told.
        """
        text = line.text
        end = _clause(text, position, position)[1]
        patient = next((each for each in line.people if position <= each.start < end), None)
        if patient is None:
            return subject.kind == "others" and self._no_pronoun(text, position)
        if not _differ(text, patient, subject):
            return False
        return not (subject.kind == patient.kind == "family") or any(
            other.start >= patient.end for other, _ in line.spoken_of
        )

    def _no_pronoun(self, text: str, position: int) -> bool:
        start = _past_blank(text, position)
        return all(each.match(text, start) is None for each in self._pronouns)

    def _goes_to_another(
        self,
        text: str,
        people: Sequence["_Person"],
        span: Span,
        subject: "_Person",
        spoken_of: Sequence[tuple[Span, "_Person | None"]],
    ) -> bool:
        """Say whether it is another person's turn, and what he has is told."""
        for match in self._instead.finditer(text, span.end):
            another = next(
                (each for each in people if 0 <= each.start - match.end() <= _OWNER_REACH), None
            )
            if (
                another is not None
                and text[another.start : another.end] != text[subject.start : subject.end]
                and any(other.start >= another.end for other, _ in spoken_of)
            ):
                return True
        return False

    def _belongs_to_one_met(self, text: str, begin: int, span: Span, last: Span) -> bool:
        whose = self._whose.match(text, _past_blank(text, last.end))
        if whose is not None:
            met = self._met.search(text, max(begin, span.start - _MET_REACH))
            return met is not None and met.end() <= span.start
        met = self._met.search(text, begin, span.start)
        return met is not None and self._who.search(text, met.end(), span.start) is not None

    def _people(self, text: str) -> Iterator["_Person"]:
        """Yield who is spoken of, in order; "my mother" is the mother."""
        found = sorted(
            _Person(match.start(), match.end(), kind)
            for kind, words in (
                ("others", self._others),
                ("family", self._family),
                ("speaker", self._speaker),
                ("things", self._things),
                *((str(which), words) for which, words in enumerate(self._pronouns)),
            )
            for match in words.finditer(text)
        )
        # A longer word holds shorter ones.
        found = [
            each
            for each, before in zip(found, (None, *found), strict=False)
            if before is None or each.start >= before.end
        ]
        somebody_else = False
        owner: str | None = None
        for index, person in enumerate(found):
            kind = "others" if somebody_else else person.kind
            following = found[index + 1] if index + 1 < len(found) else None
            owns = following is not None and _next_to(text, person.end, following.start)
            # Somebody else's family is somebody else.
            somebody_else = owns and kind == "others"
            if person.kind.isdecimal():  # a pronoun
                if owns:
                    owner = person.kind
                elif owner == person.kind:
                    yield person._replace(kind="speaker")
                continue
            if kind != "family":
                owner = None
            if not (owns and kind == "speaker"):
                yield person._replace(kind=kind)


class _Line(NamedTuple):
    """A line: who is spoken of, what is told of whom, and what is denied."""

    text: str
    people: Sequence["_Person"]
    spoken_of: Sequence[tuple[Span, "_Person | None"]]
    denied: Sequence[Span]


def _clauses_between(text: str, start: int, end: int) -> int:
    """Return how many clauses end between two places."""
    return len(_CLAUSE_ENDS.findall(text, start, end))


def _past_blank(text: str, position: int) -> int:
    return position + (text[position : position + 1] == " ")


class _Person(NamedTuple):
    start: int
    end: int
    kind: str


def _differ(text: str, one: "_Person", other: "_Person") -> bool:
    """Say whether two names are of different people: neither is part of the other."""
    first, second = text[one.start : one.end], text[other.start : other.end]
    if one.kind == other.kind == "speaker":
        return False
    return first not in second and second not in first


def _names(text: str, span: Span, other: Span) -> bool:
    """Say whether words name the same symptom as others, and in the same word."""
    same = span.codes == other.codes
    return same and text[other.start : other.end] in text[span.start : span.end]


def _another(text: str, people: Sequence[_Person], span: Span, later: Span) -> bool:
    """Say whether a later mention is about another person than an earlier one."""
    one, other = _subject(people, span.start), _subject(people, later.start)
    if other is None or other is one or (one is None and other.kind == "speaker"):
        return False
    return one is None or text[one.start : one.end] != text[other.start : other.end]


def _begins_between(span: Span, who: "_Person | None", other: Span) -> bool:
    """Say whether another mention's person is named after the first mention."""
    return who is not None and span.end <= who.start < other.start


def _subject(people: Sequence[_Person], position: int) -> _Person | None:
    """Return who was spoken of last before a place in the text."""
    return next((each for each in reversed(people) if each.start < position), None)


def _next_to(text: str, end: int, start: int) -> bool:
    """Say whether one person is named right before another, as its owner."""
    return start - end <= _OWNER_REACH and not text[end:start].strip(" 们家的's")


def _clause(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the clause around a word begins and ends."""
    begin = 0
    for match in _CLAUSE_ENDS.finditer(text):
        if match.start() >= end:
            return begin, match.start()
        if match.end() <= start:
            begin = match.end()
    return begin, len(text)


def _sentence_end(text: str, position: int) -> int:
    ends = [found for mark in "。;!?" if (found := text.find(mark, position)) >= 0]
    return min(ends, default=len(text))
