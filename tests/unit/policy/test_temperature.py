import pytest

from dispatch.policy.pack import load_pack
from dispatch.policy.temperature import Thermometer, Threshold

THERMOMETER = Thermometer(load_pack("covid-19").vocabulary.temperature)


@pytest.mark.parametrize(
    ("text", "above"),
    [
        ("38度5", [True]),
        ("38.5度", [True]),
        ("39.2°c", [True]),
        ("体温三十八度", [True]),
        ("三十九度二", [True]),
        ("三十八度半", [True]),
        ("37度3", [True]),
        ("37度2", [False]),
        ("37.25", [False]),
        ("体温36", [False]),
        ("四十度", [True]),
        ("temp 101f", [True]),
        ("temp 99f", [False]),
        ("temperature of 102", [True]),
        ("100.4 °f", [True]),
        ("38度昨天,今天36.5", [True, False]),
        ("38度3天", [True]),
        ("三九度二", [True]),
        ("3八度5", [True]),
        ("三十八九度", [True]),
        ("四零度", [True]),
        ("四一点五", [True]),
        ("38,5度", [True]),
        ("38。6度", [True]),
        ("38°7", [True]),
        ("一量39", [True]),
        ("体温表,三十九", [True]),
        ("temp's up to 39", [True]),
        ("101.5 fahrenheit", [True]),
        ("华氏一百零二度", [True]),
        ("temperature thirty nine point two", [True]),
        ("temperature of thirty six eight", [False]),
        ("a hundred and three fever", [True]),
        ("fever of one oh three", [True]),
        ("thirty nine", []),
        ("a hundred and three", []),
        ("38岁", []),
        ("38床", []),
        ("38度线", []),
        ("心率显示102", []),
        ("孕38周", []),
        ("101号楼", []),
        ("138.5", []),
        ("气温39度", []),
        ("52度白酒", []),
        ("39度白酒", []),
        ("血糖39.5", []),
        ("38", []),
        ("101", []),
        ("100度", []),
    ],
)
def test_temperatures_of_a_body(text: str, above: list[bool]) -> None:
    threshold = Threshold(symptom="fever", celsius_from=37.3)
    found = sorted(THERMOMETER.find(text, threshold), key=lambda span: span.start)
    assert [not span.below for span in found] == above
    assert {span.codes for span in found} <= {("fever",)}


def test_the_threshold_is_the_packs() -> None:
    [span] = THERMOMETER.find("38度", Threshold(symptom="hot", celsius_from=38.1))
    assert span.below
    [span] = THERMOMETER.find("38度", Threshold(symptom="hot", celsius_from=38))
    assert not span.below
    assert span.codes == ("hot",)
