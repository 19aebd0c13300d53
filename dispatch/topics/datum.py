"""The datum of a position that comes in: it is WGS-84 from here on.

Devices give WGS-84. Maps sold in China use GCJ-02, Baidu's BD-09 on top of it: the same degrees are
a few hundred metres apart. The shift is geocoordinates-rs' (its inverse is good to a metre).
"""

from typing import Annotated, Any, Final, Literal, Protocol, get_args

from pydantic import BeforeValidator

_Datum = Literal["WGS-84", "GCJ-02", "BD-09"]
DATUMS: Final[tuple[str, ...]] = get_args(_Datum)
# As they are written, but for capitals, blanks and dashes; with "ll" as Baidu's interfaces have it.
# China's own CGCS2000 and WGS-84 are centimetres apart.
_SPELLINGS: Final = {
    "wgs84": "WGS-84",
    "wgs84ll": "WGS-84",
    "cgcs2000": "WGS-84",
    "gcj02": "GCJ-02",
    "gcj02ll": "GCJ-02",
    "bd09": "BD-09",
    "bd09ll": "BD-09",
}
# China with its seas, in degrees. Maps are not shifted elsewhere.
_SOUTH, _NORTH, _WEST, _EAST = 3, 54, 73, 136
_DECIMALS: Final = 7  # a centimetre


def _spelt(value: Any) -> Any:
    """Return a datum as it is written, whatever its capitals, blanks and dashes."""
    if not isinstance(value, str):
        return value
    folded = value.lower().translate({ord(each): None for each in "-_ "})
    return _SPELLINGS.get(folded, value)


Datum = Annotated[_Datum, BeforeValidator(_spelt)]


def in_china(latitude: float, longitude: float) -> bool:
    """Return whether a position (degrees) is within the box around China and its seas."""
    return _SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST


def to_wgs84(latitude: float, longitude: float, datum: Datum) -> tuple[float, float]:
    """Return a position (degrees) of a datum in WGS-84; outside China it stays as it is."""
    if datum == "WGS-84" or not in_china(latitude, longitude):
        return latitude, longitude
    # It loads a library of its own, and most centres send WGS-84.
    import geocoordinates_ffi as shift  # noqa: PLC0415

    if datum == "GCJ-02":
        found = shift.gcj02_to_wgs84_refined(shift.Gcj02(lat=latitude, lon=longitude))
    else:
        found = shift.bd09_to_wgs84_refined(shift.Bd09(lat=latitude, lon=longitude))
    # The last digits differ between machines, and a call must be the same on all.
    return round(float(found.lat), _DECIMALS), round(float(found.lon), _DECIMALS)


class Placed(Protocol):
    """What has a position and says of which datum it is."""

    @property
    def latitude(self) -> float | None:
        """Its latitude in degrees, if it has a position."""
        ...

    @property
    def longitude(self) -> float | None:
        """Its longitude in degrees, if it has a position."""
        ...

    @property
    def datum(self) -> Datum | None:
        """The datum; None stands for WGS-84."""
        ...


def read_as_wgs84(part: Placed) -> None:
    """Put a position that was just read into WGS-84, where it is; from there on it is frozen."""
    if part.datum is None:
        return
    if part.latitude is not None and part.longitude is not None:
        latitude, longitude = to_wgs84(part.latitude, part.longitude, part.datum)
        part.__dict__.update(latitude=latitude, longitude=longitude)
    part.__dict__["datum"] = None
