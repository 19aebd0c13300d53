"""What each role may do: the least that its part of the work needs, and never another's."""

import re
from pathlib import Path

import pytest

from dispatch.errors import ConfigurationError
from dispatch.topic_admin.roles import Entry, entries, roles
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS, TOPICS, topic_names
from dispatch.topics.fields import MAX_BODY_BYTES

PREFIX = "city-a."
ALL = topic_names(["H1", "H2"])
SECURITY = Path(__file__).parents[3] / "SECURITY.md"


def of(role: str, user: str = "someone") -> frozenset[Entry]:
    hospital_id = "H1" if roles()[role].of_a_hospital else None
    return entries(role, user=user, prefix=PREFIX, hospital_id=hospital_id)


def topics(role: str, operation: str) -> set[str]:
    """Return the topics of a city with two hospitals on which a role may do something."""
    found = [each for each in of(role) if (each.kind, each.operation) == ("topic", operation)]
    return {
        name
        for name in ALL
        if any(
            (PREFIX + name).startswith(each.name)
            if each.pattern == "prefix"
            else PREFIX + name == each.name
            for each in found
        )
    }


def test_a_worker_reads_all_inputs_and_writes_all_outputs_and_hospitals_own_topics() -> None:
    inputs = {topic.name for topic in INPUT_TOPICS}
    assert topics("worker", "Read") == inputs
    assert topics("worker", "Write") == ALL.keys() - inputs
    groups = {each.name for each in of("worker") if each.kind == "group"}
    assert groups == {PREFIX + name for name in inputs}
    assert all(each.pattern == "literal" for each in of("worker") if each.kind == "group")


def test_a_hospital_reads_its_own_topics_and_no_others() -> None:
    assert topics("hospital", "Read") == {"handovers.H1", "beds.H1"}
    assert topics("hospital", "Write") == {"hospitals"}


def test_an_operator_reads_everything_and_writes_nothing() -> None:
    assert topics("operator", "Read") == ALL.keys()
    assert topics("operator", "Write") == set()


def test_only_the_worker_writes_outputs_and_each_input_has_somebody_who_writes_it() -> None:
    outputs = {topic.name for topic in OUTPUT_TOPICS}
    written = set()
    for role in roles().keys() - {"worker"}:
        assert not topics(role, "Write") & outputs
        written |= topics(role, "Write")
    assert written == {topic.name for topic in INPUT_TOPICS}


@pytest.mark.parametrize("role", sorted(roles()))
def test_a_role_names_topics_that_there_are(role: str) -> None:
    for each in of(role):
        if each.kind == "topic" and each.pattern == "literal":
            assert each.name.removeprefix(PREFIX) in ALL
        assert each.name.startswith((PREFIX, "someone-")) or each.kind == "cluster"


@pytest.mark.parametrize("role", sorted(roles()))
def test_nobody_writes_in_transactions_unless_a_user_is_told_to(role: str) -> None:
    assert "transactional id" not in {each.kind for each in of(role)}
    hospital_id = "H1" if roles()[role].of_a_hospital else None
    told = entries(role, user="u", prefix=PREFIX, hospital_id=hospital_id, transactions=True)
    added = told - entries(role, user="u", prefix=PREFIX, hospital_id=hospital_id)
    assert added == {
        Entry("transactional id", "u-", "prefix", each) for each in ("Describe", "Write")
    }


def test_who_looks_at_topics_looks_at_brokers_and_nobody_else_does() -> None:
    for role in roles():
        about = {each.operation for each in of(role) if each.kind == "cluster"}
        assert about == ({"DescribeConfigs"} if role == "topics" else set())


def test_a_role_that_only_reads_and_writes_creates_nothing() -> None:
    for role in roles().keys() - {"topics"}:
        assert {each.operation for each in of(role)} <= {"Describe", "Read", "Write"}
    assert {each.operation for each in of("topics")} == {
        "AlterConfigs", "Create", "Describe", "DescribeConfigs",
    }  # fmt: skip


def test_a_users_groups_are_not_the_workers() -> None:
    with pytest.raises(ConfigurationError, match="workers' consumer groups begin"):
        entries("console", user="city", prefix="city-a.")


@pytest.mark.parametrize("user", ["*", ""])
def test_a_role_is_given_to_one_user_and_never_to_everybody(user: str) -> None:
    with pytest.raises(ConfigurationError, match="not the name of one user"):
        entries("console", user=user, prefix=PREFIX)


@pytest.mark.parametrize(("role", "hospital_id"), [("hospital", None), ("console", "H1")])
def test_a_hospital_is_named_where_it_has_to_be(role: str, hospital_id: str | None) -> None:
    with pytest.raises(ConfigurationError, match=f"the role {role} is for"):
        entries(role, user="x", prefix=PREFIX, hospital_id=hospital_id)


def test_security_has_the_roles_as_they_are() -> None:
    rows = re.findall(
        r"^\| `([a-z]+)` \|([^|]*)\|([^|]*)\|$", SECURITY.read_text("utf-8"), re.MULTILINE
    )
    said = {
        name: tuple(set(re.findall(r"`([^`]+)`", cell)) for cell in cells) for name, *cells in rows
    }
    assert said == {
        name: (
            {each.replace("{hospital_id}", "<hospital_id>") for each in role.write},
            {each.replace("{hospital_id}", "<hospital_id>") for each in role.read},
        )
        for name, role in roles().items()
        if name != "topics"
    }
    assert {topic.name for topic in TOPICS} >= said["console"][1]


def test_whoever_is_not_the_service_has_a_quota_that_security_tells() -> None:
    told = SECURITY.read_text("utf-8")
    for name, role in roles().items():
        assert (role.quota is None) == (name in {"worker", "topics"})
        if role.quota is not None:
            assert f"| `{name}` | `{role.quota}` |" in told
            # What a body may have passes in a few seconds.
            assert not role.write or role.quota.producer_byte_rate * 5 > MAX_BODY_BYTES
