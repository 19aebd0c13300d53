"""How well complaints are read of three authors who had seen no vocabulary.

It has since learned from their lines, so they hold it where it is; what it makes of lines that it
never learned from says test_reading_unseen.py.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dispatch.policy.pack import load_pack

PACK: Final = load_pack("covid-19")
OTHERS: Final = Path(__file__).with_name("complaints_others.tsv")

# Of 388 lines with a trigger all of the line's are found in each, of 392 without in each none is.
WITH, ALL_FOUND = 388, 388
WITHOUT, NONE_FOUND = 392, 392
# A change to the vocabulary that is right elsewhere may cost a line here.
ROOM: Final = 3


def lines() -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield each complaint with the triggers that it has, and those that are read."""
    for line in OTHERS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            complaint, symptoms, _ = line.split("\t")
            mentions = PACK.reader.symptoms(complaint, PACK.screening.temperature)
            read = {each.code for each in mentions if each.taken_back is None}
            there = set() if symptoms == "-" else set(symptoms.split(","))
            yield complaint, there, read & PACK.triggers


def test_triggers_are_found_in_lines_that_have_them_and_none_in_others() -> None:
    every = list(lines())
    missed = [complaint for complaint, there, read in every if there and not there <= read]
    needless = [complaint for complaint, there, read in every if read and not there]
    having = sum(bool(there) for _, there, _ in every)
    assert (having, len(every) - having) == (WITH, WITHOUT)
    assert having - len(missed) >= ALL_FOUND - ROOM, missed
    assert len(every) - having - len(needless) >= NONE_FOUND - ROOM, needless
