"""What each role may do: the least that its part of the work needs, and never another's."""

import re
from pathlib import Path

import pytest

from dispatch.errors import ConfigurationError
from dispatch.topic_admin.roles import Entry, entries, roles
from dispatch.topics import INPUT_TOPICS, OUTPUT_TOPICS, TOPICS, Parties, topic_names
from dispatch.topics.fields import MAX_BODY_BYTES

PREFIX = "city-a."
ALL = topic_names(
    Parties(
        hospitals=frozenset({"H1", "H2"}),
        units=frozenset({"U1", "U2", "U11"}),
        institutions=frozenset({"I1", "I2"}),
    )
)
FIRST = {"hospital": ["H1"], "unit": ["U1"], "institution": ["I1"], None: []}
SECURITY = Path(__file__).parents[3] / "SECURITY.md"


def of(role: str, user: str = "someone") -> frozenset[Entry]:
    return entries(role, user=user, prefix=PREFIX, parties=FIRST[roles()[role].party])


def topics(role: str, operation: str) -> set[str]:
    """Return the topics of the city on which a role may do something."""
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
    assert topics("hospital", "Read") == {"handovers.H1", "beds.H1", "disinfections.H1"}
    assert topics("hospital", "Write") == {"hospitals"}


def test_a_crew_reads_its_own_orders_and_no_others() -> None:
    assert topics("crew", "Read") == {"orders.U1", "disinfections"}
    assert topics("crew", "Write") == {"units"}


def test_a_gateway_reads_for_the_crews_that_it_knows_or_for_all() -> None:
    known = entries("crew", user="g", prefix=PREFIX, parties=["U1", "U2"])
    read = {each.name for each in known if each.operation == "Read" and each.kind == "topic"}
    assert read == {PREFIX + name for name in ("orders.U1", "orders.U2", "disinfections")}
    of_crews = {name for name in ALL if name.startswith("orders.")}
    assert topics("gateway", "Read") == of_crews | {"disinfections"}


def test_an_institution_reads_of_its_own_patients_and_no_others() -> None:
    assert topics("institution", "Read") == {"placements.I1"}
    asking = entries("institution", user="x", prefix=PREFIX, parties=["H2"])
    assert PREFIX + "placements.H2" in {each.name for each in asking}


def test_nobody_but_operators_reads_what_all_crews_or_institutions_are_told() -> None:
    for role in roles().keys() - {"operator"}:
        assert not topics(role, "Read") & {"orders", "placements"}


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
    parties = FIRST[roles()[role].party]
    told = entries(role, user="u", prefix=PREFIX, parties=parties, transactions=True)
    added = told - entries(role, user="u", prefix=PREFIX, parties=parties)
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


@pytest.mark.parametrize(
    ("role", "parties", "said"),
    [
        ("hospital", [], "one hospital"),
        ("hospital", ["H1", "H2"], "one hospital"),
        ("institution", [], "one institution"),
        ("institution", ["I1", "I2"], "one institution"),
        ("crew", [], "units"),
        ("console", ["H1"], "nobody of the city's plan"),
        ("gateway", ["U1"], "nobody of the city's plan"),
    ],
)
def test_whom_a_role_is_for_is_named_where_it_has_to_be(
    role: str, parties: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"the role {role} is for {said}"):
        entries(role, user="x", prefix=PREFIX, parties=parties)


def test_security_has_the_roles_as_they_are() -> None:
    rows = re.findall(
        r"^\| `([a-z]+)` \|([^|]*)\|([^|]*)\|$", SECURITY.read_text("utf-8"), re.MULTILINE
    )
    said = {
        name: tuple(set(re.findall(r"`([^`]+)`", cell)) for cell in cells) for name, *cells in rows
    }
    assert said == {
        name: (
            {each.replace("{", "<").replace("}", ">") for each in role.write},
            {each.replace("{", "<").replace("}", ">") for each in role.read},
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
