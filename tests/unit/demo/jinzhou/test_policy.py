from pathlib import Path

from dispatch.demo.jinzhou.policy import VERSION, write_policy
from dispatch.planning.scenario import read_scenario
from dispatch.policy.pack import load_pack


def test_the_pack_differs_from_that_for_covid_in_what_the_scenario_states(tmp_path: Path) -> None:
    scenario, path = read_scenario("jinzhou-intake"), tmp_path / "policy.toml"
    write_policy(scenario, path)
    pack, usual = load_pack(str(path)), load_pack("covid-19")
    batches = pack.transfers.batches
    assert {name: each.load_minutes for name, each in batches.moving.items()} == {
        "walking": 15,
        "wheelchair": 15,
        "stretcher": 15,
    }
    assert {each.hand_over_minutes for each in batches.moving.values()} == {15}
    assert (batches.loading_places, batches.disinfection_minutes) == (12, 30)
    assert (pack.name, pack.version) == ("covid-19", VERSION)
    changed = {"moving": usual.transfers.batches.moving, "loading_places": 2}
    transfers = pack.transfers.model_copy(update={"batches": batches.model_copy(update=changed)})
    again = pack.model_copy(update={"version": usual.version, "transfers": transfers})
    assert again.model_dump() == usual.model_dump()
