#!/usr/bin/env bash
# python-stdnum 2.2, module cn.ric (the resident identity number of China, GB 11643, 18 digits).
#
# Residence permits for people from Hong Kong, Macao and Taiwan (since 2018) bear a number of the same
# form, with 810000, 820000 or 830000 where others have the county. The numbers here are made up: the date
# 1990-01-01, the order 001, and the check character by ISO 7064 MOD 11-2.
#
# Guessed: they are valid, being official numbers whose check character fits; or at worst the place of birth
# is unknown, which get_birth_place would say.
# Seen: validate() raises InvalidComponent, is_valid() is False, and so is it for a number whose county did
# not exist at the date of birth: 150702 (Hailar District, made from Hailar City 152101 in 2001) with a birth in
# 1980, as somebody has who was first registered later. The check of the form and the look-up of the place
# can't be asked apart. Whoever checks a patient's number with it turns such patients away, or loses
# the number that links them to a case.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install python-stdnum==2.2
"$work/bin/python" - <<'PYTHON'
from importlib.metadata import version

from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent
from stdnum.iso7064 import mod_11_2


def number(county: str, birth: str) -> str:
    first = f"{county}{birth}001"
    return first + mod_11_2.calc_check_digit(first)


def refused(text: str) -> bool:
    assert mod_11_2.is_valid(text)
    assert ric.calc_check_digit(text) == text[-1]
    try:
        ric.validate(text)
    except InvalidComponent:
        return not ric.is_valid(text)
    return False


print(f"python-stdnum {version('python-stdnum')}")
for place, county in [("Hong Kong", "810000"), ("Macao", "820000"), ("Taiwan", "830000")]:
    print("permit,", place, "refused:", refused(number(county, "19900101")))
    assert refused(number(county, "19900101"))
print("Hailar District, born 1980, refused:", refused(number("150702", "19800101")))
assert refused(number("150702", "19800101"))
assert not refused(number("150702", "20200101"))
assert not refused(number("152101", "19800101"))
PYTHON
