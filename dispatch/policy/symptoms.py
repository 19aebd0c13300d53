"""What is known of a patient's symptoms: coded, read from words, not to be placed, or not known.

Only what is coded lets a stable patient wait for the questions: nobody waits for a word that was
read, perhaps wrongly.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dispatch.topics.city import CityMode
from dispatch.topics.codes import Evidence, ReadFrom

if TYPE_CHECKING:
    from dispatch.policy.pack import Pack

# Of more entries that are no code the rest is not looked at: it can't be placed.
MOST_PLACED: Final = 50
MOST_TOLD: Final = 20


class Reading(NamedTuple):
    """A symptom's code, the words that name it, and where they stood."""

    code: str
    words: str
    source: ReadFrom

    def as_input(self) -> dict[str, str]:
        """Return it as a decision's inputs have it."""
        return {"code": self.code, "words": self.words, "from": self.source}


class Symptoms(NamedTuple):
    """What an incident's symptoms amount to.

    `evidence` is the weightiest; `read` what words were taken for, the pack's triggers first;
    `unplaced` the entries that are none of the vocabulary's.
    """

    evidence: Evidence
    read: tuple[Reading, ...] = ()
    unplaced: tuple[str, ...] = ()


def read_complaints(complaints: Iterable[str], pack: "Pack") -> tuple[Reading, ...]:
    """Return the symptoms that chief complaints name, each once, the pack's triggers first."""
    found: dict[str, Reading] = {}
    for complaint in complaints:
        for mention in pack.reader.symptoms(complaint, pack.screening.temperature):
            if mention.taken_back is None:
                reading = Reading(mention.code, mention.words, "chief_complaint")
                found.setdefault(mention.code, reading)
    return _triggers_first(found.values(), pack)


def readings_of(inputs: Mapping[str, Any]) -> tuple[Reading, ...]:
    """Return what a decision's inputs say was read from the complaint."""
    return tuple(
        Reading(each["code"], each["words"], each["from"])
        for each in inputs.get("read", ())
        if each["from"] == "chief_complaint"
    )


def sum_up(
    symptoms: tuple[str, ...],
    read: tuple[Reading, ...],
    taken_back: tuple[str, ...],
    mode: CityMode,
    pack: "Pack",
) -> Symptoms:
    """Sum up a list of symptoms and what was read from the complaint, but for what was taken back.

    Entries of the list may be codes, words and sentences in any of the vocabulary's languages.
    """
    if not read and pack.known_symptoms.issuperset(symptoms):
        return Symptoms("none" if pack.triggers.isdisjoint(symptoms) else "coded")
    coded: set[str] = set()
    readings = [each for each in read if each.code not in taken_back]
    unplaced: list[str] = []
    unknown = False
    left = MOST_PLACED
    for entry in dict.fromkeys(symptoms):
        if entry in pack.known_symptoms:
            coded.add(entry)
            continue
        if entry in pack.needs.codes:
            continue
        left -= 1
        placed = pack.reader.place(entry, pack.screening.temperature) if left >= 0 else None
        if placed is None or not placed.known:
            unplaced.append(entry)
        elif placed.code is not None:
            coded.add(placed.code)
            readings.append(Reading(placed.code, entry, "symptoms"))
        unknown = unknown or (placed is not None and placed.unknown)
        readings += [
            Reading(mention.code, mention.words, "symptoms")
            for mention in (() if placed is None else placed.mentions)
            if mention.taken_back is None
        ]
    in_list = coded.union(each.code for each in readings if each.source == "symptoms")
    if not pack.triggers.isdisjoint(coded):
        evidence: Evidence = "coded"
    elif any(each.code in pack.triggers for each in readings):
        evidence = "read"
    elif unplaced:
        evidence = "unplaced"
    elif unknown and not in_list and mode in pack.screening.unknown_counts_in:
        evidence = "unknown"
    else:
        evidence = "none"
    return Symptoms(evidence, _triggers_first(readings, pack), tuple(unplaced))


def _triggers_first(readings: Collection[Reading], pack: "Pack") -> tuple[Reading, ...]:
    if not readings:
        return ()
    ranked = sorted(readings, key=lambda each: each.code not in pack.triggers)
    return tuple(dict.fromkeys(ranked))[:MOST_TOLD]


def codes_of(entries: Iterable[str], pack: "Pack") -> list[str]:
    """Return the codes that entries of a list of symptoms mean, in order, each once.

    What means none stays as it is, but that nobody knows, or that there are none, means nothing.
    """
    found: dict[str, None] = {}
    for entry, codes in _meanings(entries, pack):
        found.update(dict.fromkeys((entry,) if codes is None else codes))
    return list(found)


def entries_of(code: str, entries: Iterable[str], pack: "Pack") -> Iterator[str]:
    """Yield the entries of a list of symptoms that mean a code, or are it to the letter."""
    for entry, codes in _meanings(entries, pack):
        if code == entry or code in (codes or ()):
            yield entry


def _meanings(entries: Iterable[str], pack: "Pack") -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Yield entries with the codes that they mean; None for what can't be placed."""
    left = MOST_PLACED
    for entry in dict.fromkeys(entries):
        if entry in pack.known_symptoms:
            yield entry, (entry,)
            continue
        left -= 1
        placed = pack.reader.place(entry, pack.screening.temperature) if left >= 0 else None
        if placed is None or not placed.known:
            yield entry, None
        elif placed.code is not None:
            yield entry, (placed.code,)
        else:
            yield entry, tuple(each.code for each in placed.mentions if each.taken_back is None)
