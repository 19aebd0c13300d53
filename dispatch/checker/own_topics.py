"""Topics of one reader's own: each holds that one's events, all of them and nobody else's."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from dispatch.checker.history import Event, Invariant, Violation
from dispatch.topics import Parties, own_topic_of


def own_topics_that_differ(
    history: Iterable[Event], copies: Iterable[Event], parties: Parties
) -> Iterator[Violation]:
    """Find events that are on the shared topic alone, on the own one alone, or on another's own.

    `copies` are the events of the own topics of these parties, in the order of consumption.
    """
    shared: defaultdict[str, dict[str, Event]] = defaultdict(dict)
    for event in history:
        topic = own_topic_of(event.topic, event.key, event.data, parties)
        if topic is not None:
            shared[topic].setdefault(event.id, event)
    own: defaultdict[str, dict[str, Event]] = defaultdict(dict)
    for copy in copies:
        own[copy.topic].setdefault(copy.id, copy)
    for topic in sorted(shared.keys() | own.keys()):
        before, found = list(shared[topic]), list(own[topic])
        for missing in before:
            if missing not in own[topic]:
                yield _violation(f"{topic} lacks an event of its own", shared[topic][missing])
        for strange in found:
            if strange not in shared[topic]:
                yield _violation(f"{topic} has an event that is not its own", own[topic][strange])
        # Kafka keeps the order of one key only: a shared topic has several partitions.
        for one, other in _by_key(shared[topic], own[topic]):
            if one != other and sorted(one) == sorted(other):
                late = next(at for at, each in enumerate(other) if each != one[at])
                yield _violation(f"{topic} is in another order", own[topic][other[late]])


def _by_key(
    shared: Mapping[str, Event], own: Mapping[str, Event]
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the ids of the events of each key in the order of either topic."""
    keys: defaultdict[str | None, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for which, events in enumerate((shared, own)):
        for event in events.values():
            keys[event.key][which].append(event.id)
    yield from keys.values()


def _violation(sentence: str, event: Event) -> Violation:
    return Violation(Invariant.OWN_TOPICS, sentence, (event,))
