"""Calls for service as San Francisco's fire department publishes them, one row a call.

Times are local. The record has no symptoms: an epidemic is laid over it. The fleet is read off the
record: every unit stays on duty throughout, at the middle of the area where it was used most.
"""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from dispatch.errors import ConfigurationError
from dispatch.policy.pack import Pack
from dispatch.simulation.epidemic import overlay
from dispatch.simulation.recorded import Recorded, Times
from dispatch.store.plan import CityPlan
from dispatch.topics.calls import Call
from dispatch.topics.fields import reasons

ZONE: Final = ZoneInfo("America/Los_Angeles")
DISTRICT: Final = "060075"
# Every so many-th unit is a transfer crew in a negative-pressure vehicle.
TRANSFER_EVERY: Final = 8
ROOMS_OF_A_KIND: Final = 500
CANCELLED: Final = "Cancelled"
# How a run ends that brings nobody to a hospital; any other disposition: treated on scene.
_ENDS_EMPTY: Final[Mapping[str, str]] = {
    "Patient Declined Transport": "transport_declined",
    "Against Medical Advice": "transport_declined",
    "No Merit": "false_call",
    CANCELLED: "false_call",
    "Unable to Locate": "patient_not_found",
    "Gone on Arrival": "patient_left",
    "Medical Examiner": "died_on_scene",
}
_TRANSPORTED: Final = ("Code 2 Transport", "Code 3 Transport")
# The record's priority 3 is an emergency; how grave it proved is not in it.
_CRITICAL_OF_PRIORITY_3: Final = 0.25
_UNKNOWN_OF_PRIORITY_3: Final = 0.1
# A call without a unit was given up after so many seconds.
_GIVEN_UP_AFTER: Final = (30.0, 300.0)

Row = Mapping[str, str]


