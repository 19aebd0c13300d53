"""What crews observe reaches the hospital before the patient does (上车即入院), whichever it is.

Source: 120 plan §5 (information comes before the patient); T/CADERM 9002-2023 (what links centre,
ambulance and hospital).
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Final
from urllib.parse import urlsplit

from dispatch.domain.city import City
from dispatch.domain.model import HANDED_OVER, Assignment, Handover
from dispatch.domain.references import assignment_of
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.fields import parse_time
from dispatch.topics.handovers import HandoverObserved
from dispatch.topics.incidents import ObservationsRecorded
from dispatch.topics.observations import LONGEST_LINK, READINGS, ObservationsReported

# Of one run, to be sent along to a hospital that is chosen later: the first, and the last of them.
MOST_KEPT: Final = 200
# In one event, so that it fits into a record of Kafka.
_AT_ONCE: Final = 100
# The characters of a URI (RFC 3986): nothing that a browser or a page takes for something else.
_OF_LINKS: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_GLASGOW: Final = ("glasgow_eye", "glasgow_verbal", "glasgow_motor")


@dataclass(frozen=True, slots=True)
class Vital:
    """A vital sign: its unit, and the least and most that it can be; points are whole."""

    unit: str
    lowest: float
    highest: float
    whole: bool = False


VITALS: Final[Mapping[str, Vital]] = {
    name: Vital(**of)
    for name, of in tomllib.loads(
        resources.files("dispatch.domain").joinpath("observations.toml").read_text(encoding="utf-8")
    ).items()
}


def report(city: City, event: ObservationsReported) -> None:
    """Note what a crew has observed, and tell the hospital that expects or has the patient.

    A report may come late: after the run, it goes to the hospital that took the patient over, or to
    the one to which another unit takes them.

    Raises:
        Unknown: the assignment is.
        Rejected: the unit is unknown, or was never on this assignment.
    """
    run = assignment_of(city, event.unit_id, event.assignment_id)
    observed = _observed(run, event)
    kept = (*run.observations, observed)
    if len(kept) > MOST_KEPT:
        kept = (kept[0], *kept[len(kept) - MOST_KEPT + 1 :])
    run = replace(run, observations=kept, observed=run.observed + 1)
    city.put(run)
    told = list(_expecting(city, run))
    # Whoever has the link sees the patient's ECG.
    recorded = {name: value for name, value in observed.items() if name != "ecg_url"}
    city.emit(
        ObservationsRecorded(
            incident_id=run.incident_id,
            assignment_id=run.assignment_id,
            at=city.now,
            hospital_id=told[0].hospital_id if told else None,
            **recorded,
        ),
        key=run.incident_id,
    )
    for handover in told:
        _tell(city, handover, [observed])


def send_along(city: City, run: Assignment, handover: Handover) -> None:
    """Tell a hospital to which a patient is announced what was observed before, in its order.

    Of a single patient, what the crew before has observed that could not bring them.
    """
    runs = [run]
    incident = city.incidents[run.incident_id]
    if incident.patient_count == 1:
        others = (city.assignments[key] for key in incident.assignments)
        runs += [each for each in others if each.patient_owed and each is not run]
    observed = sorted(
        (each for one in runs for each in one.observations),
        key=lambda each: parse_time(each["measured_at"]),
    )
    left_out = sum(each.observed - len(each.observations) for each in runs)
    for first in range(0, len(observed), _AT_ONCE):
        _tell(city, handover, observed[first : first + _AT_ONCE], left_out)


def _expecting(city: City, run: Assignment) -> Iterator[Handover]:
    """Yield the handovers at whose hospital the patient of a run is, or is expected."""
    runs = [run]
    if run.patient_owed and city.incidents[run.incident_id].patient_count == 1:
        keys = city.incidents[run.incident_id].assignments
        runs += [each for key in keys if not (each := city.assignments[key]).patient_owed]
    for each in runs:
        handover = None if each.handover_id is None else city.handovers[each.handover_id]
        if handover is not None and (handover.ended_at is None or handover.status in HANDED_OVER):
            yield handover


def _tell(
    city: City, handover: Handover, observed: Iterable[dict[str, Any]], left_out: int = 0
) -> None:
    city.emit(
        HandoverObserved(
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            assignment_id=handover.assignment_id,
            incident_id=handover.incident_id,
            at=city.now,
            observations=list(observed),
            left_out=left_out,
        ),
        key=handover.hospital_id,
    )


def _observed(run: Assignment, event: ObservationsReported) -> dict[str, Any]:
    """Return a report as it is kept and told: what can be, and what can't be as warnings."""
    warnings: list[dict[str, Any]] = []
    values = dict(_plausible(event, warnings))
    _compare(values, warnings)
    patient_id, ecg_url = event.patient_id, event.ecg_url
    if patient_id is not None and patient_id not in run.patients:
        warnings.append(_warning("patient_id", patient_id, "is not a patient of this run"))
        patient_id = None
    if ecg_url is not None and not _is_link(ecg_url):
        # Not even as a text: somebody may make a link of it.
        warnings.append(_warning("ecg_url", None, "is not an https link that is passed on"))
        ecg_url = None
    return {
        "unit_id": run.unit_id,
        "patient_id": patient_id,
        "measured_at": timestamp(event.at),
        "values": [
            {"name": name, "value": value, "unit": VITALS[name].unit}
            for name, value in values.items()
        ],
        "ecg_url": ecg_url,
        "warnings": warnings,
    }


def _plausible(
    event: ObservationsReported, warnings: list[dict[str, Any]]
) -> Iterator[tuple[str, float]]:
    for name in READINGS:
        value = getattr(event, name)
        if value is None:
            continue
        vital = VITALS[name]
        if isinstance(value, str):
            warnings.append(_warning(name, value, "is not a number"))
        elif not vital.lowest <= value <= vital.highest or (vital.whole and value % 1):
            kind = "a whole number of " if vital.whole else ""
            reason = f"must be {kind}{vital.lowest:g} to {vital.highest:g} {vital.unit}"
            warnings.append(_warning(name, f"{value:g}", reason))
        else:
            yield name, value


def _compare(values: dict[str, float], warnings: list[dict[str, Any]]) -> None:
    """Take out values that contradict each other; a missing total of the coma scale is added."""
    systolic, diastolic = values.get("systolic_mmhg"), values.get("diastolic_mmhg")
    if systolic is not None and diastolic is not None and diastolic > systolic:
        for name in ("systolic_mmhg", "diastolic_mmhg"):
            reason = "systolic is below diastolic"
            warnings.append(_warning(name, f"{values.pop(name):g}", reason))
    if all(name in values for name in _GLASGOW):
        total = sum(values[name] for name in _GLASGOW)
        said = values.get("glasgow_total", total)
        if said != total:
            reason = f"the parts add up to {total:g}"
            warnings.append(_warning("glasgow_total", f"{said:g}", reason))
        values["glasgow_total"] = total


def _warning(field: str, value: str | None, reason: str) -> dict[str, Any]:
    return {"field": field, "value": value, "reason": reason}


def _is_link(url: str) -> bool:
    """Return whether a text is a link by https, without anybody's password in it."""
    if len(url) > LONGEST_LINK or not _OF_LINKS.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    named = bool(parts.hostname) and parts.username is None and parts.password is None
    return parts.scheme == "https" and named and port != 0
