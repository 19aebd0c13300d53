from dataclasses import replace

import pytest

from dispatch.claim import Claim, contested_by

OWN = Claim("a", "city on db-1", "2026-11-30T10:00:00+00:00")
OTHER = Claim("b", "city on db-2", "2026-11-30T11:00:00+00:00")


def test_a_claim_is_read_as_it_was_written() -> None:
    claim = replace(OWN, succeeds=("x", "y"))
    assert Claim.read(claim.as_text()) == claim


@pytest.mark.parametrize("written", ["", "{}", "[]", "null", "nonsense", '{"database": 1}'])
def test_what_others_write_beside_offsets_is_no_claim(written: str) -> None:
    assert Claim.read(written) is None


def test_a_claim_fits_beside_an_offset_however_many_it_succeeds() -> None:
    many = tuple(f"{number:036}" for number in range(500))
    written = replace(OWN, name="n" * 5_000, succeeds=many).as_text()
    assert len(written.encode()) <= 4_096
    read = Claim.read(written)
    assert read is not None
    assert read.succeeds[-1] == many[-1]


def test_topics_that_nobody_or_only_the_own_database_has_claimed_are_free() -> None:
    assert contested_by(OWN, []) is None
    assert contested_by(OWN, [OWN, OWN]) is None


@pytest.mark.parametrize("own", [OWN, replace(OWN, since="2026-11-30T12:00:00+00:00")])
def test_whoever_comes_to_topics_of_another_is_refused(own: Claim) -> None:
    assert contested_by(own, [OTHER]) == OTHER


def test_of_two_that_began_at_once_exactly_one_goes_on() -> None:
    both = [OTHER, OWN]
    assert contested_by(OWN, both) is None
    assert contested_by(OTHER, both) == OWN
    same = replace(OTHER, since=OWN.since)
    assert [contested_by(each, [OWN, same]) is None for each in (OWN, same)] == [True, False]


def test_a_database_that_was_succeeded_gives_way_and_its_successor_does_not() -> None:
    successor = replace(OTHER, succeeds=("a",))
    assert contested_by(OWN, [OWN, successor]) == successor
    assert contested_by(successor, [OWN]) is None
    assert contested_by(successor, [OWN, successor]) is None


def test_one_whose_claim_is_on_its_way_stays_if_it_began_first() -> None:
    assert contested_by(OWN, [OTHER]) == OTHER
    assert contested_by(OWN, [OTHER], has_claimed=True) is None
    assert contested_by(OTHER, [OWN], has_claimed=True) == OWN
