#!/usr/bin/env bash
# pynmea2 1.19.0, the sentences of a GNSS receiver (NMEA 0183).
#
# A receiver in a garage or a tunnel sends RMC with status V and GGA with quality 0, the fields of latitude and
# longitude empty, as the standard has it; the time often goes on, from its own clock. At a cold start the
# date is empty as well.
#
# Guessed: latitude and longitude are None, as other empty fields are (altitude).
# Seen: they are 0.0 and 0.0, numbers like any other, in the Gulf of Guinea; only is_valid tells. Before a date is
# known, datetime is no None either but raises TypeError. A gateway that passes on latitude and longitude
# sends the vehicle 10,000 km away, with a fresh time, and every check of type and range is content.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install pynmea2==1.19.0
"$work/bin/python" - <<'PYTHON'
from functools import reduce
from importlib.metadata import version
from operator import xor

import pynmea2


def read(sentence: str) -> object:
    checksum = reduce(xor, sentence.encode())
    return pynmea2.parse(f"${sentence}*{checksum:02X}", check=True)


print(f"pynmea2 {version('pynmea2')}")
fixed = read("GNRMC,081836.00,A,4915.000,N,11944.460,E,,,231222,,,A")
assert (fixed.latitude, fixed.longitude) == (49.25, 119.741)

moving = read("GNRMC,081836.00,V,,,,,,,231222,,,N")
print("RMC without a fix:", moving.latitude, moving.longitude, moving.datetime, moving.is_valid)
assert (moving.latitude, moving.longitude, moving.is_valid) == (0.0, 0.0, False)
assert moving.datetime.isoformat() == "2022-12-23T08:18:36+00:00"

garage = read("GNGGA,081836.00,,,,,0,00,99.99,,,,,,")
print("GGA without a fix:", garage.latitude, garage.longitude, garage.altitude, garage.is_valid)
assert (garage.latitude, garage.longitude, garage.is_valid) == (0.0, 0.0, False)
assert garage.altitude is None

cold = read("GNRMC,,V,,,,,,,,,,N")
assert (cold.latitude, cold.longitude) == (0.0, 0.0)
try:
    cold.datetime
except TypeError as error:
    print("datetime of a cold start:", error)
else:
    raise AssertionError(cold.datetime)
PYTHON
