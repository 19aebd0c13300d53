"""Missed screenings (漏诊): four questions that were not all asked in time (120 plan §4)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dispatch.indicators.figures import Figure, Indicator, Ref, Tally, ref
from dispatch.indicators.known import Known
from dispatch.indicators.scope import Scope
from dispatch.topics.envelope import Logged

MISSED: Final = Indicator(
    "missed_screenings", "zero", "120 plan §4; Wanrong 2022: 来院患者零漏诊 (none missed)"
)


@dataclass(slots=True)
class _Asked:
    """Where the questions of an incident stand; `open` is the decision that left some unasked."""

    open: Ref | None = None
    met: bool = False
    missed: bool = False


class Screening:
    """A caller is missed once: when the deadline passes, or the crew comes, with items unasked."""

    def __init__(self, known: Known, scope: Scope) -> None:  # noqa: ARG002 - as its siblings
        self._missed = Tally(MISSED, scope)
        self._asked: dict[str, _Asked] = {}
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "call.decided": self._decided,
            "screening.expired": self._expired,
            "incident.progressed": self._progressed,
            "incident.closed": self._closed,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield the one figure."""
        yield self._missed.figure()

    def _decided(self, event: Logged) -> None:
        decision = event.data["decision"]
        asked = self._asked.setdefault(event.data["incident_id"], _Asked())
        # Nobody calls for a transfer: the institution has screened its patient.
        by_a_caller = "transfer_kind" not in decision["inputs"]
        asked.open = ref(event) if decision["questions"] and by_a_caller else None

    def _expired(self, event: Logged) -> None:
        self._miss(event.data["call_id"], "deadline_passed", event)

    def _progressed(self, event: Logged) -> None:
        if event.data["status"] != "on_scene":
            return
        incident_id = event.data["incident_id"]
        asked = self._asked.get(incident_id)
        if asked is None or asked.met:
            return
        asked.met = True
        if asked.open is not None:
            self._miss(incident_id, "unasked_on_scene", event)

    def _miss(self, incident_id: str, why: str, event: Logged) -> None:
        asked = self._asked.setdefault(incident_id, _Asked())
        if not asked.missed:
            asked.missed = True
            before = () if asked.open is None else (asked.open,)
            self._missed.add(why, incident_id, event, *before, incident_id=incident_id)

    def _closed(self, event: Logged) -> None:
        self._asked.pop(event.data["incident_id"], None)
