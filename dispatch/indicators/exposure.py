"""Crews exposed and infected (院感): less PPE than a case asks for, undisinfected vehicles."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dispatch.indicators.figures import Figure, Indicator, Ref, Tally, ref
from dispatch.indicators.known import NO_CASE, Known, Recent
from dispatch.indicators.scope import Scope
from dispatch.topics.codes import Protection
from dispatch.topics.envelope import Logged

EXPOSED: Final = Indicator(
    "crew_exposures",
    "zero",
    "120 plan §3-4; Jinzhou 2022: 零院感 (no infection in care)",
)
INFECTED: Final = Indicator(
    "crew_infections",
    "zero",
    "Jinzhou 2022: 零院感; Wanrong 2022: 医务人员零感染 (no staff infected)",
)


@dataclass(frozen=True, slots=True)
class _Met:
    """A crew met a patient, wearing this; the event that says so."""

    event: Ref
    worn: Protection


class Exposure:
    """A run exposes its crew once: what counts is what was worn when it met the patient."""

    def __init__(self, known: Known, scope: Scope) -> None:
        self._known = known
        self._exposed = Tally(EXPOSED, scope)
        self._infected = Tally(INFECTED, scope)
        self._worn: dict[str, dict[str, Protection]] = {}
        self._met: dict[str, dict[str, _Met]] = {}
        # Runs that are over, whose crews wore less than a case asks for.
        self._at_risk: Recent[Ref] = Recent(known.pack.screening.history_window_days)
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "order.issued": self._dressed,
            "order.amended": self._dressed,
            "incident.progressed": self._progressed,
            "case.reported": self._case_reported,
            "escalation.raised": self._escalated,
            "infection.recorded": self._infection_recorded,
            "incident.closed": self._closed,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield the crews exposed and the members infected."""
        yield self._exposed.figure()
        yield self._infected.figure()

    def _dressed(self, event: Logged) -> None:
        runs = self._worn.setdefault(event.data["incident_id"], {})
        runs[event.data["assignment_id"]] = event.data["ppe"]["level"]

    def _progressed(self, event: Logged) -> None:
        incident_id, run = event.data["incident_id"], event.data["assignment_id"]
        worn = self._worn.get(incident_id, {}).get(run)
        if event.data["status"] != "on_scene" or worn is None:
            return
        self._met.setdefault(incident_id, {})[run] = _Met(ref(event), worn)
        if self._known.case_status(incident_id) != NO_CASE:
            self._expose_if_less(event, incident_id, run)

    def _case_reported(self, event: Logged) -> None:
        data = event.data
        if data["attempt"] != 1:
            return
        incident_id, named = data["incident_id"], data["assignment_id"]
        for run in [named] if named is not None else list(self._met.get(incident_id, {})):
            at_risk = self._at_risk.pop(run, event.at)
            if at_risk is not None:
                self._expose(event, incident_id, run, at_risk)
            else:
                self._expose_if_less(event, incident_id, run)

    def _expose_if_less(self, event: Logged, incident_id: str, run: str) -> None:
        """Count a run of an open incident whose patient is a case, where the crew wore too little.

        A run is forgotten with it, so that it is not counted again.
        """
        met = self._met.get(incident_id, {}).get(run)
        decided = self._known.decided(incident_id)
        if met is None or decided is None:
            return
        if self._known.is_less(met.worn, self._known.ppe_for_case(decided)):
            del self._met[incident_id][run]
            self._expose(event, incident_id, run, met.event)

    def _expose(self, event: Logged, incident_id: str, run: str, met: Ref) -> None:
        self._exposed.add("case_met_with_less_ppe", run, event, met, incident_id=incident_id)

    def _escalated(self, event: Logged) -> None:
        data = event.data
        if data["kind"] == "crew_exposed":
            about, incident_id = data["subject"], data["incident_id"]
            self._exposed.add("carried_undisinfected", about, event, incident_id=incident_id)

    def _infection_recorded(self, event: Logged) -> None:
        about, incident_id = event.data["unit_id"], event.data["incident_id"]
        self._infected.add("infection_recorded", about, event, incident_id=incident_id)

    def _closed(self, event: Logged) -> None:
        incident_id = event.data["incident_id"]
        self._worn.pop(incident_id, None)
        met = self._met.pop(incident_id, None)
        decided = self._known.decided(incident_id)
        if not met or decided is None:
            return
        asked = self._known.ppe_for_case(decided)
        for run, each in met.items():
            if self._known.is_less(each.worn, asked):
                self._at_risk.put(run, event.at, each.event)
