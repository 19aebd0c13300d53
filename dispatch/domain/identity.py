"""What tells one caller, patient or place from another; what only fills a field tells nothing.

Words that fill a field are the vocabulary's (`placeholders`), numbers the pack's (`linking`).
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final
from unicodedata import normalize

from dispatch.domain.believing import is_no_fix
from dispatch.domain.model import Place
from dispatch.policy.pack import Pack
from dispatch.topics.calls import Call, Patient

# An emergency number, a hotline or an extension is nobody's own.
_SHORTEST_PHONE: Final = 6  # digits
# No subscriber's number has so many of the same in a row.
_SAME_IN_A_ROW: Final = re.compile(r"(\d)\1{7}")
_MASKED: Final = re.compile(r"[*×•#?？]|(?<=\d)[xX]{2}")
# 86 before eleven digits of a mobile, or what was dialled before it.
_CHINA: Final = re.compile(r"(?:00)?86(?=1\d{10}$)|0(?=1[3-9]\d{9}$)")
_DIALLED: Final = re.compile(r"(?:\+|00)86")


def phone_of(call: Call, pack: Pack) -> str | None:
    """Return the digits of a caller's number, however it is written; None where it is no one's."""
    said = call.caller.phone
    if said is None or _MASKED.search(said):
        return None
    text = "".join(c for c in normalize("NFKC", said) if c.isdecimal() or c == "+")
    digits = _CHINA.sub("", _DIALLED.sub("", text, count=1).replace("+", ""), count=1)
    if len(digits) < _SHORTEST_PHONE or _SAME_IN_A_ROW.search(digits) or _is_a_row(digits):
        return None
    return None if digits in pack.linking.filler_phones else digits


def _is_a_row(digits: str) -> bool:
    """Return whether digits are all the same, or count up or down as on a keypad."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    return steps in ({0}, {1}, {9})


def names_of(call: Call, pack: Pack) -> Iterator[str]:
    """Yield the names of patient and caller, where they are somebody's; of institutions the first.

    Who rings for an institution rings for many patients.
    """
    for name in (call.patient.name, None if is_institution(call) else call.caller.name):
        if name is not None and (somebody := name_in(name, pack)) is not None:
            yield somebody


def name_in(text: str, pack: Pack) -> str | None:
    """Return a name as names are compared; None for a filler, and for a surname alone."""
    if _MASKED.search(text):
        return None
    found = pack.fillers.name(text)
    return None if found is None else found.replace(" ", "")


def address_of(place: Place, pack: Pack) -> str | None:
    """Return an address as addresses are compared; None where it says nothing of where it is."""
    return None if place.address is None else pack.fillers.address(place.address)


def sex_of(patient: Patient, pack: Pack) -> str | None:
    """Return a patient's sex as `male` or `female`; None where it says neither."""
    return None if patient.sex is None else pack.fillers.sex(patient.sex)


def id_number_of(patient: Patient, pack: Pack) -> str | None:
    """Return a patient's identity number as numbers are compared; None for a filler."""
    said = patient.id_number
    if said is None or _MASKED.search(said):
        return None
    number = "".join(c for c in normalize("NFKC", said).casefold() if c.isalnum())
    filler = len(set(number)) <= 1 or (number.isdecimal() and _is_a_row(number))
    return None if filler or pack.fillers.says_nothing(said) else number


def is_exact(place: Place) -> bool:
    """Return whether somebody has said where a place is: no district's centre, no 0, 0."""
    return place.source != "district_centre" and not is_no_fix(place.position)


def is_institution(call: Call) -> bool:
    """Return whether an institution calls, which does so for many patients."""
    return call.caller.kind == "institution"
