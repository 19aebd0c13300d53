"""deploy/compose.yaml against the Compose file's schema, and against the program."""

import json
import re
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.deploy.conftest import Check
from tests.unit.deploy.manifests import DEPLOY

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
OURS = ("migrate", "topics", "worker")


def test_it_is_a_compose_file() -> None:
    vendor = "check_jsonschema/builtin_schemas/vendor"
    path = distribution("check-jsonschema").locate_file(f"{vendor}/compose-spec.json")
    schema = json.loads(Path(str(path)).read_text("utf-8"))
    jsonschema.validate(COMPOSE, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(COMPOSE | {"service": {}}, schema)


@pytest.mark.parametrize("name", OURS)
def test_it_starts_commands_with_settings_and_files_that_exist(
    name: str, check_command: Check
) -> None:
    service = SERVICES[name]
    files = {PurePosixPath("/run/secrets") / each for each in service.get("secrets", ())}
    files |= {PurePosixPath(each["target"]) for each in service.get("configs", ())}
    settings = check_command(service["command"], service["environment"], files)
    kafka, port = settings.kafka.bootstrap_servers.split(":")
    if name != "migrate":
        listeners = SERVICES[kafka]["environment"]["KAFKA_LISTENERS"]
        assert f"://:{port}," in listeners
    if name != "topics":
        dsn = settings.database.dsn.get_secret_value()
        assert dsn.endswith("@postgres/" + SERVICES["postgres"]["environment"]["POSTGRES_DB"])


def test_the_database_knows_both_roles() -> None:
    (role,) = re.findall(
        r"CREATE ROLE (\w+)", (DEPLOY / "postgres/worker-role.sql").read_text("utf-8")
    )
    users = {
        name: re.findall(r"//(\w+)@", SERVICES[name]["environment"]["DISPATCH_DATABASE__DSN"])
        for name in ("migrate", "worker")
    }
    owner = SERVICES["postgres"]["environment"]["POSTGRES_USER"]
    assert users == {"migrate": [owner], "worker": [role]}
    assert f"//{owner}@" in SERVICES["rights"]["entrypoint"][-1]


def test_workers_wait_for_schema_rights_and_topics() -> None:
    completed = {"condition": "service_completed_successfully"}
    healthy = {"condition": "service_healthy"}
    assert SERVICES["worker"]["depends_on"] == {"rights": completed, "topics": completed}
    assert SERVICES["rights"]["depends_on"] == {"migrate": completed}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": healthy}
    assert SERVICES["topics"]["depends_on"] == {"kafka": healthy}
    assert all("test" in SERVICES[name]["healthcheck"] for name in ("postgres", "kafka"))


def test_two_workers_at_least() -> None:
    assert SERVICES["worker"]["deploy"]["replicas"] >= 2


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", OURS)
def test_the_service_is_confined(name: str) -> None:
    service: dict[str, Any] = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_secrets_and_files_are_named_and_no_secret_is_written_down() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == COMPOSE["secrets"].keys()
    for secret in COMPOSE["secrets"].values():
        assert not (DEPLOY / secret["file"]).resolve().is_relative_to(DEPLOY / "postgres")
        assert secret["file"].startswith("./secrets/")
    city = COMPOSE["configs"]["city"]["file"].removeprefix("${DISPATCH_CITY_FILE:-").rstrip("}")
    assert (DEPLOY / city).is_file()
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    for source in (mount.split(":")[0] for mount in mounts):
        assert source in COMPOSE["volumes"] or (DEPLOY / source).is_file(), source