def read_rows(path: Path, columns: Iterable[str]) -> list[Row]:
    """Read a table of comma-separated values.

    Raises ConfigurationError when it can't be read or lacks one of the columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            missing = sorted(set(columns) - set(table.fieldnames or ()))
            if missing:
                raise ConfigurationError(f"{path}: has no column {', '.join(missing)}")
            return [{k: v or "" for k, v in row.items() if k is not None} for row in table]
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8") from error
    except csv.Error as error:
        # A field that is too long, as where a quotation mark is never closed, or a NUL.
        raise ConfigurationError(f"{path}: line {table.line_num + 1}: {error}") from error


def read_calls(path: Path) -> list[Row]:
    """Read the record, one row a call.

    Raises ConfigurationError when it can't be read or is no such record.
    """
    return read_rows(
        path,
        (
            *("call_number", "received_at", "latitude", "longitude", "station_area", "priority"),
            *("disposition", "unit_id", "unit_type", "dispatched_at", "responding_at"),
            *("on_scene_at", "transport_at", "hospital_at", "available_at"),
        ),
    )


def recorded_calls(path: Path, rows: Sequence[Row], *, seed: int) -> list[Recorded]:
    """Return the calls of a record, with the epidemic of a seed, by the time they came in.

    Raises ConfigurationError naming the file, the line and the reason.
    """
    found = []
    for line, row in enumerate(rows, start=2):
        try:
            found.append(_recorded(row, seed))
        except ValidationError as error:
            first = reasons(error)[0]
            why = f"{first['field']} {first['reason']}"
            raise ConfigurationError(f"{path}: line {line}: {why}") from error
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(f"{path}: line {line}: {error}") from error
    return sorted(found, key=lambda each: each.call.received_at)


def plan_of(rows: Sequence[Row], hospitals: Sequence[Row], pack: Pack) -> CityPlan:
    """Return a city's plan with the fleet of a record, and hospitals (name, latitude, longitude).

    Raises ConfigurationError when there are too few to make a city of, or one is nowhere.
    """
    if len(hospitals) < 2:  # noqa: PLR2004 - who diverts needs another
        raise ConfigurationError("at least two hospitals are needed")
    areas: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    used: defaultdict[str, Counter[str]] = defaultdict(Counter)
    kinds: dict[str, str] = {}
    for row in rows:
        if row["station_area"]:
            place = (float(row["latitude"]), float(row["longitude"]))
            areas[row["station_area"]].append(place)
            if row["unit_id"]:
                used[row["unit_id"]][row["station_area"]] += 1
                kinds[row["unit_id"]] = row["unit_type"]
    if not used:
        raise ConfigurationError("the record names no unit")
    try:
        return _city(used, kinds, areas, hospitals, pack)
    except ValidationError as error:
        first = reasons(error)[0]
        raise ConfigurationError(f"{first['field']}: {first['reason']}") from error
    except ValueError as error:
        raise ConfigurationError(f"a hospital's place: {error}") from error


def _city(
    used: Mapping[str, Counter[str]],
    kinds: Mapping[str, str],
    areas: Mapping[str, list[tuple[float, float]]],
    hospitals: Sequence[Row],
    pack: Pack,
) -> CityPlan:
    centre = _middle([place for places in areas.values() for place in places])
    return CityPlan.model_validate(
        {
            "name": "San Francisco",
            "time_zone": ZONE.key,
            "district": [{"code": DISTRICT, "name": "San Francisco", **centre}],
            "station": [
                {"station_id": area, "district": DISTRICT, **_middle(places)}
                for area, places in sorted(areas.items())
            ],
            "unit": [
                _unit(unit_id, used[unit_id].most_common(1)[0][0], kinds[unit_id], number)
                for number, unit_id in enumerate(sorted(used))
            ],
            "hospital": [_hospital(row, number, pack) for number, row in enumerate(hospitals)],
        }
    )


def _recorded(row: Row, seed: int) -> Recorded:
    received_at = _time(row["received_at"])
    if received_at is None:
        raise ValueError("received_at is missing")
    call_id = row["call_number"]
    draw = random.Random(f"{seed}/record/{call_id}")  # noqa: S311 - a scenario, no secret
    added = overlay(seed, call_id, _condition(row["priority"], draw.random()))
    call = Call.model_validate(
        {
            "call_id": call_id,
            "received_at": received_at,
            "district": DISTRICT,
            "caller": added.caller,
            "patient": added.patient,
            "location": {
                "latitude": float(row["latitude"]),
                "longitude": float(row["longitude"]),
            },
            "chief_complaint": added.complaint,
        }
    )
    times = Times(
        dispatched_at=_time(row["dispatched_at"]),
        rolling_at=_time(row["responding_at"]),
        on_scene_at=_time(row["on_scene_at"]),
        transport_at=_time(row["transport_at"]),
        hospital_at=_time(row["hospital_at"]),
        available_at=_time(row["available_at"]),
    )
    disposition = row["disposition"]
    transported = times.transport_at is not None or disposition in _TRANSPORTED
    cancelled_at = None
    if not row["unit_id"]:
        seconds = draw.uniform(*_GIVEN_UP_AFTER)
        cancelled_at = datetime.fromtimestamp(received_at.timestamp() + seconds, UTC)
    elif disposition == CANCELLED and times.on_scene_at is None:
        cancelled_at = times.available_at
    return Recorded(
        call=call,
        times=times,
        ends_empty=None if transported else _ENDS_EMPTY.get(disposition, "treated_on_scene"),
        cancelled_at=cancelled_at,
        answers_after=added.answers_after,
        answers=added.answers,
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC) if text else None


def _condition(priority: str, draw: float) -> str:
    if priority == "E":
        return "critical"
    if priority == "3":
        if draw < _CRITICAL_OF_PRIORITY_3:
            return "critical"
        if draw < _CRITICAL_OF_PRIORITY_3 + _UNKNOWN_OF_PRIORITY_3:
            return "unknown"
    return "stable"


def _middle(places: Sequence[tuple[float, float]]) -> dict[str, float]:
    return {
        "latitude": median(latitude for latitude, _ in places),
        "longitude": median(longitude for _, longitude in places),
    }


def _unit(unit_id: str, station: str, kind: str, number: int) -> dict[str, str]:
    transfer = number % TRANSFER_EVERY == 0
    vehicle = "monitoring" if kind == "MEDIC" else "basic"
    return {
        "unit_id": unit_id,
        "station": station,
        "vehicle": "negative_pressure" if transfer else vehicle,
        "crew": "transfer" if transfer else "regular",
    }


def _hospital(row: Row, number: int, pack: Pack) -> dict[str, Any]:
    roles = ["ordinary", "emergency_buffer" if number % 2 == 0 else "fever_clinic"]
    if number == 0:
        # Cases and ordinary patients never share a hospital.
        roles = ["designated"]
    elif number == 1:
        roles.append("reserve_designated")
    return {
        "hospital_id": f"hospital-{number + 1}",
        "name": row["name"],
        "district": DISTRICT,
        "latitude": float(row["latitude"]),
        "longitude": float(row["longitude"]),
        "roles": roles,
        "jurisdiction": [DISTRICT] if number == 0 else [],
        "capabilities": sorted(pack.capability_names),
        "decontamination": True,
        "rooms": dict.fromkeys(pack.handover.rooms.values(), ROOMS_OF_A_KIND),
    }
