#!/usr/bin/env bash
# phonenumbers 9.0.43 (Google's libphonenumber in Python), region CN.
#
# A caller at a switchboard, as such numbers are written in China: 转 ("through to") before the extension, or
# a hyphen; and the number that reaches a city's 120 from elsewhere, the area code before it.
#
# Guessed: the extension is found, or left out, as with "ext", "доб", "anexo" and a comma, which the library knows.
# Seen: with 转 (and 分机) the whole number is refused with NumberParseException; PhoneNumberMatcher finds
# the number in the same text, and drops the extension. With a hyphen the extension is taken into the number: 13
# digits, not possible, and E.164 that rings nobody. 0471-120 is possible but not valid, in E.164 with the trunk
# zero still in it; connects_to_emergency_number() says that 12012345 reaches 120, and that 122 (traffic accidents)
# is no emergency number. So call-backs of callers at switchboards are lost where records go through it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install phonenumbers==9.0.43
"$work/bin/python" - <<'PYTHON'
from importlib.metadata import version

import phonenumbers as p
from phonenumbers import shortnumberinfo as short

E164 = p.PhoneNumberFormat.E164
print(f"phonenumbers {version('phonenumbers')}")
known = p.parse("0470-8220011,803", "CN")
assert (p.format_number(known, E164), known.extension) == ("+864708220011", "803")
for text in ("0470-8220011转803", "0470-8220011 转 803", "0470-8220011分机803"):
    try:
        p.parse(text, "CN")
    except p.NumberParseException as error:
        print(text, "->", error)
    else:
        raise AssertionError(text)
    found = [match.number for match in p.PhoneNumberMatcher(text, "CN")]
    print("  in text:", [(p.format_number(each, E164), each.extension) for each in found])
    assert [(p.format_number(each, E164), each.extension) for each in found] == [("+864708220011", None)]

hyphen = p.parse("0470-8220011-803", "CN")
print("with a hyphen:", p.format_number(hyphen, E164), p.is_possible_number(hyphen), hyphen.extension)
assert p.format_number(hyphen, E164) == "+864708220011803"
assert not p.is_possible_number(hyphen)
assert hyphen.extension is None

away = p.parse("0471-120", "CN")
print("0471-120:", p.format_number(away, E164), p.is_possible_number(away), p.is_valid_number(away))
assert p.format_number(away, E164) == "+860471120"
assert p.is_possible_number(away)
assert not p.is_valid_number(away)
assert short.connects_to_emergency_number("12012345", "CN")
assert short.is_emergency_number("120", "CN")
assert not short.is_emergency_number("122", "CN")
PYTHON
