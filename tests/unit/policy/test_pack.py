import re
from pathlib import Path
from typing import get_args

import pytest

import dispatch
from dispatch.errors import PackError
from dispatch.policy.pack import (
    PACKS,
    Allocation,
    Events,
    FleetDuties,
    Handover,
    Linking,
    ProtectionLists,
    Reports,
    load_pack,
    pack_names,
    read_pack,
)
from dispatch.policy.rules import every_case
from dispatch.topics.codes import Protection

SOUND = (PACKS / "covid-19.toml").read_text(encoding="utf-8")
LAST_RULE = SOUND[SOUND.index('[[rules]]\nid = "R9"') : SOUND.index("# What is more than what.")]


def test_the_packs_of_the_service() -> None:
    assert pack_names() == ["covid-19", "influenza-a-h1n1-2009"]
    for name in pack_names():
        pack = load_pack(name)
        assert pack.name == name
        assert set(pack.table) == set(every_case())
        assert load_pack(name) is pack


def test_minimums_of_terminal_disinfection() -> None:
    least = {
        agent: (minimum.min_concentration, minimum.unit, minimum.min_minutes)
        for agent, minimum in load_pack("covid-19").disinfection.minimums.items()
    }
    assert least == {
        "chlorine_wipe": (1000, "mg/L", 30),
        "chlorine_aerosol": (500, "mg/L", 60),
        "hydrogen_peroxide": (3, "percent", 60),
        "peracetic_acid": (0.5, "percent", 60),
    }


def test_the_influenza_pack_is_of_its_own() -> None:
    pack, other = load_pack("influenza-a-h1n1-2009"), load_pack("covid-19")
    assert (pack.screening.history_window_days, other.screening.history_window_days) == (7, 14)
    assert pack.triggers != other.triggers
    assert (pack.disinfection.where, other.disinfection.where) == ("base", "receiving_hospital")
    [(agent, minimum)] = pack.disinfection.minimums.items()
    assert agent == pack.disinfection.required_agent == "peracetic_acid"
    assert (minimum.min_concentration, minimum.unit, minimum.min_minutes, minimum.closed) == (
        2,
        "percent",
        60,
        True,
    )
    for level in get_args(Protection):
        dress = pack.protection.levels[level]
        assert dress.driver == dress.crew
        other_dress = other.protection.levels[level]
        assert other_dress.driver != other_dress.crew


def test_only_an_everyday_call_is_announced_when_the_patient_is_on_the_way() -> None:
    announced = {rule.id: rule.announce for rule in load_pack("covid-19").rules}
    assert [rule for rule, when in announced.items() if when == "transporting"] == ["R9"]


