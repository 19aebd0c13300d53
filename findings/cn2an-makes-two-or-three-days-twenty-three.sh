#!/usr/bin/env bash
# cn2an 0.5.24 (Chinese numerals to digits), cn2an() in modes normal and smart, and transform() for sentences.
#
# What callers and bystanders say: 两三天 (two or three days), 七八个人 (seven or eight people), and the names
# of places and poisonings that begin with a numeral.
#
# Guessed: a pair of neighbours is left as it is, or refused, as it names no number; names are left alone at
# least where no unit of measure follows.
# Seen: 发烧两三天 becomes 发烧23天, twenty-three days of fever, 七八个人 seventy-eight people; cn2an("两三") is 23
# (only mode strict, which takes no 两 at all, refuses). No warning. 五一路 (May First Road) becomes 51路, which is a
# bus line, 八一医院 81医院, 一氧化碳中毒 (carbon monoxide poisoning) 1氧化碳中毒, which no list of symptoms or
# addresses finds. Days and counts decide about outbreaks and how many vehicles go.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install cn2an==0.5.24
"$work/bin/python" -W error - <<'PYTHON'
from importlib.metadata import version

import cn2an

print(f"cn2an {version('cn2an')}")
seen = {
    "发烧两三天": "发烧23天",
    "三五天前": "35天前",
    "车祸伤了七八个人": "车祸伤了78个人",
    "五一路十二号": "51路12号",
    "八一医院": "81医院",
    "一氧化碳中毒": "1氧化碳中毒",
}
for said, expected in seen.items():
    made = cn2an.transform(said, "cn2an")
    print(said, "->", made)
    assert made == expected
for mode in ("normal", "smart"):
    assert cn2an.cn2an("两三", mode) == 23
    assert cn2an.cn2an("七八", mode) == 78
PYTHON
