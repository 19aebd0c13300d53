"""The TOML files that packs are made of: read, and what is wrong with one told in one sentence."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatch.errors import PackError
from dispatch.topics.fields import reasons


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a file holds; raise PackError with the file, the place in it and the reason."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PackError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PackError(f"{path}: byte {error.start}: is not UTF-8") from error
    except ValueError as error:
        # A number of too many digits is no TOMLDecodeError.
        raise PackError(f"{path}: is not TOML: {error}") from error
    except RecursionError as error:
        raise PackError(f"{path}: is nested too deeply") from error


def broken(path: Path, error: ValidationError) -> PackError:
    """Return the error that says what a file's model found wrong with it, and where."""
    found = "; ".join(f"{each['field']}: {each['reason']}" for each in reasons(error))
    return PackError(f"{path}: {found}")
