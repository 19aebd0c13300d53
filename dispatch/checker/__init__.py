"""The invariants of the service, decided over the whole history of a run.

Pure: given every event that a reader of the output topics consumed, in the order of consumption,
and every input with what the inbox says of it. Events of different topics are set side by side by
the times that they state (aware UTC); those of one topic and key by their order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from dispatch.checker.crews import critical_changes_untold, numbers_in, numbers_untold
from dispatch.checker.decisions import decisions_that_differ
from dispatch.checker.history import Event, Input, Invariant, Told, Violation
from dispatch.checker.inputs import inputs_lost
from dispatch.checker.links import links_to_those_that_left
from dispatch.checker.needs import needs_unmet_silently
from dispatch.checker.order import effects_before_causes, streams_out_of_order
from dispatch.checker.outcomes import calls_without_one_outcome
from dispatch.checker.own_topics import own_topics_that_differ
from dispatch.checker.rooms import rooms_promised_twice
from dispatch.checker.swaps import swaps_too_late
from dispatch.checker.units import orders_before_disinfection, units_on_two_assignments
from dispatch.policy.pack import Pack

__all__ = [
    "Event",
    "Input",
    "Invariant",
    "Violation",
    "check",
    "numbers_in",
    "own_topics_that_differ",
]


def check(
    history: Iterable[Event],
    inputs: Iterable[Input],
    *,
    packs: Mapping[str, Pack],
    now: datetime,
    orders: Iterable[Event] = (),
) -> list[Violation]:
    """Return every violation of an invariant; `now` is the time (aware) at which the run stopped.

    `orders` are the events of the units' own topics, where these were read: what crews are told.

    `packs` has every pack, by name, that decisions may name. An event that was delivered more
    than once counts once.
    """
    told: defaultdict[str, list[Told]] = defaultdict(list)
    known: set[str] = set()
    streams: defaultdict[tuple[str, str | None], list[Told]] = defaultdict(list)
    for event in history:
        if event.id not in known:
            known.add(event.id)
            each = Told(event, event.data)
            told[event.type].append(each)
            streams[event.topic, event.key].append(each)
    inputs = list(inputs)
    return [
        *units_on_two_assignments(told),
        *calls_without_one_outcome(told, inputs, now),
        *orders_before_disinfection(told),
        *rooms_promised_twice(told),
        *critical_changes_untold(told),
        *needs_unmet_silently(told),
        *inputs_lost(told, inputs),
        *streams_out_of_order(streams),
        *effects_before_causes(streams),
        *decisions_that_differ(told, packs),
        *swaps_too_late(told, packs),
        *links_to_those_that_left(told),
        *numbers_untold(told, inputs, orders),
    ]
