"""The Kubernetes manifests against Kubernetes' own schemas, and against the program."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import aiohttp
import pytest
import yaml
from kubernetes_validate.utils import validate

from dispatch.metrics import Metrics
from dispatch.settings import WebSettings
from dispatch.web import Web
from tests.unit.deploy.conftest import Check
from tests.unit.deploy.manifests import (
    DEPLOY,
    KUBERNETES,
    OVERLAY,
    ROOT,
    Manifest,
    containers,
    documents,
    name_of,
    pod_of,
    resolve,
)

# The oldest release that the manifests are meant for, and the newest with a published schema here.
RELEASES = ("1.31", "1.37")
# No package brings their schemas: docs/deployment.md says how they were checked.
WITHOUT_SCHEMA = {"Cluster", "Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser"}

RESOLVED = resolve(OVERLAY)
PODS = [manifest for manifest in RESOLVED if pod_of(manifest)]
OURS = [
    (manifest, container)
    for manifest in PODS
    for container in containers(manifest)
    if "/ambulance-dispatch:" in container["image"]
]


def of_kind(kind: str, name: str | None = None) -> list[Manifest]:
    return [each for each in RESOLVED if each["kind"] == kind and name in (None, name_of(each))]


def the(kind: str, name: str | None = None) -> Manifest:
    (found,) = of_kind(kind, name)
    return found


def keys() -> dict[tuple[str, str], set[str]]:
    """Return the keys of every ConfigMap and Secret: ours, and those that the operators make."""
    found = {
        (kind, name_of(each)): set(each["data"])
        for kind in ("ConfigMap", "Secret")
        for each in of_kind(kind)
    }
    for kafka in of_kind("Kafka"):
        found["Secret", f"{name_of(kafka)}-cluster-ca-cert"] = {"ca.crt"}
    for user in of_kind("KafkaUser"):
        found["Secret", name_of(user)] = {"password"}
    for cluster in of_kind("Cluster"):
        found["Secret", f"{name_of(cluster)}-ca"] = {"ca.crt"}
        found["Secret", f"{name_of(cluster)}-app"] = {"username", "password"}
    return found


def mounted(manifest: Manifest, container: Manifest) -> Iterator[PurePosixPath]:
    """Yield the files that the container finds, of keys that exist."""
    pod = pod_of(manifest)
    assert pod is not None
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    for mount in container["volumeMounts"]:
        volume, there = volumes[mount["name"]], PurePosixPath(mount["mountPath"])
        if config := volume.get("configMap"):
            yield from (there / key for key in keys()["ConfigMap", config["name"]])
        for source in volume.get("projected", {}).get("sources", ()):
            for item in source["secret"]["items"]:
                assert item["key"] in keys()["Secret", source["secret"]["name"]]
                yield there / item["path"]


def environment(container: Manifest) -> dict[str, str]:
    """Return the variables that the container has, its own above those of its ConfigMaps."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= the("ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container.get("env", ()):
        if "value" in variable:
            found[variable["name"]] = variable["value"]
        elif reference := variable["valueFrom"].get("configMapKeyRef"):
            data = the("ConfigMap", reference["name"])["data"]
            found[variable["name"]] = data[reference["key"]]
        else:
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["key"] in keys()["Secret", reference["name"]]
    return found


def selects(selector: Manifest, manifest: Manifest) -> bool:
    pod = pod_of(manifest)
    assert pod is not None
    return bool(selector["matchLabels"].items() <= pod["metadata"]["labels"].items())


@pytest.mark.parametrize("release", RELEASES)
def test_what_kubernetes_knows_is_valid(release: str) -> None:
    validated = [each for each in RESOLVED if each["kind"] not in WITHOUT_SCHEMA]
    assert {"Deployment", "Job", "HorizontalPodAutoscaler"} <= {each["kind"] for each in validated}
    for manifest in validated:
        validate(manifest, release, strict=True)


