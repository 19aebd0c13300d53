"""Calls that say everything in other shapes: a place as a text, a list or GeoJSON, flat keys.

They are brought into the shape that is agreed; each such step is told. What is in it already
comes through as it is.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from dispatch.domain.model import District, Position
from dispatch.domain.travel import metres_between
from dispatch.topics.calls import Call, Caller, Contact, Epidemiology, Location, Patient
from dispatch.topics.datum import in_china
from dispatch.topics.fields import Content

# Told of each step: the field as it was given, and what was done.
Warn = Callable[[str, str], None]

_PARTS: Final[Mapping[str, type[Content]]] = {
    "location": Location,
    "caller": Caller,
    "patient": Patient,
    "contact": Contact,
    "epidemiology": Epidemiology,
}
# To which part a key belongs that stands beside it. Of a name nobody knows whose it is.
_BELONGS: Final = {
    name: part
    for part in ("patient", "caller", "location")
    for name in _PARTS[part].model_fields
    if name not in Call.model_fields and name != "name"
}
_OTHER_NAMES: Final = {
    **dict.fromkeys(("lat", "纬度"), "latitude"),
    **dict.fromkeys(("lng", "lon", "long", "经度"), "longitude"),
    **dict.fromkeys(("coord_type", "coordinate_system", "crs", "坐标系"), "datum"),
    **dict.fromkeys(("addr", "地址", "现场地址"), "address"),
    **dict.fromkeys(("tel", "telephone", "mobile", "电话", "手机"), "phone"),
}
# Under which a place's position may stand.
_NESTED: Final = ("geometry", "coordinates", "position", "point")
_DEEPEST: Final = 3
_FEWEST_DIGITS: Final = 3  # of a telephone number
_NEAR: Final = 1_000_000.0  # metres from a district
_NUMBER = r"[0-9]{1,3}(?:\.[0-9]{1,15})?"
_DEGREES: Final = re.compile(
    rf"(?:东经|西经|北纬|南纬|[NSEW])?\s*(?P<sign>-?)(?P<degrees>{_NUMBER})\s*(?:[°º度]|deg)?"
    rf"(?:\s*(?P<minutes>{_NUMBER})\s*['′分])?(?:\s*(?P<seconds>{_NUMBER})\s*(?:[\"″秒]|''))?"
    r"\s*[NSEW]?",
    re.IGNORECASE,
)
_NEGATIVE: Final = re.compile(r"[SW]|西|南", re.IGNORECASE)
_PAIR: Final = re.compile(rf"\s*(-?{_NUMBER})\s*[,，;\s]\s*(-?{_NUMBER})\s*")


def in_shape(
    body: Mapping[str, Any], districts: Mapping[str, District], warn: Warn
) -> dict[str, Any]:
    """Return a call's body with its parts as objects, and in them what belongs there."""
    shaped = _named(body, Call.model_fields.keys() | _BELONGS.keys(), "", warn)
    for name, model in _PARTS.items():
        if shaped.get(name) is None:
            continue
        part = _object(name, shaped[name], districts, warn)
        if isinstance(part, dict):
            part = _named(part, model.model_fields, f"{name}.", warn)
            if name == "location":
                part = _in_degrees(_unnested(part, districts, warn), districts, warn)
        shaped[name] = part
    for name in [each for each in shaped if each in _BELONGS and shaped[each] is not None]:
        whole = shaped.get(_BELONGS[name])
        part = dict(whole) if isinstance(whole, dict) else {}
        if part.get(name) is None:
            part[name] = shaped.pop(name)
            shaped[_BELONGS[name]] = part
            warn(name, f"stands alone: read as {_BELONGS[name]}.{name}")
            if name in ("latitude", "longitude") and {"latitude", "longitude"} <= part.keys():
                shaped["location"] = _in_degrees(part, districts, warn)
    return shaped


def _named(
    given: Mapping[str, Any], names: Collection[str], path: str, warn: Warn
) -> dict[str, Any]:
    """Return an object with those names that are written otherwise as they should be."""
    known: dict[str, Any] = {}
    for name, value in given.items():
        meant = name
        if name not in names:
            meant = re.sub(r"[\s-]+", "_", name.strip().lower())
            meant = _OTHER_NAMES.get(meant, meant)
        if meant != name and meant in names and given.get(meant) is None:
            warn(f"{path}{name}", f"was read as {path}{meant}")
            known[meant] = value
        else:
            known.setdefault(name, value)
    return known


