#!/usr/bin/env bash
# dateparser 1.5.0, search_dates with languages=["zh"] and RELATIVE_BASE 2022-12-23 20:00.
#
# The time of onset is taken from what a caller said, in everyday words: a month and a day, hours and a half,
# last night, an hour and minutes.
#
# Guessed: the date that is meant, or None, as dateparser.parse() answers for the same sentences.
# Seen: a wrong time, as a piece that fits is read alone. 12月23日 (23 December) is twelve months and
# twenty-three days ago: 30 November 2021. 3个半小时前 (three and a half hours ago) is half an hour ago.
# 昨晚11:40 (11:40 last night) is tonight, and in the future. 20点30分 (20:30) is thirty minutes ago. Only with
# the year does the date come out right. An onset read so opens or closes the window of a stroke, or moves a patient
# out of an outbreak.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install dateparser==1.5.0
"$work/bin/python" - <<'PYTHON'
from datetime import datetime
from importlib.metadata import version

import dateparser
from dateparser.search import search_dates

said_at = datetime(2022, 12, 23, 20, 0)
seen = {
    "病人12月23日开始发烧": ("12月23日", datetime(2021, 11, 30, 20, 0)),
    "12月1日发烧": ("12月1日", datetime(2021, 12, 22, 20, 0)),
    "3个半小时前摔倒": ("小时前", datetime(2022, 12, 23, 19, 30)),
    "昨晚11:40开始胸痛": ("11:40开始胸痛", datetime(2022, 12, 23, 23, 40)),
    "20点30分开始": ("30分", datetime(2022, 12, 23, 19, 30)),
    "发病时间2022年12月20日": ("2022年12月20日", datetime(2022, 12, 20, 0, 0)),
}
print(f"dateparser {version('dateparser')}, said at {said_at}")
for text, expected in seen.items():
    how = {"languages": ["zh"], "settings": {"RELATIVE_BASE": said_at}}
    found = search_dates(text, **how)
    print(text, "->", [(part, str(at)) for part, at in found])
    assert found == [expected], found
    assert dateparser.parse(text, **how) is None
PYTHON
