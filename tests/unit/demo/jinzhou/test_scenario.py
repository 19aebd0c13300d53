"""The intake as it is played: the cities, batches and bays that the scenario states."""

from collections import Counter
from datetime import datetime

import orjson

from dispatch.demo.jinzhou.performance import CITY
from dispatch.demo.jinzhou.scenario import ORIGIN, TREATMENT_CENTRE
from dispatch.domain.model import Position
from dispatch.planning.scenario import read_scenario
from dispatch.policy.pack import load_pack
from dispatch.store.plan import read_plan
from tests.unit.demo.jinzhou.intake import Played

BAYS = 4


def test_the_cities_are_those_of_the_scenario() -> None:
    plan, scenario = read_plan(CITY), read_scenario("jinzhou-intake")
    (stated,) = scenario.hospital
    hospitals = {each.hospital_id: each for each in plan.hospital}
    centre = hospitals[TREATMENT_CENTRE]
    assert dict(centre.rooms) == dict(stated.beds)
    assert centre.bays == scenario.rules.bays == BAYS
    stations = {each.station_id: (each.latitude, each.longitude) for each in plan.station}
    transfer = {unit.unit_id: unit for unit in plan.unit if unit.crew == "transfer"}
    assert transfer.keys() == {unit.unit_id for unit in scenario.unit}
    for unit in transfer.values():
        assert unit.vehicle == "negative_pressure"
        assert stations[unit.station] == (centre.latitude, centre.longitude)
    origin = hospitals[ORIGIN]
    seconds = plan.travel_under(load_pack("covid-19")).seconds(
        Position(centre.latitude, centre.longitude), Position(origin.latitude, origin.longitude)
    )
    assert round(seconds) == stated.distance_km * 60 == 3600


def test_every_batch_is_asked_for_at_its_time_with_its_patients(intake: Played) -> None:
    asked = [
        orjson.loads(published.record.value or b"")
        for published in intake.stage.published
        if dict(published.record.headers)["ce_type"] == b"transfer.batch.requested"
    ]
    assert [datetime.fromisoformat(each["at"]) for each in asked] == [
        batch.at for batch in intake.scenario.batch
    ]
    patients = [patient for each in asked for patient in each["patients"]]
    assert Counter(each["severity"] for each in patients) == {
        "critical": 3,
        "severe": 8,
        "ordinary": 63,
        "mild": 33,
    }
    assert [each["patient_id"] for each in patients] == [
        each.patient_id for each in intake.scenario.patient
    ]
    assert (min(each["age"] for each in patients), max(each["age"] for each in patients)) == (
        0.75,
        89,
    )


def test_no_more_vehicles_are_disinfected_at_once_than_there_are_bays(intake: Played) -> None:
    centres = {
        seen.data["job_id"]: seen.data["centre_id"]
        for seen in intake.history
        if seen.type == "disinfection.ordered"
    }
    moments = []
    for published in intake.stage.published:
        if dict(published.record.headers)["ce_type"] == b"disinfection.certified":
            said = orjson.loads(published.record.value or b"")
            if centres[said["job_id"]] == TREATMENT_CENTRE:
                moments += [(said["ended_at"], -1), (said["started_at"], 1)]
    at_once, most = 0, 0
    for _, change in sorted(moments):
        at_once += change
        most = max(most, at_once)
    assert most == BAYS
