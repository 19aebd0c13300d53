"""Values are said in words, names, minutes and percent: in one way, wherever they stand."""

from typing import Any

import pytest

from dispatch import wording
from dispatch.language import speak
from dispatch.wording import duration, in_words, minutes, named, percent, word


@pytest.mark.parametrize(
    ("seconds", "in_english", "in_chinese"),
    [
        (0, "0 s", "0 秒"),
        (10, "10 s", "10 秒"),
        (60, "1 min", "1 分钟"),
        (330.9, "5.5 min", "5.5 分钟"),
        (600, "10 min", "10 分钟"),
        (7_200, "120 min", "120 分钟"),
        (43_200, "12 h", "12 小时"),
        (1_209_600, "14 days", "14 天"),
        (-90, "-1.5 min", "-1.5 分钟"),
    ],
)
def test_how_long_is_said_as_people_say_it(
    seconds: float, in_english: str, in_chinese: str
) -> None:
    assert duration(seconds) == in_english
    speak("zh")
    assert duration(seconds) == in_chinese


def test_figures_of_tables_are_minutes_and_percent() -> None:
    assert [minutes(each) for each in (0, 30, 90, 3_600, 36_000)] == [
        "0",
        "0.5",
        "1.5",
        "60",
        "600",
    ]
    assert percent(0.409091) == "40.9%"
    assert percent(0.4, 0) == "40%"


@pytest.mark.parametrize(
    ("value", "field", "said"),
    [
        (None, "", "–"),
        (True, "", "是"),
        (True, "positive", "阳性"),
        (330.9, "travel_seconds", "5.5 分钟"),
        (300, "left_seconds", "5 分钟"),
        (0.409091, "negative_pressure_share", "40.9%"),
        (3, "patients", "3"),
        ("transfer", "crew", "转运"),
        ("ordinary", "severity", "普通型"),
        ("ordinary", "service", "收治普通患者"),
        ("positive", "history", "有流行病学史"),
        ("negative", "history", "无流行病学史"),
        ("undetermined", "history", "流行病学史不详"),
        ("isolation", "room", "隔离病房"),
        ({"isolation": 2, "buffer": 1}, "rooms", "隔离病房：2，缓冲单间：1"),
        ({"hospital_id": "H-1", "ppe": "full"}, "changed", "医院：市医院，防护：全套"),
        ({"scene": {"latitude": 49.2}, "notes": None}, "changed", "现场位置，备注"),
        ({"condition": "critical", "hospital_id": None}, "changed", "病情：危重，医院：–"),
        ({"travel": "yes", "close_contact": "no"}, "epidemiology", "旅行史：是，密切接触史：否"),
        (["travel", "exposure"], "unasked", "旅行史、暴露史"),
        (["fever", "sore_throat", "浑身没劲"], "symptoms", "发热、咽痛、浑身没劲"),
        ([], "symptoms", "–"),
        ("H-1", "hospital_id", "市医院"),
        ("H-2", "hospital_id", "H-2"),
        ("refused", "incident_id", "refused"),
        ("150702", "district", "海拉尔区"),
        ("closed", "hospital_id", "closed 医院"),
    ],
)
def test_a_value_is_said_as_its_field_has_it(value: Any, field: str, said: str) -> None:
    wording.know({"H-1": "市医院", "150702": "海拉尔区", "closed": "closed 医院"})
    speak("zh")
    assert in_words(value, field) == said


def test_a_code_is_a_word_before_it_is_a_name() -> None:
    wording.know({"closed": "closed 医院"})
    speak("zh")
    assert in_words("closed", "status") == "关闭"


def test_what_has_no_word_stays() -> None:
    assert word("nothing") is None
    assert in_words("nothing") == "nothing"
    assert named("H-9") == "H-9"
