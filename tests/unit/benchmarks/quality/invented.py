"""An invented record: calls of a small city by seed, served by the crew that is free longest."""

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.quality.record import CALLS_FILE, HOSPITALS_FILE, Record, read_record
from benchmarks.quality.travel import Line, TravelModel, kilometres
from dispatch.domain.model import Position
from dispatch.policy.pack import load_pack

PACK = load_pack("covid-19")
START = datetime(2030, 3, 1)  # noqa: DTZ001 - the record's times are local
HOSPITALS = (Position(37.79, -122.44), Position(37.75, -122.40), Position(37.77, -122.48))
AREAS = {
    "01": Position(37.785, -122.41),
    "02": Position(37.76, -122.43),
    "03": Position(37.74, -122.46),
    "04": Position(37.78, -122.49),
}
COLUMNS = (
    *("call_number", "received_at", "entered_at", "latitude", "longitude", "station_area"),
    *("priority", "disposition", "unit_id", "unit_type", "dispatched_at", "responding_at"),
    *("on_scene_at", "transport_at", "hospital_at", "available_at"),
)


def row(
    number: int, minute: float, area: str = "01", **told: str | Position | None
) -> dict[str, str]:
    """Return a call whose crew comes after 10 minutes and takes the patient to a hospital."""
    scene = told.pop("scene", None) or AREAS[area]
    assert isinstance(scene, Position)
    times = {
        "received_at": 0.0,
        "entered_at": 1.0,
        "dispatched_at": 2.0,
        "responding_at": 2.5,
        "on_scene_at": 10.0,
        "transport_at": 25.0,
        "hospital_at": 35.0,
        "available_at": 60.0,
    }
    found = {
        "call_number": f"{number:05}",
        "latitude": str(scene.latitude),
        "longitude": str(scene.longitude),
        "station_area": area,
        "priority": "2",
        "disposition": "Code 2 Transport",
        "unit_id": "U1",
        "unit_type": "MEDIC",
    }
    found |= {name: at(minute + after) for name, after in times.items()}
    return found | {name: str(value) for name, value in told.items()}


def at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat(timespec="seconds")


def drawn(*, days: int, calls_a_day: int, crews: int, seed: int) -> list[dict[str, str]]:
    """Return calls at any time; ways take 5 minutes and 100 s a kilometre, more or less."""
    draw = random.Random(seed)
    free = dict.fromkeys((f"U{number}" for number in range(crews)), 0.0)
    where = dict.fromkeys(free, HOSPITALS[0])
    found = []
    minutes = sorted(draw.uniform(0, days * 1440) for _ in range(days * calls_a_day))
    for number, minute in enumerate(minutes):
        area = draw.choices(list(AREAS), weights=(4, 3, 2, 1))[0]
        scene = Position(
            AREAS[area].latitude + draw.gauss(0, 0.006),
            AREAS[area].longitude + draw.gauss(0, 0.006),
        )
        unit_id = min(free, key=lambda each: free[each])
        ordered = max(minute + 2, free[unit_id] + draw.uniform(1, 10))
        way = (300 + 100 * kilometres(where[unit_id], scene)) / 60 * draw.uniform(0.8, 1.2)
        on_scene = ordered + 0.5 + way
        hospital = draw.choice(HOSPITALS)
        leaves = on_scene + draw.uniform(10, 25)
        arrives = leaves + 5 + 2 * kilometres(scene, hospital)
        ends = arrives + draw.uniform(10, 30)
        told = {
            "received_at": at(minute),
            "entered_at": at(minute + 1),
            "dispatched_at": at(ordered),
            "responding_at": at(ordered + 0.5),
            "on_scene_at": at(on_scene),
            "transport_at": at(leaves),
            "hospital_at": at(arrives),
            "available_at": at(ends),
            "unit_id": unit_id,
            "priority": draw.choice("23"),
        }
        if draw.random() < 0.15:
            told |= {"transport_at": "", "hospital_at": "", "disposition": "No Merit"}
        elif draw.random() < 0.1:
            told |= dict.fromkeys(("on_scene_at", "transport_at", "hospital_at"), "")
            told |= {"disposition": "Cancelled", "available_at": at(ordered + 3)}
            ends = ordered + 3
        free[unit_id] = ends
        where[unit_id] = hospital
        found.append(row(number, minute, area, scene=scene, **told))
    return found


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write the record as its publisher does."""
    with (folder / CALLS_FILE).open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    with (folder / HOSPITALS_FILE).open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ("name", "latitude", "longitude"))
        table.writeheader()
        for number, place in enumerate(HOSPITALS):
            table.writerow(
                {"name": f"H{number}", "latitude": place.latitude, "longitude": place.longitude}
            )
    return folder


def read(folder: Path, rows: list[dict[str, str]], days: int | None = None) -> Record:
    """Write a record and read it."""
    return read_record(write(folder, rows), PACK, days=days, seed=1)


def plain(seconds_at_once: float = 300.0, seconds_a_km: float = 100.0) -> TravelModel:
    """Return ways without chance."""
    line = Line(seconds_at_once, seconds_a_km)
    return TravelModel("plain", line, line, (1.0,))
