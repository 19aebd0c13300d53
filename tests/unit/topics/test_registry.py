from collections import Counter

from dispatch.topics import EVENTS, TOPIC_OF, TOPICS, own_topic, topic_names


def test_no_two_events_share_a_type() -> None:
    types = Counter(event.event_type for topic in TOPICS for event in topic.events)
    assert [name for name, times in types.items() if times > 1] == []
    assert EVENTS.keys() == TOPIC_OF.keys() == types.keys()


def test_hospitals_have_topics_of_their_own_beside_those_that_are_keyed_by_them() -> None:
    names = topic_names(["H1", "H2"])
    shared = {topic.name for topic in TOPICS}
    assert names.keys() - shared == {"handovers.H1", "handovers.H2", "beds.H1", "beds.H2"}
    for name, topic in names.items():
        assert own_topic(topic.name, "H1") in (f"{topic.name}.H1", None)
        assert name in (topic.name, own_topic(topic.name, "H1"), own_topic(topic.name, "H2"))
    # What hospitals write is keyed by them too, and is read by the service alone.
    assert own_topic("hospitals", "H1") is None
