"""Calls that can't be taken: somebody must look, and is told what can be found in their bytes."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.store import wrapping
from dispatch.store.inbound import Inbound
from dispatch.topics.announcement import Reason
from dispatch.topics.fields import MAX_BODY_BYTES

_MOST_OF_EACH: Final = 3
_LONGEST: Final = 300  # characters

_VALUE: Final = r'["\']?\s*[:：=]\s*["\']?'
_PHONES: Final = (
    # A mobile number, a landline with its area code, with or without the country's.
    re.compile(r"(?<![0-9])(?:(?:\+|00)?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]{4}){2}(?![0-9])"),
    re.compile(r"(?<![0-9.:T-])(?:\+?86[- ]?)?\(?0[0-9]{2,3}\)?[- ]?[0-9]{7,8}(?![0-9])"),
    # Whatever is called a number, short or foreign.
    re.compile(
        r"(?:phone|tel|mobile|电话|手机)" + _VALUE + r"(\+?[0-9][0-9 ()-]{2,20})", re.IGNORECASE
    ),
)
_ADDRESS: Final = re.compile(
    r"(?:address|addr|地址|地点|位置)" + _VALUE + r'((?:[^"\'\\{}\x00-\x1f]|\\.){2,200})',
    re.IGNORECASE,
)
_NUMBER: Final = r"(-?[0-9]{1,3}(?:\.[0-9]{1,12})?)"
_LATITUDE: Final = re.compile(r"(?:\blatitude|\blat|纬度)" + _VALUE + _NUMBER, re.IGNORECASE)
_LONGITUDE: Final = re.compile(
    r"(?:\blongitude|\blng|\blon|\blong|经度)" + _VALUE + _NUMBER, re.IGNORECASE
)
_DISTRICT: Final = re.compile(
    r"(?:district|区县|旗市区)" + _VALUE + r"([0-9]{6})(?![0-9])", re.IGNORECASE
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


def escalate_unreadable(city: City, inbound: Inbound, reasons: Sequence[Reason]) -> None:
    """Tell the consoles of a call that was refused: where the original is, whom it may be about."""
    record = inbound.record
    where = f"{record.topic}/{record.partition}/{record.offset}"
    why = "; ".join(f"{each.field}: {each.reason}" for each in reasons[:_MOST_OF_EACH])
    said = [f"a call can't be taken ({where}): {why[:_LONGEST]}"]
    said += [f"{what} {' or '.join(found)}" for what, found in found_in(inbound).items()]
    escalate(city, "call_unreadable", None, inbound.sender.get("call_id", where), "; ".join(said))


def found_in(inbound: Inbound) -> dict[str, list[str]]:
    """Return the telephone, place and console of a call, as far as its bytes and headers say."""
    record = inbound.record
    raw = (record.value or b"")[:MAX_BODY_BYTES]
    texts = [*wrapping.texts(raw), (record.key or b"")[:_LONGEST].decode("utf-8", "replace")]
    found = {
        "phone": _first(_matches(texts, *_PHONES)),
        "address": _first(_unescaped(each) for each in _matches(texts, _ADDRESS)),
        "position": _positions(texts),
        "district": _first(_matches(texts, _DISTRICT)),
        "console": _first(iter([wrapping.header(record, "ce_source") or ""])),
    }
    return {what: values for what, values in found.items() if values}


def _matches(texts: Sequence[str], *patterns: re.Pattern[str]) -> Iterator[str]:
    for text in texts:
        for pattern in patterns:
            for match in pattern.finditer(text):
                yield match[match.lastindex or 0]


def _positions(texts: Sequence[str]) -> list[str]:
    for text in texts:
        latitude, longitude = _LATITUDE.search(text), _LONGITUDE.search(text)
        if latitude and longitude:
            return [f"{latitude[1]}, {longitude[1]}"]
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
        if text and "\ufffd" not in text:
            first[text] = None
        if len(first) == _MOST_OF_EACH:
            break
    return list(first)
