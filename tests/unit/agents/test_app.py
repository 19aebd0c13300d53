"""Every topic that the service reads has an agent of its own."""

from dispatch.agents.app import AGENTS
from dispatch.topics import INPUT_TOPICS


def test_each_input_topic_has_one_agent() -> None:
    assert sorted(agent.TOPIC for agent in AGENTS) == sorted(topic.name for topic in INPUT_TOPICS)
