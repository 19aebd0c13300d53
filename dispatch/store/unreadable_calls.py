"""Calls that can't be taken: somebody must look, and is told what can be found in their bytes."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.store import wrapping
from dispatch.topics.announcement import Reason
from dispatch.topics.envelope import Record
from dispatch.topics.fields import MAX_BODY_BYTES
from dispatch.topics.structured import events_in_batch, source_of

if TYPE_CHECKING:
    from dispatch.store.inbound import Inbound

_MOST_OF_EACH: Final = 3
# Calls of one batch that are told one by one; how many there are each of them says.
_MOST_OF_BATCH: Final = 20
# Of a body that is too long, so many bytes at either end are looked through.
_ENDS: Final = MAX_BODY_BYTES // 4
_LONGEST: Final = 300  # characters

_VALUE: Final = r'(?:["\']?\s*[:：=]\s*["\']?|[^<>]{0,20}>\s*)'
_GAP: Final = r"[-. ·\u00a0\u200b\u2010-\u2015\u2212]{0,2}"
_PHONES: Final = (
    # A mobile number, a landline with its area code, with or without the country's.
    re.compile(rf"(?<![0-9])(?:(?:\+|00)?86{_GAP})?1[3-9][0-9](?:{_GAP}[0-9]{{4}}){{2}}(?![0-9])"),
    re.compile(
        rf"(?<![0-9.:T-])(?:\+?86{_GAP})?\(?0[0-9]{{2,3}}\)?{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}(?![0-9])"
    ),
    re.compile(rf"(?<![0-9.:T-])[48]00{_GAP}[0-9]{{3}}{_GAP}[0-9]{{4}}(?![0-9])"),
    # Whatever is called a number, short or foreign.
    re.compile(
        r"(?<!/)(?:phone|tel|mobile|电话|手机)" + _VALUE + r"(\+?[0-9][0-9 ()-]{2,20})",
        re.IGNORECASE,
    ),
)
_SAID: Final = r'((?:[^"\'\\{}<>\x00-\x1f]|\\.){2,200})'
_ADDRESSES: Final = (
    re.compile(r"(?<!/)(?:address|addr|地址|地点|位置)" + _VALUE + _SAID, re.IGNORECASE),
    # Else the place itself is a text.
    re.compile(r'location["\']?\s*[:：=]\s*["\']' + _SAID, re.IGNORECASE),
)
_NUMBER: Final = r"(-?[0-9]{1,3}(?:\.[0-9]{1,12})?)"
_LATITUDE: Final = re.compile(r"(?<!/)(?:\blatitude|\blat|纬度)" + _VALUE + _NUMBER, re.IGNORECASE)
_LONGITUDE: Final = re.compile(
    r"(?<!/)(?:\blongitude|\blng|\blon|\blong|经度)" + _VALUE + _NUMBER, re.IGNORECASE
)
_PAIR: Final = r'["\']?\s*:\s*\[\s*' + _NUMBER + r"\s*,\s*" + _NUMBER
# GeoJSON has the longitude first.
_COORDINATES: Final = re.compile("coordinates" + _PAIR, re.IGNORECASE)
_LOCATION: Final = re.compile("(?:location|position)" + _PAIR, re.IGNORECASE)
_DISTRICT: Final = re.compile(
    r"(?:district|区县|旗市区)" + _VALUE + r"([0-9]{6})(?![0-9])", re.IGNORECASE
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_BASE64: Final = re.compile(r'data_base64["\']?\s*:\s*["\']([A-Za-z0-9+/]{4,})')
_NARROW: Final = str.maketrans("０１２３４５６７８９＋－（）", "0123456789+-()")


def escalate_unreadable(city: City, inbound: "Inbound", reasons: Sequence[Reason]) -> None:
    """Tell the consoles of a call that was refused: where the original is, whom it may be about."""
    record = inbound.record
    where = f"{record.topic}/{record.partition}/{record.offset}"
    why = "; ".join(f"{each.field}: {each.reason}" for each in reasons[:_MOST_OF_EACH])[:_LONGEST]
    calls = _calls_in(record)
    for number, call in enumerate(calls[:_MOST_OF_BATCH], start=1):
        place = where if len(calls) == 1 else f"{where}, {number} of {len(calls)} in one batch"
        said = [f"a call can't be taken ({place}): {why}"]
        said += [f"{what} {' or '.join(found)}" for what, found in _found_in(call).items()]
        subject = inbound.sender.get("call_id", where)
        escalate(city, "call_unreadable", None, subject, "; ".join(said))


def _calls_in(record: Record) -> list[Record]:
    """Return the calls of a batch, each as if it had come alone, or the record itself."""
    events = events_in_batch(record.headers, record.value)
    calls = [each for each in events if wrapping.looks_like_a_call(each)]
    return [replace(record, value=each) for each in calls] or [record]


def found_in(inbound: "Inbound") -> dict[str, list[str]]:
    """Return the telephone, place and console of a call, as far as its bytes and headers say."""
    return _found_in(inbound.record)


def _found_in(record: Record) -> dict[str, list[str]]:
    texts = _texts(record.value or b"")
    texts.append((record.key or b"")[:_LONGEST].decode("utf-8", "replace"))
    found = {
        "phone": _first_in([each.translate(_NARROW) for each in texts], *_PHONES),
        "address": _first_in(texts, *_ADDRESSES, meant=_unescaped),
        "position": _positions([each.translate(_NARROW) for each in texts]),
        "district": _first_in(texts, _DISTRICT),
        "console": _first(iter([wrapping.header(record, "ce_source") or _source_in(record)])),
    }
    return {what: values for what, values in found.items() if values}


def _source_in(record: Record) -> str:
    return source_of(record.headers, record.value).decode("utf-8", "replace")


def _texts(value: bytes) -> list[str]:
    """Return what a body may say, the likeliest first: of one too long its beginning and end."""
    if len(value) <= MAX_BODY_BYTES:
        said = list(wrapping.texts(value).values())
    else:
        said = list(wrapping.texts(value[:_ENDS]).values())
        # As far from the beginning as whole characters of each encoding are.
        end = (len(value) - _ENDS) // 4 * 4
        said += wrapping.texts(value[:4] + value[end:]).values()
    inner = [each.replace('\\"', '"') for each in said if '\\"' in each]
    for text in said[:1]:
        for match in _BASE64.finditer(text):
            whole = match[1][: len(match[1]) // 4 * 4]
            inner += wrapping.texts(b64decode(whole)).values()
            break
    return said + inner


def _first_in(
    texts: Sequence[str], *patterns: re.Pattern[str], meant: Callable[[str], str] = str
) -> list[str]:
    """Return what is found in the likeliest of the texts that has any."""
    for text in texts:
        matches = (each for pattern in patterns for each in pattern.finditer(text))
        if found := _first(meant(match[match.lastindex or 0]) for match in matches):
            return found
    return []


def _positions(texts: Sequence[str]) -> list[str]:
    for text in texts:
        latitude, longitude = _LATITUDE.search(text), _LONGITUDE.search(text)
        if latitude and longitude:
            return [f"{latitude[1]}, {longitude[1]}"]
        if pair := _COORDINATES.search(text):
            return [f"{pair[2]}, {pair[1]}"]
        if pair := _LOCATION.search(text):
            return [f"{pair[1]}, {pair[2]}"]
    return []


def _unescaped(text: str) -> str:
    """Return what a piece of a JSON string says."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _first(found: Iterator[str]) -> list[str]:
    """Return the first that were found, each once, fit to be stored and published."""
    first: dict[str, None] = {}
    for each in found:
        text = _CONTROL.sub(" ", each.encode("utf-8", "replace").decode()).strip()[:_LONGEST]
        foreign = sum(not character.isascii() for character in text)
        if text and text.count("\ufffd") * 2 <= foreign:
            first[text] = None
        if len(first) == _MOST_OF_EACH:
            break
    return list(first)
