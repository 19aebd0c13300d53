"""TOML files: read, and what is wrong with one told in one sentence."""

import tomllib
from pathlib import Path
from typing import Any

from dispatch.errors import ConfigurationError, DispatchError


def read_toml(path: Path, raised: type[DispatchError] = ConfigurationError) -> dict[str, Any]:
    """Return what a file holds; raise the error with the file, the place in it and the reason."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise raised(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise raised(f"{path}: byte {error.start}: is not UTF-8") from error
    except ValueError as error:
        # A number of too many digits is no TOMLDecodeError.
        raise raised(f"{path}: is not TOML: {error}") from error
    except RecursionError as error:
        raise raised(f"{path}: is nested too deeply") from error
