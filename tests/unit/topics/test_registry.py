from collections import Counter
from typing import Any

import pytest

from dispatch.topics import EVENTS, TOPIC_OF, TOPICS, Parties, own_topic_of, topic_names


def test_no_two_events_share_a_type() -> None:
    types = Counter(event.event_type for topic in TOPICS for event in topic.events)
    assert [name for name, times in types.items() if times > 1] == []
    assert EVENTS.keys() == TOPIC_OF.keys() == types.keys()


PARTIES = Parties(
    hospitals=frozenset({"H1", "H2"}), units=frozenset({"U1"}), institutions=frozenset({"I1"})
)


def test_whoever_is_named_has_topics_of_their_own_beside_the_shared_ones() -> None:
    names = topic_names(PARTIES)
    shared = {topic.name for topic in TOPICS}
    of_hospitals = {
        f"{topic}.{hospital}"
        for topic in ("handovers", "beds", "disinfections", "placements")
        for hospital in ("H1", "H2")
    }
    assert names.keys() - shared == of_hospitals | {"orders.U1", "placements.I1"}
    assert all(name.partition(".")[0] == topic.name for name, topic in names.items())


@pytest.mark.parametrize(
    ("topic", "key", "data", "own"),
    [
        ("orders", "U1", {}, "orders.U1"),
        # A name that somebody makes up has no topic, and holds up nobody.
        ("orders", "U9", {}, None),
        ("placements", "t-1", {"institution_id": "I1"}, "placements.I1"),
        ("placements", "t-1", {"institution_id": "H1"}, "placements.H1"),
        ("placements", "t-1", {"institution_id": "I9"}, None),
        ("placements", "t-1", {"institution_id": None}, None),
        ("placements", "t-1", {}, None),
        ("disinfections", "U1", {"centre_id": "H2"}, "disinfections.H2"),
        ("disinfections", "U1", {"centre_id": None}, None),
        ("handovers", "H1", {}, "handovers.H1"),
        # Its last patients' events may still come.
        ("beds", "left-the-plan", {}, "beds.left-the-plan"),
        ("beds", None, {}, None),
        ("incidents", "c-1", {}, None),
        ("hospitals", "H1", {}, None),
    ],
)
def test_an_event_goes_to_the_topic_of_whom_it_is_for(
    topic: str, key: str | None, data: dict[str, Any], own: str | None
) -> None:
    assert own_topic_of(topic, key, data, PARTIES) == own