def _object(name: str, value: Any, districts: Mapping[str, District], warn: Warn) -> Any:
    """Return a part of a call as an object, as it came where it can't be one."""
    part = _unwrapped(value)
    if isinstance(part, int | float) and not isinstance(part, bool) and name != "location":
        part = str(part)
    if isinstance(part, list) and name == "location":
        part = _position_of(part, districts, latitude_first=True)
    elif isinstance(part, str) and part.strip():
        part = _of_text(name, part, districts)
    if not isinstance(part, dict):
        return value
    if part is not value:
        warn(name, "must be an object: it was read as it is meant")
    return part


def _unwrapped(value: Any) -> Any:
    """Return what is in a list of one, or in JSON in a text."""
    for _ in range(_DEEPEST):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        elif isinstance(value, str) and value.strip()[:1] in ("{", "["):
            try:
                value = json.loads(value, strict=False)
            except (ValueError, RecursionError):
                break
        else:
            break
    return value


def _of_text(name: str, text: str, districts: Mapping[str, District]) -> dict[str, Any] | None:
    if name == "location":
        pair = _PAIR.fullmatch(text)
        position = pair and _position_of(pair.groups(), districts, latitude_first=True)
        return position or {"address": text}
    if name in ("caller", "contact"):
        digits = sum(each.isdigit() for each in text)
        return {"phone" if digits >= _FEWEST_DIGITS else "name": text}
    return None


def _unnested(
    place: dict[str, Any], districts: Mapping[str, District], warn: Warn
) -> dict[str, Any]:
    """Return a place with the position that is deeper in it, as GeoJSON has it."""
    for name in _NESTED:
        inner = place.get(name)
        for _ in range(_DEEPEST):
            if not isinstance(inner, dict):
                break
            inner = next((inner[each] for each in _NESTED if each in inner), inner)
        if isinstance(inner, dict):
            position: dict[str, Any] | None = _named(
                inner, Location.model_fields, f"location.{name}.", warn
            )
        else:
            position = _position_of(inner, districts, latitude_first=False)
        if position and not {"latitude", "longitude"} & place.keys():
            warn(f"location.{name}", "was read as the position")
            rest = {each: place[each] for each in place if each not in (*_NESTED, "type")}
            return position | rest
    return place


def _in_degrees(
    place: dict[str, Any], districts: Mapping[str, District], warn: Warn
) -> dict[str, Any]:
    """Return a place whose latitude and longitude are numbers, and not in each other's place."""
    place = dict(place)
    for name in ("latitude", "longitude"):
        value = _unwrapped(place.get(name))
        if isinstance(value, str) and (degrees := degrees_of(value)) is not None:
            warn(f"location.{name}", "must be a number: it was read as it is meant")
            place[name] = degrees
    latitude, longitude = degrees_of(place.get("latitude")), degrees_of(place.get("longitude"))
    if latitude is None or longitude is None or _in_range(latitude, longitude):
        return place
    if _in_range(longitude, latitude) and _plausible(longitude, latitude, districts.values()):
        warn("location.latitude", "and longitude are in each other's place: they were exchanged")
        place["latitude"], place["longitude"] = longitude, latitude
    return place


def degrees_of(value: Any) -> float | None:
    """Return degrees that are a number, or a text of them with a unit or a direction."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) <= 360 and math.isfinite(value) else None  # noqa: PLR2004
    said = _DEGREES.fullmatch(value.strip()[:100]) if isinstance(value, str) else None
    if said is None:
        return None
    degrees = float(said["degrees"])
    degrees += float(said["minutes"] or 0) / 60 + float(said["seconds"] or 0) / 3_600
    negative = bool(said["sign"]) != bool(_NEGATIVE.search(value))
    return -degrees if negative else degrees


def _position_of(
    pair: Any, districts: Mapping[str, District], *, latitude_first: bool
) -> dict[str, Any] | None:
    """Return the position that two or three numbers say, in the order that is possible."""
    if not isinstance(pair, list | tuple) or len(pair) not in (2, 3):
        return None
    first, second = degrees_of(pair[0]), degrees_of(pair[1])
    if first is None or second is None:
        return None
    orders = [(first, second), (second, first)]
    possible = [each for each in orders[:: 1 if latitude_first else -1] if _in_range(*each)]
    if not possible:
        return None
    likely = [each for each in possible if _plausible(*each, districts.values())]
    latitude, longitude = (likely or possible)[0]
    return {"latitude": latitude, "longitude": longitude}


def _in_range(latitude: float, longitude: float) -> bool:
    return abs(latitude) <= 90 and abs(longitude) <= 180  # noqa: PLR2004


def _plausible(latitude: float, longitude: float, districts: Iterable[District]) -> bool:
    """Return whether a position is in China, or near the city."""
    if in_china(latitude, longitude):
        return True
    here = Position(latitude, longitude)
    return any(metres_between(each.centre, here) <= _NEAR for each in districts)
