"""The plan of faults: seeded, and of every kind."""

from tests.faults.kinds import Kind, plan_of_faults


def test_a_seed_gives_one_order() -> None:
    assert plan_of_faults(50, 1, brokers=True) == plan_of_faults(50, 1, brokers=True)
    assert plan_of_faults(50, 1, brokers=True) != plan_of_faults(50, 2, brokers=True)


def test_every_kind_comes_once_at_least() -> None:
    for count in (len(Kind), 200):
        plan = plan_of_faults(count, 1, brokers=True)
        assert len(plan) == count
        assert set(plan) == set(Kind)


def test_without_brokers_of_its_own_they_are_left_alone() -> None:
    plan = plan_of_faults(100, 1, brokers=False)
    assert len(plan) == 100
    assert not {Kind.BROKER, Kind.ROLLING, Kind.BROKER_PAUSE} & set(plan)


def test_no_faults() -> None:
    assert plan_of_faults(0, 1, brokers=True) == []
