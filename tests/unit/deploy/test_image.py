"""The Dockerfile, as far as it can be checked without building it."""

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.unit.deploy.manifests import KUBERNETES, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
# Continued lines joined, comments left out.
LINES = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)).splitlines()
RUNTIME = LINES[LINES.index("FROM ${PYTHON_IMAGE} AS runtime") :]
HADOLINT = Path(sysconfig.get_path("scripts")) / "hadolint"


def pins(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE
    ):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint has no wheel for this machine")
def test_hadolint_has_nothing_to_say() -> None:
    said = subprocess.run(
        [HADOLINT, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout) == (0, "")


def test_the_image_has_the_tested_versions_and_no_tools_of_development() -> None:
    image, tested = pins("requirements.runtime.lock"), pins("requirements.lock")
    assert {name: tested.get(name) for name in image} == image
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {re.split(r"[\[<>=;]", each)[0] for each in project["project"]["dependencies"]}
    assert wanted <= image.keys()
    groups = project["dependency-groups"]
    tools = {re.split(r"[\[<>=;]", each)[0] for each in groups["dev"]}
    assert not tools & image.keys()
    (removed,) = re.findall(r"pip uninstall --yes (.*)", "\n".join(LINES))
    assert {re.split(r"[<>=]", each)[0] for each in groups["build"]} <= set(removed.split())


def test_packages_are_installed_by_their_hashes_and_as_wheels() -> None:
    (install,) = (line for line in LINES if "-r requirements.runtime.lock" in line)
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install


def test_it_runs_as_nobody_in_particular_with_the_id_that_the_pods_have() -> None:
    (user,) = (line for line in RUNTIME if line.startswith("USER "))
    uid, gid = map(int, user.removeprefix("USER ").split(":"))
    worker = yaml.safe_load((KUBERNETES / "base" / "worker.yaml").read_text("utf-8"))
    context = worker["spec"]["template"]["spec"]["securityContext"]
    assert (uid, gid) == (context["runAsUser"], context["runAsGroup"])
    assert uid >= 10_000


def test_it_starts_a_worker_and_asks_its_own_page_for_its_health() -> None:
    assert 'ENTRYPOINT ["dispatch"]' in RUNTIME
    assert 'CMD ["worker"]' in RUNTIME
    (health,) = (line for line in RUNTIME if line.startswith("HEALTHCHECK"))
    assert "/livez" in health
    assert "'DISPATCH_WEB__PORT', '9464'" in health


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    seen = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE))
    copied = {
        path
        for line in LINES
        if line.startswith("COPY ") and "--from=" not in line
        for path in line.split()[1:-1]
    }
    assert copied == seen
    assert all((ROOT / path).exists() for path in seen)
