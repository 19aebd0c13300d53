"""A city with units enough, and its ordinary calls: each needs a unit, none repeats another."""

from datetime import datetime
from typing import Final

from dispatch.topics.calls import Call, CallCancelled

DISTRICT: Final = "150702"
STATIONS: Final = 25
# Degrees between neighbours who call: far beyond what is taken for one incident.
STEP_NORTH: Final = 0.005
STEP_EAST: Final = 0.008
SOUTH: Final = 48.6
WEST: Final = 118.9
# Degrees that the city measures from south to north, and from west to east: its stations stand in a
# row along those who call, or crews from afar would be raised for most.
HEIGHT: Final = 0.1
WIDTH: Final = 1.6
COMPLAINTS: Final = ("胸痛两小时", "摔倒后髋部疼痛", "腹痛呕吐", "头晕，站立不稳", "手部烧伤")
CONDITIONS: Final = ("critical", "stable", "unknown")
ANSWERS: Final = {"travel": "no", "residence": "no", "close_contact": "no", "exposure": "no"}


def city_plan(units: int) -> str:
    """Return the plan of a city with so many units, spread over its stations (TOML)."""
    stations = [
        f'[[station]]\nstation_id = "S{n}"\ndistrict = "{DISTRICT}"\n'
        f"latitude = {SOUTH + HEIGHT / 2:.4f}\n"
        f"longitude = {WEST + WIDTH * (n + 0.5) / STATIONS:.4f}\n"
        for n in range(STATIONS)
    ]
    fleet = [
        f'[[unit]]\nunit_id = "U{n}"\nstation = "S{n % STATIONS}"\n'
        'vehicle = "monitoring"\ncrew = "regular"\n'
        for n in range(units)
    ]
    return "\n".join(
        [
            'name = "bench"\ntime_zone = "Asia/Shanghai"\n',
            # A million calls reach far beyond the city: see `ordinary_call`.
            f"[bounds]\nsouth = {SOUTH}\nwest = {WEST}\nnorth = 80.0\neast = {WEST + WIDTH:.1f}\n",
            (
                f'[[district]]\ncode = "{DISTRICT}"\nname = "one"\n'
                f"latitude = {SOUTH + HEIGHT / 2:.4f}\nlongitude = {WEST + WIDTH / 2:.4f}\n"
            ),
            *stations,
            (
                f'[[hospital]]\nhospital_id = "H1"\nname = "first"\ndistrict = "{DISTRICT}"\n'
                f"latitude = {SOUTH + HEIGHT / 2:.4f}\nlongitude = {WEST + WIDTH / 2:.4f}\n"
                'roles = ["fever_clinic", "emergency_buffer", "ordinary"]\n'
                "decontamination = true\n"
                "rooms = { fever_clinic = 1000, buffer = 1000, emergency = 1000000 }\n"
            ),
            *fleet,
        ]
    )


def ordinary_call(number: int, received_at: datetime) -> Call:
    """Return the call of a number (from 0), received at a time (aware); the same ever again."""
    across = int(WIDTH / STEP_EAST)
    row, column = divmod(number, across)
    return Call.model_validate(
        {
            "call_id": f"c{number}",
            "received_at": received_at,
            "district": DISTRICT,
            "caller": {"kind": "public", "phone": f"139{number:08d}"},
            "chief_complaint": COMPLAINTS[number % len(COMPLAINTS)],
            "patient": {
                "condition": CONDITIONS[number % len(CONDITIONS)],
                "symptoms": [],
                "case_status": "none",
            },
            "epidemiology": ANSWERS,
            "location": {
                "latitude": round(SOUTH + STEP_NORTH * row, 6),
                "longitude": round(WEST + STEP_EAST * column, 6),
            },
        }
    )


def called_off(number: int, at: datetime) -> CallCancelled:
    """Return the cancellation of the call of a number, at a time (aware)."""
    return CallCancelled(
        call_id=f"c{number}", at=at, by="seat 1", reason="a unit was sent by radio"
    )
