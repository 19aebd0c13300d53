"""Qujing's "six none" (六个无), reached on 2020-03-14.

None in treatment, in isolation, under management; no death, second generation, staff infected. The
first three are how things stand at the end of the range; the others are counted within it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dispatch.domain.onward import onward_id
from dispatch.indicators.figures import Figure, Finding, Indicator, Tally, ref
from dispatch.indicators.known import NO_CASE, Known, Recent, is_of
from dispatch.indicators.scope import Scope
from dispatch.topics.envelope import Logged

_QUJING: Final = "Qujing 2020-03-14, six none"
IN_TREATMENT: Final = Indicator(
    "cases_in_treatment", "six_none", f"{_QUJING}: 无正在接受治疗的确诊病例"
)
IN_ISOLATION: Final = Indicator(
    "suspected_in_isolation", "six_none", f"{_QUJING}: 无正在隔离治疗的疑似病例"
)
MANAGED: Final = Indicator(
    "contacts_under_management", "six_none", f"{_QUJING}: 无正在管理的密切接触者"
)
DEATHS: Final = Indicator("case_deaths", "six_none", f"{_QUJING}: 无死亡病例")
SECOND: Final = Indicator("second_generation", "six_none", f"{_QUJING}: 无二代病例")
STAFF: Final = Indicator("staff_infected", "six_none", f"{_QUJING}: 无医务人员感染")

_CONTACT: Final = "contact"
_STANDING: Final[Mapping[Indicator, frozenset[str]]] = {
    # Qujing treated carriers without symptoms together with the confirmed cases.
    IN_TREATMENT: frozenset({"confirmed", "asymptomatic"}),
    IN_ISOLATION: frozenset({"suspected"}),
    MANAGED: frozenset({_CONTACT}),
}
_SECOND_GENERATION: Final = 2


@dataclass(frozen=True, slots=True)
class _Stay:
    """Somebody who lies in a hospital or an isolation site; `status` is what they are known as."""

    event: Logged
    incident_id: str
    status: str


class SixNone:
    """Who came, as what, and has not left: by the promise, else the handover, they came under."""

    def __init__(self, known: Known, scope: Scope) -> None:
        self._known = known
        self._scope = scope
        self._site = known.pack.handover.rooms["isolation_site"]
        self._stays: dict[str, _Stay] = {}
        self._by_incident: dict[str, set[str]] = {}
        self._onward: dict[str, str] = {}
        # Patients who were handed over and may yet prove to be cases, by their run.
        self._arrived: Recent[str] = Recent(known.pack.screening.history_window_days)
        self._deaths = Tally(DEATHS, scope)
        self._staff = Tally(STAFF, scope)
        self._surveys: dict[str, Logged] = {}
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "bed.occupied": self._occupied,
            "handover.closed": self._handed_over,
            "handover.released": self._handed_over,
            "bed.vacated": self._vacated,
            "case.reported": self._case_reported,
            "result.recorded": self._result_recorded,
            "death.recorded": self._died,
            "survey.recorded": self._surveyed,
            "infection.recorded": self._infected,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield the six."""
        for indicator, statuses in _STANDING.items():
            findings = tuple(
                Finding(stay.status, promise, stay.event.at, (ref(stay.event),))
                for promise, stay in self._stays.items()
                if stay.status in statuses and self._scope.has(stay.incident_id)
            )
            yield Figure(indicator=indicator, value=len(findings), findings=findings)
        yield self._deaths.figure()
        second = Tally(SECOND, self._scope)
        for incident_id, survey in self._surveys.items():
            second.add("second_generation", incident_id, survey, incident_id=incident_id)
        yield second.figure()
        yield self._staff.figure()

    # -- coming and leaving

    def _occupied(self, event: Logged) -> None:
        data = event.data
        status = _CONTACT if data["room"] == self._site else data["case_status"]
        if status != NO_CASE:
            self._begin(data["promise_id"], _Stay(event, data["incident_id"], status))

    def _handed_over(self, event: Logged) -> None:
        data = event.data
        incident_id, handover_id = data["incident_id"], data["handover_id"]
        before = self._onward.pop(incident_id, None)
        if before is not None:
            self._end(before)
        if self._has_bed(incident_id, handover_id):
            return
        status = self._known.case_status(incident_id)
        decided = self._known.decided(incident_id)
        if decided is not None and decided.decision["destination"] == "isolation_site":
            status = _CONTACT
        if status == NO_CASE:
            self._arrived.put(data["assignment_id"], event.at, handover_id)
        else:
            self._begin(handover_id, _Stay(event, incident_id, status))

    def _has_bed(self, incident_id: str, handover_id: str) -> bool:
        """Return whether a bed of this handover, or one reserved for a transfer, was taken."""
        of_a_run = f"{incident_id}/A"
        return any(
            promise == handover_id or not promise.startswith(of_a_run)
            for promise in self._by_incident.get(incident_id, ())
        )

    def _begin(self, promise: str, stay: _Stay) -> None:
        self._stays[promise] = stay
        self._by_incident.setdefault(stay.incident_id, set()).add(promise)
        # Whoever is moved on leaves this bed for the next.
        self._onward[onward_id(promise)] = promise

    def _end(self, promise: str) -> _Stay | None:
        stay = self._stays.pop(promise, None)
        if stay is not None:
            self._onward.pop(onward_id(promise), None)
            beds = self._by_incident[stay.incident_id]
            beds.discard(promise)
            if not beds:
                del self._by_incident[stay.incident_id]
        return stay

    def _vacated(self, event: Logged) -> None:
        promise = event.data["promise_id"]
        if promise is None:
            return
        # Who has left before being found is nobody's patient then.
        self._arrived.pop(promise.rpartition("/")[0], event.at)
        stay = self._end(promise)
        if stay is None or stay.status == _CONTACT or event.data.get("outcome") != "died":
            return
        came = ref(stay.event)
        self._deaths.add("case_died", promise, event, came, incident_id=stay.incident_id)

    # -- what is found out later

    def _case_reported(self, event: Logged) -> None:
        data = event.data
        if data["attempt"] != 1:
            return
        self._rename(data["incident_id"], data["assignment_id"], data["case_status"])
        run = data["assignment_id"]
        handover_id = None if run is None else self._arrived.pop(run, event.at)
        if handover_id is not None:
            self._begin(handover_id, _Stay(event, data["incident_id"], data["case_status"]))

    def _result_recorded(self, event: Logged) -> None:
        if event.data["case_status"] is not None:
            run = event.data["handover_id"].rpartition("/")[0]
            self._rename(event.data["incident_id"], run, event.data["case_status"])

    def _rename(self, incident_id: str, run: str | None, status: str) -> None:
        for promise in self._by_incident.get(incident_id, ()):
            if is_of(promise, run):
                self._stays[promise] = replace(self._stays[promise], status=status)

    # -- deaths, surveys, staff

    def _died(self, event: Logged) -> None:
        incident_id = event.data["incident_id"]
        decided = self._known.decided(incident_id)
        if decided is not None and decided.case_status != NO_CASE:
            about = event.data["assignment_id"]
            self._deaths.add("case_died", about, event, decided.event, incident_id=incident_id)

    def _surveyed(self, event: Logged) -> None:
        generation = event.data["generation"]
        if generation is not None and generation >= _SECOND_GENERATION:
            # A survey that is done again does not make another case.
            self._surveys.setdefault(event.data["incident_id"], event)
        elif generation is not None:
            self._surveys.pop(event.data["incident_id"], None)

    def _infected(self, event: Logged) -> None:
        about, incident_id = event.data["unit_id"], event.data["incident_id"]
        self._staff.add("infection_recorded", about, event, incident_id=incident_id)
