"""What was in time counts: by the word of who was there, as far as that can be so."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain import timing
from dispatch.policy.pack import load_pack
from dispatch.topics.hospitals import HospitalReported
from dispatch.topics.units import DisinfectionCertified

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
PACK = load_pack("covid-19")


def moment(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("said", "counts"), [(-61, -60), (-60, -60), (-56, -56), (0, 0), (90, 0), (1e7, 0), (-1e7, -60)]
)
def test_nothing_happened_before_its_cause_or_after_now(said: float, counts: float) -> None:
    at = timing.happened_at(moment(said), cause=moment(-60), now=NOW)
    assert at == moment(counts)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_whatever_is_said_it_lies_between(said: float, ago: float) -> None:
    at = timing.happened_at(moment(said), cause=moment(-ago), now=NOW)
    assert moment(-ago) <= at <= NOW


def test_times_of_different_senders_agree_within_the_tolerance() -> None:
    assert timing.not_after(moment(300), NOW, PACK)
    assert not timing.not_after(moment(301), NOW, PACK)
    assert timing.not_before(moment(-300), NOW, PACK)
    assert not timing.not_before(moment(-301), NOW, PACK)


def test_a_report_of_a_clock_that_is_ahead_counts_as_of_now() -> None:
    for seconds, counts in ((-90, -90), (0, 0), (200, 0)):
        said = HospitalReported(hospital_id="H1", at=moment(seconds), status="open")
        assert timing.set_back(said, NOW).at == moment(counts)
        assert said.at == moment(seconds)


def test_what_else_is_told_by_such_a_clock_is_set_back_by_as_much() -> None:
    told = DisinfectionCertified(
        unit_id="U1", job_id="c1/A1/D", at=moment(200), agent="chlorine_wipe", concentration=1,
        contact_minutes=30, started_at=moment(-1_700), ended_at=moment(100), operator="o1",
        waste_bags=1,
    )  # fmt: skip
    back = timing.set_back(told, NOW)
    assert (back.at, back.started_at, back.ended_at) == (NOW, moment(-1_900), moment(-100))
