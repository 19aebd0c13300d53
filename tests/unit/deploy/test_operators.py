"""What the operators of Kafka and PostgreSQL are told, against what the service promises."""

import re

import pytest
import yaml

from dispatch.topic_admin.promise import REPLICATION, broker_faults, new_settings, wanted_topics
from dispatch.topic_admin.roles import Entry, entries, roles
from dispatch.topics import Parties, topic_names
from tests.unit.deploy.manifests import (
    DEPLOY,
    KUBERNETES,
    OVERLAY,
    ROOT,
    Manifest,
    documents,
    name_of,
)

STRIMZI = [
    each
    for name in ("kafka", "topics", "users")
    for each in documents(KUBERNETES / "strimzi" / f"{name}.yaml")
]
(KAFKA,) = (each for each in STRIMZI if each["kind"] == "Kafka")
USERS = [
    each for each in (*STRIMZI, *documents(OVERLAY / "parties.yaml")) if each["kind"] == "KafkaUser"
]
(DATABASE,) = documents(KUBERNETES / "cloudnative-pg" / "cluster.yaml")
PREFIX = "dispatch."
WANTED = wanted_topics(PREFIX, topic_names(Parties()))


def as_kafka_writes(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_topics_are_those_that_dispatch_topics_would_create() -> None:
    told = {
        name_of(each): (
            each["spec"]["partitions"],
            each["spec"]["replicas"],
            {name: as_kafka_writes(value) for name, value in each["spec"]["config"].items()},
        )
        for each in STRIMZI
        if each["kind"] == "KafkaTopic"
    }
    assert told == {
        name: (topic.partitions, topic.replication, new_settings(topic))
        for name, topic in WANTED.items()
    }


def test_everything_belongs_to_the_cluster() -> None:
    for each in STRIMZI:
        if each is not KAFKA:
            assert each["metadata"]["labels"]["strimzi.io/cluster"] == name_of(KAFKA)


def test_an_acknowledged_event_survives_a_broker() -> None:
    config = KAFKA["spec"]["kafka"]["config"]
    assert config["default.replication.factor"] == REPLICATION
    assert config["offsets.topic.replication.factor"] == REPLICATION
    assert 1 < config["min.insync.replicas"] < REPLICATION
    assert config["unclean.leader.election.enable"] is False
    assert config["auto.create.topics.enable"] is False
    for pool in (each for each in STRIMZI if each["kind"] == "KafkaNodePool"):
        assert pool["spec"]["replicas"] >= REPLICATION
        (apart,) = pool["spec"]["template"]["pod"]["affinity"]["podAntiAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert apart["labelSelector"]["matchLabels"]["strimzi.io/pool-name"] == name_of(pool)


def test_nobody_keeps_a_transaction_open_for_long() -> None:
    config = KAFKA["spec"]["kafka"]["config"]
    assert broker_faults({0: {name: str(value) for name, value in config.items()}}) == []


def test_positions_are_kept_as_long_as_what_is_read() -> None:
    kept = max(
        int(settings["retention.ms"])
        for settings in map(new_settings, WANTED.values())
        if "retention.ms" in settings
    )
    assert KAFKA["spec"]["kafka"]["config"]["offsets.retention.minutes"] * 60_000 >= kept


def allowed(user: Manifest) -> set[Entry]:
    return {
        Entry(
            acl["resource"]["type"],
            # There is but one cluster.
            acl["resource"].get("name", "kafka-cluster"),
            acl["resource"].get("patternType", "literal"),
            operation,
        )
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


@pytest.mark.parametrize("user", USERS, ids=name_of)
def test_a_user_may_do_what_its_role_may_and_nothing_else(user: Manifest) -> None:
    about = user["metadata"]
    # For whom of the city's plan: ambulance-dispatch/hospital, /unit or /institution.
    parties = list(about.get("annotations", {}).values())
    role = about["labels"]["ambulance-dispatch/role"]
    assert allowed(user) == entries(role, user=name_of(user), prefix=PREFIX, parties=parties)
    assert user["spec"]["authentication"]["type"] == "scram-sha-512"


@pytest.mark.parametrize("user", USERS, ids=name_of)
def test_a_user_has_the_quota_of_its_role(user: Manifest) -> None:
    quota = roles()[user["metadata"]["labels"]["ambulance-dispatch/role"]].quota
    given = user["spec"].get("quotas")
    assert given == (
        None
        if quota is None
        else {
            "producerByteRate": quota.producer_byte_rate,
            "consumerByteRate": quota.consumer_byte_rate,
            "requestPercentage": quota.request_percentage,
        }
    )


def test_each_role_has_a_user() -> None:
    taken = {user["metadata"]["labels"]["ambulance-dispatch/role"] for user in USERS}
    assert taken == roles().keys()


def test_an_acknowledged_commit_survives_an_instance() -> None:
    spec = DATABASE["spec"]
    assert spec["instances"] >= 3
    assert spec["postgresql"]["parameters"]["synchronous_commit"] == "on"
    synchronous = spec["postgresql"]["synchronous"]
    assert 1 <= synchronous["number"] < spec["instances"] - 1
    assert synchronous["dataDurability"] == "required"
    assert spec["affinity"]["podAntiAffinityType"] == "required"


def test_the_database_has_the_role_that_its_secret_names() -> None:
    (role,) = DATABASE["spec"]["managed"]["roles"]
    overlay = yaml.safe_load(
        (KUBERNETES / "overlays/example/kustomization.yaml").read_text("utf-8")
    )
    (secret,) = overlay["secretGenerator"]
    assert secret["name"] == role["passwordSecret"]["name"]
    assert f"username={role['name']}" in secret["literals"]


@pytest.mark.parametrize("statement", ["GRANT", "REVOKE"])
def test_the_worker_is_given_the_rights_that_security_grants(statement: str) -> None:
    given = (DEPLOY / "postgres" / "worker-rights.sql").read_text("utf-8")
    (granted,) = re.findall(
        r"```sql\n(.*?)```", (ROOT / "SECURITY.md").read_text("utf-8"), re.DOTALL
    )
    rights = rf"^{statement} .*$"
    assert re.findall(rights, given, re.MULTILINE) == re.findall(rights, granted, re.MULTILINE)
    assert re.findall(rights, given, re.MULTILINE)
