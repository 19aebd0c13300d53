from collections import Counter

from dispatch.topics import EVENTS, TOPIC_OF, TOPICS


def test_no_two_events_share_a_type() -> None:
    types = Counter(event.event_type for topic in TOPICS for event in topic.events)
    assert [name for name, times in types.items() if times > 1] == []
    assert EVENTS.keys() == TOPIC_OF.keys() == types.keys()
