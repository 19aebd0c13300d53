"""What the receiving hospital must be capable of, from all that is said of a patient: pure.

Source: domain, choosing the unit (`nearest_suitable`); work plans (七)2 (what is never delayed).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dispatch.policy.decision import Facts
    from dispatch.policy.pack import Pack
    from dispatch.topics.calls import Call

_BETWEEN: Final = re.compile(r"\s*[,;/、，；。\n]\s*")
# Of more entries that are no code the rest is not read.
_MOST_READ: Final = 50


def requests_of(call: "Call") -> tuple[str, ...]:
    """Return what a call says beside its complaint that may ask for something of the hospital."""
    said = (call.requirement, call.preliminary_judgement, call.special_needs)
    return tuple(each for each in said if each)


def capabilities_needed(facts: "Facts", pack: "Pack") -> tuple[str, ...]:
    """Return the capabilities that a patient needs of a hospital, in the pack's order, each once.

    They are known already, coded among the symptoms, or asked for by a coded symptom, by words of
    the complaints and requests (but for what was taken back), or by the age.
    """
    found = set(facts.needs)
    if any(age < pack.needs.child_below_years for age in facts.ages):
        found.add(pack.needs.child_need)
    for text in (*facts.complaints, *facts.requests):
        found.update(_read(text, facts.taken_back, pack))
    for text in facts.requests:
        listed = map(pack.needs_by_name.get, _BETWEEN.split(text.casefold()))
        found.update(code for code in listed if code is not None)
    if not pack.asking_for_nothing.issuperset(facts.symptoms):
        found.update(_of_entries(facts.symptoms, pack))
    if not found:
        return ()
    return pack.capabilities_for(found)


def needs_in(inputs: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the capabilities that a decision's inputs name; none where they name none."""
    return tuple(inputs.get("needs", ())) if inputs is not None else ()


def _of_entries(symptoms: Iterable[str], pack: "Pack") -> Iterator[str]:
    """Yield the needs that entries of a list of symptoms are, name or ask for."""
    left = _MOST_READ
    for entry in symptoms:
        if entry in pack.needs.codes:
            yield entry
        yield from pack.needs_of_symptom.get(entry, ())
        if entry not in pack.known_symptoms and left > 0:
            left -= 1
            yield from _read(entry, (), pack)


def _read(text: str, taken_back: Collection[str], pack: "Pack") -> Iterator[str]:
    """Yield the needs that a text names, but for those that were taken back."""
    for mention in pack.reader.needs(text):
        if mention.taken_back is None and not (
            taken_back and _is_taken_back(mention.code, mention.words, taken_back, pack)
        ):
            yield mention.code


def _is_taken_back(need: str, words: str, taken_back: Collection[str], pack: "Pack") -> bool:
    """Say whether a need, or every symptom that its words name, is not so."""
    if need in taken_back:
        return True
    mentions = pack.reader.symptoms(words, pack.screening.temperature)
    return bool(mentions) and all(each.code in taken_back for each in mentions)
