"""A small synthetic record in the columns of the published calls for service."""

from datetime import datetime, timedelta
from pathlib import Path

COLUMNS = (
    "call_number,received_at,entered_at,latitude,longitude,zipcode,station_area,call_group,"
    "priority,final_priority,disposition,unit_id,unit_type,dispatched_at,responding_at,"
    "on_scene_at,transport_at,hospital_at,available_at"
)
START = datetime(2017, 3, 1, 9, 0)  # noqa: DTZ001 - the record's times are local
UNITS = ("A1", "A2", "A3", "A4", "B1", "B2")


def row(
    number: int,
    *,
    minute: float,
    disposition: str = "Code 2 Transport",
    unit: str | None = None,
    priority: str = "2",
    after: tuple[float | None, ...] = (2, 3, 9, 25, 40, 70),
) -> str:
    """Return a line; `after` has the minutes to dispatched, responding, on scene, and so on."""
    received = START + timedelta(minutes=minute)
    unit = UNITS[number % len(UNITS)] if unit is None else unit
    times = ["" if m is None else (received + timedelta(minutes=m)).isoformat() for m in after]
    place = (37.75 + 0.004 * (number % 9), -122.44 + 0.005 * (number % 7))
    return ",".join(
        [
            *(f"9{number:05d}", received.isoformat(), received.isoformat()),
            *(f"{place[0]}", f"{place[1]}", "94100", f"0{number % 3 + 1}", "Alarm"),
            *(priority, priority, disposition, unit, "MEDIC" if unit else "", *times),
        ]
    )


def write_day(folder: Path, rows: list[str]) -> Path:
    """Write a record and the hospitals beside it; return the record's path."""
    path = folder / "calls.csv"
    path.write_text("\n".join([COLUMNS, *rows]) + "\n", encoding="utf-8")
    hospitals = ["name,latitude,longitude"]
    hospitals += [f"Hospital {n},{37.76 + 0.01 * n},{-122.42 - 0.01 * n}" for n in range(4)]
    (folder / "sf_hospitals.csv").write_text("\n".join(hospitals) + "\n", encoding="utf-8")
    return path
