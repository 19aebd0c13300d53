"""PostgreSQL with TLS, which the embedded one is built without, for tests: fetched by Maven."""

import io
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

ARTIFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-{architecture}:18.1.0"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64v8"}


def fetch() -> Path:
    """Return the directory that has the software in `pginstall`, brought here if need be."""
    artifact = ARTIFACT.format(architecture=ARCHITECTURES[platform.machine()])
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    there = home / "ambulance-dispatch" / artifact.split(":", 1)[1].replace(":", "-")
    if not there.exists():
        there.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=there.parent) as draft:
            _unpack(artifact, Path(draft))
            # Whoever fetched it at the same time has the same.
            if not there.exists():
                shutil.move(Path(draft) / "software", there)
    return there


def _unpack(artifact: str, draft: Path) -> None:
    subprocess.run(
        [
            *("mvn", "--batch-mode", "--quiet", "dependency:copy"),
            *(f"-Dartifact={artifact}", f"-DoutputDirectory={draft}"),
        ],
        check=True,
    )
    (jar,) = draft.glob("*.jar")
    with zipfile.ZipFile(jar) as packed:
        (name,) = (each for each in packed.namelist() if each.endswith(".txz"))
        with tarfile.open(fileobj=io.BytesIO(packed.read(name)), mode="r:xz") as files:
            files.extractall(draft / "software" / "pginstall", filter="data")
