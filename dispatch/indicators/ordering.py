"""Errors in dispatch (差错): a crew or PPE other than the decision in force asked for.

What the rules allow where the right crew is not to be had, and the dispatcher's last word, are no
errors; they are counted apart.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, get_args

from dispatch.domain.allocation import DISPATCHER_CHOICE, Fallback
from dispatch.indicators.figures import Figure, Indicator, Tally
from dispatch.indicators.known import Decided, Known
from dispatch.indicators.scope import Scope
from dispatch.topics.city import CityMode
from dispatch.topics.envelope import Logged

ERRORS: Final = Indicator("dispatch_errors", "zero", "120 plan §4; Jinzhou 2022: 零差错 (no error)")
FALLBACKS: Final[Mapping[str, Indicator]] = {
    name: Indicator(
        name,
        "apart",
        "120 plan §3; 国卫办医函〔2020〕76号 §2: as far as possible",
        aim=None,
        target=None,
    )
    for name in sorted(get_args(Fallback))
}
# Fallbacks that send another crew kind than was asked for.
_OTHER_CREW: Final[frozenset[Fallback]] = frozenset(
    {"regular_instead_of_transfer", "transfer_as_last_resort"}
)
OVERRULED: Final = Indicator(
    "dispatcher_overrides",
    "apart",
    "120 plan §3: the dispatcher has the last word",
    aim=None,
    target=None,
)


class Ordering:
    """Compares each order with the last decision before it; a run is wrong once."""

    def __init__(self, known: Known, scope: Scope, mode: CityMode) -> None:
        self._known = known
        self._mode = mode
        self._errors = Tally(ERRORS, scope)
        self._fallbacks = {name: Tally(each, scope) for name, each in FALLBACKS.items()}
        self._overruled = Tally(OVERRULED, scope)
        self._wanted: dict[str, str] = {}
        self._wrong: dict[str, set[str]] = {}
        # What the console was told that a crew wears, until the crew's own order comes.
        self._told: dict[str, str] = {}
        self.readers: Mapping[str, Callable[[Logged], None]] = {
            "incident.assigned": self._assigned,
            "order.issued": self._issued,
            "incident.overridden": self._overridden,
            "incident.closed": self._closed,
            "city.mode_changed": self._mode_changed,
        }

    def figures(self) -> Iterator[Figure]:
        """Yield the errors, then what was counted apart."""
        yield self._errors.figure()
        for tally in self._fallbacks.values():
            yield tally.figure()
        yield self._overruled.figure()

    def _assigned(self, event: Logged) -> None:
        data = event.data
        self._told[data["assignment_id"]] = data["ppe"]
        decided = self._known.decided(data["incident_id"])
        if decided is None or decided.decision["action"] != "dispatch":
            self._wrong_run("not_decided", event, decided)
            return
        self._check_crew(event, decided)
        if self._known.is_less(data["ppe"], decided.decision["ppe"]):
            self._wrong_run("lower_ppe", event, decided)

    def _issued(self, event: Logged) -> None:
        decided = self._known.decided(event.data["incident_id"])
        told = self._told.pop(event.data["assignment_id"], None)
        if told is not None and self._known.is_less(event.data["ppe"]["level"], told):
            self._wrong_run("lower_ppe", event, decided)

    def _check_crew(self, event: Logged, decided: Decided) -> None:
        data = event.data
        incident_id, given, asked = data["incident_id"], data["crew"], decided.decision["crew"]
        about, before = data["assignment_id"], decided.event
        named = self._fallbacks.keys() & set(data["why"])
        for name in sorted(named):
            self._fallbacks[name].add(name, about, event, before, incident_id=incident_id)
        if given == asked or named & _OTHER_CREW:
            return
        if DISPATCHER_CHOICE in data["why"] or self._wanted.get(incident_id) == given:
            self._overruled.add("overruled", about, event, before, incident_id=incident_id)
        elif not (self._mode == "routine" and asked == "regular"):
            self._wrong_run("wrong_crew", event, decided)

    def _wrong_run(self, why: str, event: Logged, decided: Decided | None) -> None:
        incident_id, about = event.data["incident_id"], event.data["assignment_id"]
        wrong = self._wrong.setdefault(incident_id, set())
        if about not in wrong:
            wrong.add(about)
            before = () if decided is None else (decided.event,)
            self._errors.add(why, about, event, *before, incident_id=incident_id)

    def _overridden(self, event: Logged) -> None:
        if event.data["crew"] is not None:
            self._wanted[event.data["incident_id"]] = event.data["crew"]

    def _closed(self, event: Logged) -> None:
        self._wanted.pop(event.data["incident_id"], None)
        self._wrong.pop(event.data["incident_id"], None)

    def _mode_changed(self, event: Logged) -> None:
        self._mode = event.data["mode"]