@pytest.mark.parametrize(
    ("sound", "broken", "place", "reason"),
    [
        ('name = "covid-19"', "name = ", "line 4", "Invalid value"),
        ('name = "covid-19"', 'name = "covid 19"', "name", "characters"),
        ('version = "2022.4"', "", "version", "is required"),
        ('version = "2022.4"', "version = 2022", "version", "must be text"),
        ('version = "2022.4"', 'version = "2022.4"\ncolour = "red"', "colour", "not a known key"),
        (
            "starts = 2020-01-27T00:00:00+08:00",
            "starts = 2020-01-27",
            "validity.starts",
            "datetime",
        ),
        (
            "starts = 2020-01-27T00:00:00+08:00",
            "starts = 2020-01-27T00:00:00+08:00\nends = 2019-01-27T00:00:00+08:00",
            "validity.ends",
            "later than starts",
        ),
        (
            "history_window_days = 14",
            "history_window_days = 0",
            "screening.history_window_days",
            "at least 1",
        ),
        (
            "history_window_days = 14",
            'history_window_days = "14"',
            "screening.history_window_days",
            "whole number",
        ),
        (
            "deadline_seconds = 60",
            "deadline_seconds = 60.5",
            "screening.deadline_seconds",
            "whole number",
        ),
        (
            'early_symptoms = ["fatigue"',
            'early_symptoms = ["fever"',
            "screening.early_symptoms",
            "trigger",
        ),
        (
            "[screening.questions.exposure]",
            "[screening.questions.weather]",
            "screening.questions.weather",
            "must be one of",
        ),
        ("[screening.questions.exposure]", "[ignored]", "screening.questions", "exposure"),
        ('id = "R8"', 'id = "R7"', "rules.9.id", "twice"),
        ('crew = "transfer"', 'crew = "flying"', "rules.0.crew", "must be one of"),
        ('crew = "transfer"\n', "", "rules.0.crew", "is required"),
        ('action = "ask"', 'action = "ask"\ncrew = "regular"', "rules.6.crew", "must be absent"),
        (LAST_RULE, "", "rules", "no rule for caller_kind="),
        (
            'any = [{ symptomatic = true, history = ["negative"] }]',
            "any = []",
            "rules.8.any",
            "at least 1",
        ),
        (
            'any = [{ symptomatic = false, history = ["positive"] }]',
            "any = [{}]",
            "rules.10",
            "never reached",
        ),
        ("any = [{}]", 'any = [{ weather = "rain" }]', "rules.12.any.0.weather", "not a known key"),
        (
            'condition = "stable", crew_ordered = true }',
            'condition = "critical", crew_ordered = true }',
            "rules",
            "R5 asks first where nobody may wait",
        ),
        (
            'vocabulary = "zh-en"',
            'vocabulary = "nowhere.toml"',
            "vocabulary: nowhere.toml",
            "neither the name of a vocabulary (zh-en) nor a file",
        ),
        ('vocabulary = "zh-en"', "", "vocabulary", "is required"),
        (
            'trigger_symptoms = ["fever"',
            'trigger_symptoms = ["green_skin"',
            "screening.trigger_symptoms",
            "green_skin is not among the vocabulary's symptoms",
        ),
        (
            "celsius_from = 37.3",
            "celsius_from = 99.5",
            "screening.temperature.celsius_from",
            "at most 42",
        ),
        (
            'unknown_counts_in = ["epidemic"]',
            'unknown_counts_in = ["sometimes"]',
            "screening.unknown_counts_in.0",
            "must be one of",
        ),
        ("fever_clinic = 1,", "", "ranks.destination", "fever_clinic"),
        ("full = 2", "full = -1", "ranks.ppe.full", "at least 0"),
        (
            'driver = ["work_clothes", "surgical_mask"',
            'driver = ["wings"',
            "protection.levels.standard.driver",
            "wings",
        ),
        ("speed_kmh = 40.0", "speed_kmh = inf", "allocation.speed_kmh", "finite"),
        ("road_factor = 1.35", "road_factor = 0.9", "allocation.road_factor", "at least 1"),
        (", stable = 600 }", " }", "allocation.queue_escalation_seconds", "stable"),
        (
            "next_hospital_seconds = 300",
            "next_hospital_seconds = 60",
            "handover.next_hospital_seconds",
            "between",
        ),
        ('= "buffer"', '= "ward"', "handover.rooms.emergency_buffer", "is a general bed"),
        (
            'required_agent = "chlorine_wipe"',
            'required_agent = "vinegar"',
            "disinfection.required_agent",
            "vinegar",
        ),
        (
            "min_concentration = 1000",
            "min_concentration = 0",
            "disinfection.minimums.chlorine_wipe.min_concentration",
            "greater than 0",
        ),
        (
            "resend_minutes = 15",
            "resend_minutes = 0",
            "reports.resend_minutes",
            "greater than 0",
        ),
    ],
)
def test_a_broken_pack_is_refused_with_file_place_and_reason(
    tmp_path: Path, sound: str, broken: str, place: str, reason: str
) -> None:
    assert sound in SOUND
    file = tmp_path / "mine.toml"
    file.write_text(SOUND.replace(sound, broken, 1), encoding="utf-8")
    with pytest.raises(PackError) as caught:
        read_pack(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert place in message
    assert reason in message


def test_what_is_no_pack_at_all(tmp_path: Path) -> None:
    for name in ("smallpox", "", "x" * 5_000, "a\0b"):
        with pytest.raises(PackError, match="neither the name of a pack"):
            load_pack(name)
    with pytest.raises(PackError, match="Is a directory"):
        load_pack(str(tmp_path))
    file = tmp_path / "latin.toml"
    file.write_bytes(b'name = "\xe9"')
    with pytest.raises(PackError, match="byte 8: is not UTF-8"):
        load_pack(str(file))


def test_every_limit_of_a_pack_has_a_reader() -> None:
    folder = Path(dispatch.__path__[0])
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in folder.rglob("*.py")
        if path != folder / "policy" / "pack.py"
    )
    sections = (Allocation, Handover, Linking, FleetDuties, Reports, Events, ProtectionLists)
    fields = {name for section in sections for name in section.model_fields} - {"items"}
    assert not [name for name in fields if not re.search(rf"\.{name}\b", code)]


def test_a_pack_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(SOUND.replace('name = "covid-19"', 'name = "mine"'), encoding="utf-8")
    assert load_pack(str(file)).name == "mine"
