"""The fleet's duties (120 plan §1): negative pressure in every district, on the platform, in place.

How things stand at the end of the range, by the last report of the duties and the units' status
since.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from dispatch.indicators.figures import Figure, Finding, Indicator, ref
from dispatch.indicators.known import Known
from dispatch.indicators.scope import Scope
from dispatch.topics.envelope import Logged

SHORT: Final = Indicator(
    "districts_lacking",
    "fleet",
    "120 plan §1: every district has at least one negative-pressure ambulance",
)
IN_PLACE: Final = Indicator(
    "negative_pressure_in_place",
    "fleet",
    "120 plan §1: 100 % of the negative-pressure ambulances on the platform and in place",
    "share",
    "at_least",
    1.0,
)
_DUTY: Final = "negative_pressure_per_district"
_OFF: Final = frozenset({"off_duty", "out_of_service"})


class Duties:
    """Keeps the last report of the duties, and which units are not in place."""

    def __init__(self, known: Known, scope: Scope) -> None:
        self._scope = scope
        self._share = Indicator(
            "negative_pressure_share",
            "fleet",
            "国卫医发〔2020〕19号: at least 40 % of the ambulances by 2025",
            "share",
            "at_least",
            known.pack.fleet.negative_pressure_share,
        )
        self._reported: Logged | None = None
        self._missing: dict[str, Logged] = {}
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "duties.reported": self._duties_reported,
            "unit.changed": self._changed,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield districts without, the share of the fleet, and how many are in place."""
        yield self._short()
        yield self._city_share()
        yield self._in_place()

    def _short(self) -> Figure:
        if self._reported is None:
            return Figure(indicator=SHORT, value=None)
        districts = [
            each["district"]
            for each in self._reported.data["shortfalls"]
            if each["duty"] == _DUTY and self._scope.has(None, each["district"])
        ]
        findings = tuple(
            Finding("no_negative_pressure", district, self._reported.at, (ref(self._reported),))
            for district in districts
        )
        return Figure(indicator=SHORT, value=len(findings), findings=findings)

    def _city_share(self) -> Figure:
        """Return the city's share; a district has no share of its own to reach."""
        if self._reported is None or self._scope.district is not None:
            return Figure(indicator=self._share, value=None)
        share: float = self._reported.data["negative_pressure_share"]
        below = share < self._share.target if self._share.target is not None else False
        why = "share_too_low"
        finding = Finding(why, "city", self._reported.at, (ref(self._reported),))
        return Figure(indicator=self._share, value=share, findings=(finding,) if below else ())

    def _in_place(self) -> Figure:
        owed = self._ambulances()
        units = [unit_id for ambulances in owed.values() for unit_id in ambulances]
        if not units:
            return Figure(indicator=IN_PLACE, value=None)
        missing = [unit_id for unit_id in units if unit_id in self._missing]
        details: dict[str, Any] = {
            district: {
                "ambulances": len(ambulances),
                "in_place": sum(unit_id not in self._missing for unit_id in ambulances),
            }
            for district, ambulances in owed.items()
        }
        findings = tuple(
            Finding("not_in_place", unit_id, event.at, (ref(event),))
            for unit_id in missing
            for event in (self._missing[unit_id],)
        )
        return Figure(
            indicator=IN_PLACE,
            value=1 - len(missing) / len(units),
            findings=findings,
            details=details,
        )

    def _ambulances(self) -> dict[str, list[str]]:
        if self._reported is None:
            return {}
        told: dict[str, list[str]] = self._reported.data.get("negative_pressure", {})
        return {code: units for code, units in told.items() if self._scope.has(None, code)}

    def _duties_reported(self, event: Logged) -> None:
        self._reported = event
        for district in event.data.get("negative_pressure", {}):
            self._scope.exists(district)

    def _changed(self, event: Logged) -> None:
        data = event.data
        if data["status"] in _OFF or not data["staffed"]:
            self._missing[data["unit_id"]] = event
        else:
            self._missing.pop(data["unit_id"], None)