def test_what_has_no_schema_here_is_named_in_the_documentation() -> None:
    custom = {each["kind"] for each in RESOLVED if re.search("strimzi|cnpg", each["apiVersion"])}
    assert custom == WITHOUT_SCHEMA
    said = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (line,) = re.findall(r"\*\*Not validated in the tests:\*\*(.*?)\n\n", said, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", line)) >= WITHOUT_SCHEMA


def test_every_manifest_is_part_of_the_overlay() -> None:
    names = {(each["kind"], name_of(each)) for each in RESOLVED}
    files = {path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert files
    for path in files:
        assert {(each["kind"], name_of(each)) for each in documents(path)} <= names, path
    assert len(names) == len(RESOLVED)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
def test_kubectl_resolves_the_overlay_alike(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    overlay = tmp_path / OVERLAY.relative_to(ROOT)
    shutil.copy(ROOT / "dispatch" / "cities" / "hulunbuir.toml", overlay / "city.toml")
    (overlay / "secrets").mkdir()
    (overlay / "secrets" / "database-worker-password").write_text("made up", "utf-8")
    said = subprocess.run(
        ["kubectl", "kustomize", overlay], capture_output=True, text=True, check=True
    )
    # What kustomize makes itself has a hash in its name.
    hashed = {"ConfigMap": r"-[a-z0-9]{10}$", "Secret": r"-[a-z0-9]{10}$"}
    built = [
        (each["kind"], re.sub(hashed.get(each["kind"], r"^$"), "", name_of(each)))
        for each in yaml.safe_load_all(said.stdout)
    ]
    assert sorted(built) == sorted((each["kind"], name_of(each)) for each in RESOLVED)


@pytest.mark.parametrize(("manifest", "container"), OURS, ids=lambda each: each.get("name", ""))
def test_commands_settings_and_files_exist(
    manifest: Manifest, container: Manifest, check_command: Check
) -> None:
    settings = check_command(
        container["args"], environment(container), set(mounted(manifest, container))
    )
    if container["name"] != "migrate":
        host, port = settings.kafka.bootstrap_servers.split(":")
        kafka = the("Kafka")
        assert host == f"{name_of(kafka)}-kafka-bootstrap"
        assert int(port) in [each["port"] for each in kafka["spec"]["kafka"]["listeners"]]
        assert settings.kafka.security_protocol == "SASL_SSL"
        assert the("KafkaUser", settings.kafka.sasl_username)
    if container["name"] != "topics":
        cluster = the("Cluster")
        dsn = settings.database.dsn.get_secret_value()
        roles = [each["name"] for each in cluster["spec"]["managed"]["roles"]]
        start = cluster["spec"]["bootstrap"]["initdb"]
        role = start["owner"] if container["name"] == "migrate" else roles[0]
        assert dsn == f"postgresql://{role}@{name_of(cluster)}-rw/{start['database']}"
        assert settings.database.ssl_mode == "verify-full"


def test_the_rights_are_given_as_the_owner_by_a_file_that_is_there() -> None:
    job = the("Job", "dispatch-migrate")
    rights = job["spec"]["template"]["spec"]["containers"][0]
    files = set(mounted(job, rights))
    assert PurePosixPath(rights["command"][-1]) in files
    known = environment(rights)
    assert PurePosixPath(known["PGSSLROOTCERT"]) in files
    start = the("Cluster")["spec"]["bootstrap"]["initdb"]
    assert (known["PGUSER"], known["PGDATABASE"]) == (start["owner"], start["database"])
    assert known["PGHOST"] == name_of(the("Cluster")) + "-rw"


async def test_probes_ask_pages_that_are_served_where_the_worker_listens() -> None:
    worker = the("Deployment")["spec"]["template"]
    (container,) = worker["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert str(ports["web"]) == environment(container)["DISPATCH_WEB__PORT"]
    annotations = worker["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["web"])
    paths = [annotations["prometheus.io/path"]]
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[name]["httpGet"]["port"] == "web"
        paths.append(container[name]["httpGet"]["path"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    web = Web(WebSettings(port=port), Metrics())
    await web.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            for path in paths:
                async with session.get(path) as page:
                    assert page.status in (200, 503), path
    finally:
        await web.stop()


@pytest.mark.parametrize("manifest", PODS, ids=name_of)
def test_pods_keep_the_restricted_standard(manifest: Manifest) -> None:
    pod = pod_of(manifest)
    assert pod is not None
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    # Variables of a service that is called dispatch look like settings.
    assert spec["enableServiceLinks"] is False
    assert spec["serviceAccountName"] == name_of(the("ServiceAccount"))
    for container in containers(manifest):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == {"memory"}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert ":" in container["image"]


def test_a_worker_has_the_time_to_stop_that_its_service_has_elsewhere() -> None:
    unit = (DEPLOY / "systemd" / "dispatch-worker@.service").read_text("utf-8")
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    spec = the("Deployment")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] >= int(seconds)


def test_what_keeps_guards_and_counts_workers_means_the_workers() -> None:
    worker = the("Deployment")
    assert selects(worker["spec"]["selector"], worker)
    assert selects(the("PodDisruptionBudget")["spec"]["selector"], worker)
    for spread in worker["spec"]["template"]["spec"]["topologySpreadConstraints"]:
        assert selects(spread["labelSelector"], worker)
    scaler = the("HorizontalPodAutoscaler")["spec"]
    target = scaler["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (worker["kind"], name_of(worker))
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 4)
    assert worker["spec"]["replicas"] == scaler["minReplicas"]


def test_the_autoscaler_counts_what_the_adapter_tells_of_a_metric_that_exists() -> None:
    (metric,) = the("HorizontalPodAutoscaler")["spec"]["metrics"]
    name = metric["external"]["metric"]["name"]
    assert name in {family.name for family in Metrics().registry.collect()}
    said = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (block,) = re.findall(r"```yaml\n( *externalRules:.*?)```", said, re.DOTALL)
    (rule,) = yaml.safe_load(block)["externalRules"]
    assert rule["seriesQuery"].startswith(name + "{")
    assert rule["name"]["as"] == name


def test_the_network_lets_through_what_is_needed() -> None:
    policy = the("NetworkPolicy", "dispatch")["spec"]
    assert all(selects(policy["podSelector"], each) for each in PODS)
    web = the("ConfigMap", "dispatch-settings")["data"]["DISPATCH_WEB__PORT"]
    (from_prometheus,) = policy["ingress"]
    assert [each["port"] for each in from_prometheus["ports"]] == [int(web)]
    out = {
        tuple(each["to"][0].get("podSelector", {}).get("matchLabels", {}).items()): [
            port["port"] for port in each["ports"]
        ]
        for each in policy["egress"]
    }
    kafka, cluster = the("Kafka"), the("Cluster")
    listeners = [each["port"] for each in kafka["spec"]["kafka"]["listeners"]]
    assert out[("strimzi.io/cluster", name_of(kafka)),] == listeners
    assert out[("cnpg.io/cluster", name_of(cluster)),] == [5432]
    database = the("NetworkPolicy", "dispatch-db")["spec"]
    assert database["podSelector"]["matchLabels"] == {"cnpg.io/cluster": name_of(cluster)}
    assert all(selects(database["ingress"][0]["from"][0]["podSelector"], each) for each in PODS)
