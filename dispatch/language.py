"""The texts that the command line shows, in English and Chinese.

They live in `messages/*.toml`, a table a command, with `{name}` where a value goes.
"""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

LANGUAGES: Final = ("en", "zh")
LANGUAGE_VARIABLE: Final = "DISPATCH_LANG"

_chosen: list[str] = []


def choose(wanted: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Return the language to speak: the one wanted, `DISPATCH_LANG`'s, the locale's, or English.

    A language that isn't spoken here is passed over.
    """
    environment = os.environ if environment is None else environment
    names = [wanted, environment.get(LANGUAGE_VARIABLE)]
    # POSIX: the first of these that is set decides, even when it says C.
    names.append(next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), None))
    for name in names:
        code = (name or "").replace("-", "_").split("_")[0].split(".")[0].lower()
        if code in LANGUAGES:
            return code
    return "en"


def speak(language: str) -> None:
    """Use this language, one of LANGUAGES, from now on in this process."""
    if language not in LANGUAGES:
        raise ValueError(f"no such language: {language}")
    _chosen[:] = [language]


def spoken() -> str:
    """Return the language in use; chosen from the environment when nobody did."""
    if not _chosen:
        speak(choose())
    return _chosen[0]


def text(key: str, /, **values: Any) -> str:
    """Return the text named `table.key` in the language in use, with its values put in.

    Raises KeyError when there is no such text or a value is missing.
    """
    return catalogue(spoken())[key].format(**values)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return all texts of a language by their dotted keys."""
    source = resources.files("dispatch") / "messages" / f"{language}.toml"
    return dict(_flatten(tomllib.loads(source.read_text(encoding="utf-8"))))


def _flatten(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    texts = []
    for name, value in table.items():
        if isinstance(value, dict):
            texts += _flatten(value, f"{prefix}{name}.")
        else:
            texts.append((f"{prefix}{name}", value))
    return texts
