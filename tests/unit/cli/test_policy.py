"""`dispatch policy` shows what packs are about, and which words stand for which symptom."""

import json

import pytest

from dispatch import cli
from dispatch.policy.pack import load_pack


def test_every_symptom_is_listed_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--lang", "en", "policy", "symptoms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    pack = load_pack("covid-19")
    assert len(lines) == len(pack.vocabulary.symptoms) + 1
    assert lines[0].startswith("fever (screened): 发热、发烧、")
    assert "; fever, high fever, " in lines[0]
    assert lines[-1].startswith("unknown: 不详、")
    screened = [line.partition(" ")[0] for line in lines if "(screened)" in line]
    assert screened == list(pack.screening.trigger_symptoms)


def test_every_symptom_is_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policy", "symptoms", "influenza-a-h1n1-2009", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    breathless = next(each for each in found if each["code"] == "shortness_of_breath")
    assert breathless["trigger"] is False
    assert "喘不上气" in breathless["zh"]
    assert "dyspnea" in breathless["en"]
    assert breathless["patterns"]
