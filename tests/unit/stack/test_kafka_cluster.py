"""A cluster of Apache Kafka before anything is started: what it is told, and what it refuses."""

from pathlib import Path

import pytest

from dispatch.errors import StackError
from dispatch.stack.kafka_cluster import KafkaCluster
from dispatch.stack.kafka_security import Security
from tests.certificates import authority, certify


@pytest.fixture
def software(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch(mode=0o755)
    monkeypatch.setenv("JAVA_HOME", str(java.parents[1]))
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "kafka_2.13-4.4.0.jar").touch()
    return jars


def properties(cluster: KafkaCluster, number: int) -> dict[str, str]:
    cluster._configure()
    lines = cluster.node(number).properties.read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_three_brokers_keep_three_copies_and_acknowledge_on_two(
    software: Path, tmp_path: Path
) -> None:
    found = properties(KafkaCluster(software, tmp_path / "data"), 2)
    assert found["node.id"] == "2"
    assert found["default.replication.factor"] == found["offsets.topic.replication.factor"] == "3"
    assert found["min.insync.replicas"] == "2"
    assert found["auto.create.topics.enable"] == "false"
    assert [voter[0] for voter in found["controller.quorum.voters"].split(",")] == ["1", "2", "3"]


def test_a_broker_alone_keeps_one(software: Path, tmp_path: Path) -> None:
    found = properties(KafkaCluster(software, tmp_path / "data", brokers=1), 1)
    assert found["default.replication.factor"] == found["min.insync.replicas"] == "1"


def test_ports_are_those_given_or_all_different(software: Path, tmp_path: Path) -> None:
    given = KafkaCluster(software, tmp_path / "data", ports=(19_092, 19_093, 19_094))
    assert given.bootstrap == "127.0.0.1:19092,127.0.0.1:19093,127.0.0.1:19094"
    free = KafkaCluster(software, tmp_path / "data")
    ports = [
        port
        for node in free.nodes
        for port in (node.port, node.login_port, node.broker_port, node.controller_port)
    ]
    assert len(set(ports)) == 12
    with pytest.raises(StackError, match="3 brokers need 3 ports, not 1"):
        KafkaCluster(software, tmp_path / "data", ports=(19_092,))


def test_without_tls_access_lists_bind_only_those_who_log_in(
    software: Path, tmp_path: Path
) -> None:
    cluster = KafkaCluster(software, tmp_path / "data")
    found = properties(cluster, 1)
    protocols = dict(each.split(":") for each in found["listener.security.protocol.map"].split(","))
    plain = dict.fromkeys(("CLIENTS", "BROKERS", "CONTROLLER"), "PLAINTEXT")
    assert protocols == {**plain, "LOGINS": "SASL_PLAINTEXT"}
    assert {each.split(":")[0] for each in found["listeners"].split(",")} == protocols.keys()
    assert f"LOGINS://{cluster.logins.split(',')[0]}" in found["advertised.listeners"].split(",")
    assert found["super.users"] == "User:ANONYMOUS"
    assert found["authorizer.class.name"].endswith("StandardAuthorizer")
    assert found["allow.everyone.if.no.acl.found"] == "false"


def test_behind_tls_nobody_may_do_what_no_list_allows_and_no_password_is_written_down(
    software: Path, tmp_path: Path
) -> None:
    ca = authority(tmp_path / "ca.pem")
    keystore = tmp_path / "broker.pem"
    keystore.write_bytes(b"".join(certify(ca, "broker")))
    security = Security(keystore, tmp_path / "ca.pem", {"admin": "not-to-be-shown"})
    cluster = KafkaCluster(software, tmp_path / "data", brokers=1, security=security)
    found = properties(cluster, 1)
    protocols = dict(each.split(":") for each in found["listener.security.protocol.map"].split(","))
    assert protocols == {"CLIENTS": "SASL_SSL", "BROKERS": "SSL", "CONTROLLER": "SSL"}
    assert {each.split(":")[0] for each in found["listeners"].split(",")} == protocols.keys()
    for listener in ("brokers", "controller"):
        assert found[f"listener.name.{listener}.ssl.client.auth"] == "required"
    assert found["authorizer.class.name"].endswith("StandardAuthorizer")
    assert found["allow.everyone.if.no.acl.found"] == "false"
    assert "not-to-be-shown" not in cluster.node(1).properties.read_text()
    users = tmp_path / "users"
    security.write_users(users)
    assert users.stat().st_mode & 0o077 == 0
    assert "name=admin,password=not-to-be-shown" in users.read_text()


def test_without_the_software_it_says_what_brings_it(software: Path, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="deploy/kafka/fetch"):
        KafkaCluster(software.parent, tmp_path / "data")


def test_without_java_it_says_so(
    software: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(StackError, match="no java was found"):
        KafkaCluster(software, tmp_path / "data")


async def test_an_unknown_java_program_is_a_broker_that_does_not_start(
    software: Path, tmp_path: Path
) -> None:
    with pytest.raises(StackError):
        await KafkaCluster(software, tmp_path / "data", brokers=1).start()
