"""Spill-over (外溢): what may carry the infection on from where it is contained.

A vehicle ordered undisinfected, a case left in a hospital that is not for cases, cases and
ordinary patients in one hospital (120 plan §3-4; work plans).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dispatch.domain.onward import onward_id
from dispatch.indicators.figures import Figure, Indicator, Ref, Tally, ref
from dispatch.indicators.known import NO_CASE, Known, Recent, is_of
from dispatch.indicators.scope import Scope
from dispatch.topics.envelope import Logged

SPILLED: Final = Indicator(
    "spill_overs", "zero", "120 plan §3-4, work plans; Jinzhou 2022: 零外溢 (no spill-over)"
)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A patient was handed over, under this handover, at a hospital that is not for cases."""

    event: Ref
    handover_id: str


@dataclass(frozen=True, slots=True)
class _Left:
    """A case is at a hospital that is not for cases; `event` made it so."""

    event: Logged
    before: tuple[Ref, ...]
    incident_id: str
    handover_id: str


@dataclass(slots=True)
class _Beds:
    """Who lies in a hospital, by the promise under which they came: of which incident, as told."""

    cases: dict[str, tuple[str, Ref]] = field(default_factory=dict)
    ordinary: dict[str, tuple[str, Ref]] = field(default_factory=dict)
    mixed: bool = False


class SpillOver:
    """Counts each order, each case left and each time that a hospital becomes mixed."""

    def __init__(self, known: Known, scope: Scope) -> None:
        self._known = known
        self._scope = scope
        self._spilled = Tally(SPILLED, scope)
        self._contaminated: dict[str, Ref] = {}
        self._arrivals: Recent[_Arrival] = Recent(known.pack.screening.history_window_days)
        # Runs whose vehicle was disinfected while its crew waited for the hospital's signature.
        self._disinfected_before: Recent[bool] = Recent(known.pack.screening.history_window_days)
        self._left: dict[str, _Left] = {}
        self._moved_on: set[str] = set()
        self._beds: dict[str, _Beds] = {}
        tiers = known.pack.tiers
        self._general = frozenset(tiers.general)
        self._for_cases = frozenset(tiers.room_kinds) | self._general
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "handover.closed": self._handed_over,
            "handover.released": self._handed_over,
            "disinfection.ordered": self._disinfection_ordered,
            "disinfection.accepted": self._disinfected,
            "order.issued": self._ordered,
            "call.decided": self._decided,
            "case.reported": self._case_reported,
            "bed.occupied": self._occupied,
            "bed.vacated": self._vacated,
            "service.changed": self._service_changed,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield the one figure: with the cases that nobody has moved on up to the end."""
        for left in self._left.values():
            self._spilled.add(
                "case_not_moved_on",
                left.handover_id,
                left.event,
                *left.before,
                incident_id=left.incident_id,
            )
        self._left.clear()
        yield self._spilled.figure()

    # -- vehicles

    def _handed_over(self, event: Logged) -> None:
        data = event.data
        disinfected = self._disinfected_before.pop(data["assignment_id"], event.at)
        if data["disinfection"] == "terminal" and not disinfected:
            self._contaminated.setdefault(data["unit_id"], ref(event))
        if data.get("keeps_cases") is not False:
            return
        arrival = _Arrival(ref(event), data["handover_id"])
        if self._known.case_status(data["incident_id"]) != NO_CASE:
            self._leave(event, data["incident_id"], arrival)
        else:
            self._arrivals.put(data["assignment_id"], event.at, arrival)

    def _disinfection_ordered(self, event: Logged) -> None:
        self._contaminated.setdefault(event.data["unit_id"], ref(event))

    def _disinfected(self, event: Logged) -> None:
        self._contaminated.pop(event.data["unit_id"], None)
        run = event.data["job_id"].removesuffix("/D")
        self._disinfected_before.put(run, event.at, True)

    def _ordered(self, event: Logged) -> None:
        contaminated = self._contaminated.get(event.data["unit_id"])
        if contaminated is not None:
            about, incident_id = event.data["assignment_id"], event.data["incident_id"]
            self._spilled.add(
                "ordered_undisinfected", about, event, contaminated, incident_id=incident_id
            )

    # -- cases

    def _case_reported(self, event: Logged) -> None:
        data = event.data
        if data["attempt"] != 1:
            return
        self._lies_as_a_case(event)
        if data["assignment_id"] is None:
            return
        arrival = self._arrivals.pop(data["assignment_id"], event.at)
        if arrival is not None:
            self._leave(event, data["incident_id"], arrival)

    def _leave(self, event: Logged, incident_id: str, arrival: _Arrival) -> None:
        onward = onward_id(arrival.handover_id)
        if onward not in self._moved_on:
            self._left[onward] = _Left(event, (arrival.event,), incident_id, arrival.handover_id)

    def _decided(self, event: Logged) -> None:
        data = event.data
        if data["decision"]["inputs"]["caller_kind"] == "institution":
            # The request may be read before the finding that raised it: they are of two topics.
            self._moved_on.add(data["incident_id"])
            self._left.pop(data["incident_id"], None)

    # -- hospitals

    def _occupied(self, event: Logged) -> None:
        data = event.data
        beds = self._beds.setdefault(data["hospital_id"], _Beds())
        if data["case_status"] != NO_CASE and data["room"] in self._for_cases:
            beds.cases[data["promise_id"]] = data["incident_id"], ref(event)
        elif data["case_status"] == NO_CASE and data["room"] in self._general:
            beds.ordinary[data["promise_id"]] = data["incident_id"], ref(event)
        others = beds.ordinary if data["promise_id"] in beds.cases else beds.cases
        self._may_be_mixed(data["hospital_id"], beds, event, others)

    def _lies_as_a_case(self, event: Logged) -> None:
        """Whoever lies in a general bed and is found to be a case now is one there."""
        data = event.data
        for hospital_id, beds in self._beds.items():
            found = [
                promise
                for promise, (incident_id, _) in beds.ordinary.items()
                if incident_id == data["incident_id"] and is_of(promise, data["assignment_id"])
            ]
            beds.cases |= {promise: beds.ordinary.pop(promise) for promise in found}
            if found:
                self._may_be_mixed(hospital_id, beds, event, beds.ordinary)

    def _may_be_mixed(
        self, hospital_id: str, beds: _Beds, event: Logged, others: Mapping[str, tuple[str, Ref]]
    ) -> None:
        if beds.cases and beds.ordinary and not beds.mixed:
            beds.mixed = True
            _, other = next(iter(others.values()))
            incident_id = event.data["incident_id"]
            self._spilled.add("hospital_mixed", hospital_id, event, other, incident_id=incident_id)

    def _vacated(self, event: Logged) -> None:
        beds = self._beds.get(event.data["hospital_id"])
        if beds is not None:
            for side in (beds.cases, beds.ordinary):
                side.pop(event.data["promise_id"], None)
            beds.mixed = beds.mixed and bool(beds.cases and beds.ordinary)

    def _service_changed(self, event: Logged) -> None:
        # Emptied as a whole: whoever lay there has left, whether each bed was reported or not.
        if event.data["service"] == "emptied":
            self._beds.pop(event.data["hospital_id"], None)
