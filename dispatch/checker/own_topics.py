"""Topics of one reader's own: each holds that one's events, all of them and nobody else's."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

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
        if sorted(before) == sorted(found) and before != found:
            late = next(at for at, each in enumerate(found) if each != before[at])
            yield _violation(f"{topic} is in another order", own[topic][found[late]])


def _violation(sentence: str, event: Event) -> Violation:
    return Violation(Invariant.OWN_TOPICS, sentence, (event,))
