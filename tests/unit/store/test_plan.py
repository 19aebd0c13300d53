"""What a city's plan says of where its units and callers can be."""

from importlib import resources
from pathlib import Path

import pytest

from dispatch.domain.model import Position
from dispatch.domain.travel import metres_between
from dispatch.errors import ConfigurationError
from dispatch.policy.pack import load_pack
from dispatch.store.plan import StationPlan, read_plan

PACK = load_pack("covid-19")
CITY = Path(str(resources.files("dispatch"))) / "cities" / "hulunbuir.toml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit_id = "HLR-01"', 'unit_id = "HLR.01"', "unit.0.unit_id: .* topics bear its name"),
        ('unit_id = "HLR-01"', 'unit_id = "HLR:01"', "unit.0.unit_id"),
        ('institution_id = "HLR-CLINIC"', 'institution_id = "a b"', "institution.0.institution_id"),
        (
            'institution_id = "HLR-CLINIC"',
            'institution_id = "HLR-PEOPLES"',
            "institution: HLR-PEOPLES is there twice",
        ),
    ],
)
def test_an_id_that_no_topic_can_bear_or_that_is_anothers_is_refused(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "city.toml"
    file.write_text(CITY.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ConfigurationError, match=said):
        read_plan(file)


def test_a_plan_names_who_has_topics_of_their_own() -> None:
    plan = read_plan(CITY)
    assert plan.parties.institutions == {"HLR-CLINIC"}
    assert {"orders.HLR-01", "placements.HLR-CLINIC", "placements.HLR-PEOPLES"} < plan.topics.keys()
    assert {"disinfections.HLR-PEOPLES", "beds.HLR-PEOPLES"} < set(plan.own_topics)
    assert not {"orders", "disinfections"} & set(plan.own_topics)


def test_a_plan_of_before_has_no_institutions(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(CITY.read_text("utf-8").partition("[[institution]]")[0], "utf-8")
    assert read_plan(file).parties.institutions == frozenset()


def test_bounds_hold_the_city_its_places_and_the_packs_margin() -> None:
    plan = read_plan(CITY)
    assert plan.bounds is not None
    bounds = plan.bounds_under(PACK)
    # Its farthest corner, and 200 km to the south of it.
    assert bounds.hold(Position(53.33, 121.0))
    assert bounds.hold(Position(45.3, 121.0))
    assert not bounds.hold(Position(45.2, 121.0))
    assert not bounds.hold(Position(39.9, 116.4))


def test_a_hospital_in_another_city_is_within() -> None:
    plan = read_plan(CITY)
    away = plan.hospital[0].model_copy(update={"latitude": 45.75, "longitude": 126.65})
    wider = plan.model_copy(update={"hospital": (*plan.hospital, away)})
    assert wider.bounds_under(PACK).hold(Position(44.0, 126.65))


def test_without_bounds_those_of_its_places_count() -> None:
    bare = read_plan(CITY).model_copy(update={"bounds": None})
    bounds = bare.bounds_under(PACK)
    assert all(bounds.hold(Position(each.latitude, each.longitude)) for each in bare.hospital)
    assert not bounds.hold(Position(53.33, 121.0))


@pytest.mark.parametrize("wrong", ["south = 54.0", "south = 53.33", "south = 91.0", "down = 1.0"])
def test_bounds_that_are_none_are_refused(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(CITY.read_text("utf-8").replace("south = 47.08", wrong), "utf-8")
    with pytest.raises(ConfigurationError, match=r"bounds"):
        read_plan(file)


def test_a_place_of_another_datum_is_wgs84_once_read(tmp_path: Path) -> None:
    plain = CITY.read_text("utf-8")
    file = tmp_path / "city.toml"
    file.write_text(
        plain.replace("latitude = 49.2150\n", 'latitude = 49.2150\ndatum = "GCJ-02"\n'), "utf-8"
    )
    station, before = read_plan(file).station[0], read_plan(CITY).station[0]
    assert station.datum is None
    assert 100 < metres_between(_of(station), _of(before)) < 2_000
    assert read_plan(file).station[1] == read_plan(CITY).station[1]
    file.write_text(file.read_text("utf-8").replace("GCJ-02", "Xian-80"), "utf-8")
    with pytest.raises(ConfigurationError, match="datum"):
        read_plan(file)


def _of(station: StationPlan) -> Position:
    return Position(station.latitude, station.longitude)
