"""How well complaints are read in the words of very different callers.

Each line was written and labelled before it was known how it is read, the first 1,400 before the
vocabulary was looked at. It has since learnt the kinds that they are of, so they hold it where it
is. What is read of others says test_reading_unseen.py.
"""

from pathlib import Path
from typing import Final

from dispatch.policy.pack import load_pack

PACK: Final = load_pack("covid-19")
WRITTEN: Final = Path(__file__).with_name("complaints_written.tsv")
OPEN: Final = "?"
# Lines that may be read wrongly: a word that is right elsewhere may cost one here.
ROOM: Final = 6


def said(column: str) -> set[str]:
    return set() if column == "-" else set(column.split(","))


def lines() -> list[tuple[str, set[str], str]]:
    found = []
    for line in WRITTEN.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            complaint, symptoms, needs = line.split("\t")
            found.append((complaint, said(symptoms), needs))
    return found


def test_the_triggers_that_are_named_are_found_and_no_others() -> None:
    missed, needless = [], []
    for complaint, there, _ in lines():
        mentions = PACK.reader.symptoms(complaint, PACK.screening.temperature)
        read = {each.code for each in mentions if each.taken_back is None} & PACK.triggers
        if not there <= read:
            missed.append(complaint)
        if read - there:
            needless.append(complaint)
    assert len(missed) <= ROOM, missed
    assert len(needless) <= ROOM, needless


def test_the_needs_that_are_named_are_found_and_no_others() -> None:
    wrong = []
    for complaint, _, needs in lines():
        if needs != OPEN:
            mentions = PACK.reader.needs(complaint)
            if said(needs) != {each.code for each in mentions if each.taken_back is None}:
                wrong.append(complaint)
    assert len(wrong) <= ROOM, wrong


def test_there_are_lines_of_both_kinds() -> None:
    complaints = [complaint for complaint, _, _ in lines()]
    assert len(complaints) == len(set(complaints)) >= 2_000
    assert 800 <= sum(bool(there) for _, there, _ in lines()) <= len(complaints) - 800
