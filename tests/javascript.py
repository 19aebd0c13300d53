"""Node and the clients of JavaScript, for tests that let somebody else's client speak."""

import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

_HERE = Path(__file__).with_name("javascript_packages")
_FETCH_LIMIT = 300.0  # seconds


def packages() -> Path:
    """Return the folder of the packages, brought here once; skip the test, loudly, without Node.

    They are kept outside the repository, under their lock's checksum: another lock is another
    folder.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"NOT TESTED WITH JAVASCRIPT: {program} is not here (apt-get install npm)")
    lock = _HERE / "package-lock.json"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = cache / "ambulance-dispatch" / "javascript"
    folder = cache / sha256(lock.read_bytes()).hexdigest()[:16]
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as draft:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_HERE / name, draft)
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=draft,
                timeout=_FETCH_LIMIT,
                check=True,
            )
            try:
                (Path(draft) / "node_modules").rename(folder)
            except OSError:
                # Whoever fetched them at the same time has the same.
                assert folder.is_dir()
    return folder
