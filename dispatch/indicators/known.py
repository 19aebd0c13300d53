"""What the families share: the decision in force on each open incident, the arrivals of late.

Nothing is kept of what is over, but for the days within which a case may still be traced back.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from dispatch.indicators.figures import Ref, ref
from dispatch.policy.decision import replay
from dispatch.policy.pack import Pack
from dispatch.topics.codes import Protection
from dispatch.topics.envelope import Logged

V = TypeVar("V")

NO_CASE: Final = "none"


class Recent(Generic[V]):
    """What happened within the last days, by name; what is older is forgotten."""

    def __init__(self, days: float) -> None:
        self._window = timedelta(days=days)
        self._entries: OrderedDict[str, tuple[datetime, V]] = OrderedDict()

    def put(self, name: str, at: datetime, value: V) -> None:
        """Note a value, and forget what is too long ago."""
        self._entries[name] = (at, value)
        while self._entries:
            first = next(iter(self._entries))
            if at - self._entries[first][0] <= self._window:
                return
            del self._entries[first]

    def pop(self, name: str, at: datetime) -> V | None:
        """Take a value out; None where there is none within the last days."""
        found = self._entries.pop(name, None)
        return None if found is None or at - found[0] > self._window else found[1]


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision in force on an incident, and the event that told it."""

    event: Ref
    decision: Mapping[str, Any]

    @property
    def case_status(self) -> str:
        """What was known of the patient when it was taken."""
        status: str = self.decision["inputs"]["case_status"]
        return status


def is_of(promise_id: str, run: str | None) -> bool:
    """Return whether who came under a promise is whom a finding on the incident is about.

    A finding names the run that brought the patient, if it knows it. Beds that were reserved for a
    transfer name no run: what is known of one of its patients is known of all.
    """
    by, _, number = promise_id.rpartition("/")
    return run is None or by == run or number.startswith("B")


class Known:
    """The decisions in force on open incidents, and what the rules say of cases."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._ranks: dict[str, int] = dict(pack.ranks.ppe.items())
        self._decided: dict[str, Decided] = {}

    def learn(self, event: Logged) -> None:
        """Take over a decision."""
        if event.type == "call.decided":
            self._decided[event.data["incident_id"]] = Decided(ref(event), event.data["decision"])

    def forget(self, event: Logged) -> None:
        """Let go of an incident that is over."""
        if event.type == "incident.closed":
            self._decided.pop(event.data["incident_id"], None)

    def decided(self, incident_id: str | None) -> Decided | None:
        """Return the decision in force on an open incident."""
        return None if incident_id is None else self._decided.get(incident_id)

    def case_status(self, incident_id: str) -> str:
        """Return what is known of the patient of an open incident."""
        decided = self._decided.get(incident_id)
        return NO_CASE if decided is None else decided.case_status

    def ppe_for_case(self, decided: Decided) -> Protection | None:
        """Return the PPE that the rules ask for if the patient of a decision is a case."""
        inputs = {**decided.decision["inputs"], "case_status": "confirmed"}
        inputs.pop("transfer_kind", None)
        return replay(inputs, self.pack).ppe

    def is_less(self, worn: str | None, asked: str | None) -> bool:
        """Return whether PPE is less than what is asked."""
        return asked is not None and (worn is None or self._ranks[worn] < self._ranks[asked])
