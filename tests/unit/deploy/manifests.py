"""The manifests under deploy/ as plain data, the overlay resolved as kustomize does it.

Only what the files use is known here; anything else fails. Generated names keep no hash.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAY = KUBERNETES / "overlays" / "example"
# What the example has its reader make, and is in no commit.
MADE_BY_HAND = {OVERLAY / "city.toml", OVERLAY / "secrets" / "database-worker-password"}

_KNOWN = {
    "apiVersion",
    "kind",
    "labels",
    "resources",
    "namespace",
    "images",
    "configMapGenerator",
    "secretGenerator",
}

Manifest = dict[str, Any]


def resolve(folder: Path) -> list[Manifest]:
    """Return everything that `kubectl apply -k folder` would send."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    assert kustomization.keys() <= _KNOWN, folder
    found: list[Manifest] = []
    for resource in kustomization.get("resources", ()):
        path = (folder / resource).resolve()
        found += resolve(path) if path.is_dir() else documents(path)
    for kind, generators in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for generator in kustomization.get(generators, ()):
            _generate(found, kind, generator, folder)
    images = {each["name"]: each for each in kustomization.get("images", ())}
    for container in (each for manifest in found for each in containers(manifest)):
        if image := images.get(container["image"]):
            container["image"] = f"{image['newName']}:{image['newTag']}"
    return found


def _generate(found: list[Manifest], kind: str, generator: Manifest, folder: Path) -> None:
    data = dict(literal.split("=", 1) for literal in generator.get("literals", ()))
    for file in generator.get("files", ()):
        key, _, path = file.rpartition("=")
        path = (folder / path).resolve()
        # kustomize reads nothing from outside the folder.
        assert path.is_relative_to(folder.resolve()), path
        assert path in MADE_BY_HAND or path.is_file(), path
        data[key or path.name] = ""
    if generator.get("behavior") == "merge":
        (merged,) = (m for m in found if m["kind"] == kind and name_of(m) == generator["name"])
        merged["data"] |= data
    else:
        body = {"type": generator["type"]} if "type" in generator else {}
        found.append(
            {"apiVersion": "v1", "kind": kind, "metadata": {"name": generator["name"]}}
            | body
            | {"data": data}
        )


def documents(path: Path) -> list[Manifest]:
    """Return a file's manifests."""
    # What an anchor shares is not shared with who changes it.
    return [copy.deepcopy(each) for each in yaml.safe_load_all(path.read_text("utf-8"))]


def name_of(manifest: Manifest) -> str:
    """Return its name."""
    name: str = manifest["metadata"]["name"]
    return name


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return the template of the pods that it starts."""
    template: Manifest | None = manifest.get("spec", {}).get("template")
    return template if template and "containers" in template.get("spec", {}) else None


def containers(manifest: Manifest) -> Iterator[Manifest]:
    """Yield the containers that it starts."""
    if pod := pod_of(manifest):
        yield from pod["spec"].get("initContainers", ())
        yield from pod["spec"]["containers"]
