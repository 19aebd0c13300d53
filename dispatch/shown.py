r"""What is shown is text: what came from outside, made harmless for a terminal, a log or a page.

Characters that have no shape of their own are written as Python writes them (`\n`, `\x1b`,
`\u202e`): controls (C0, DEL, C1), format characters (directions, joiners, tags), separators of
lines and paragraphs, spaces other than the plain one, lone surrogates, what Unicode has not
assigned, and letters and marks that it shows as nothing. All others stay, a backslash too: what
was made harmless once stays as it is.
"""

import json
import re
from typing import Any, Final

import orjson

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt 15.0), as far as it is printable
# for Python: fillers, the joiner of graphemes, selectors of variants.
_SHAPELESS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def shown(text: str) -> str:
    """Return a text as one line without any character that is no shape."""
    if text.isprintable() and (text.isascii() or not _SHAPELESS.search(text)):
        return text
    return "".join(map(_written, text))


def shown_lines(text: str) -> str:
    """Return a text of our own in several lines, each harmless; LF alone parts them."""
    return "\n".join(map(shown, text.split("\n")))


def shown_json(text: str) -> str:
    """Return JSON (RFC 8259) that says the same and can be shown; its own line ends stay.

    What has no shape stands in its strings, where it is escaped as JSON escapes it.
    """
    if text.isprintable() and (text.isascii() or not _SHAPELESS.search(text)):
        return text
    return "".join(
        character if character == "\n" or _has_shape(character) else _in_json(character)
        for character in text
    )


def json_of(content: Any, option: int = 0) -> bytes:
    """Return JSON of anything that can be shown, in one line unless orjson's `option` says else.

    Lone surrogates and numbers of more than 64 bits are written too, as the standard library does.
    """
    try:
        written = orjson.dumps(content, option=option).decode()
    except TypeError:
        written = json.dumps(content, default=str)
    return shown_json(written).encode()


def _has_shape(character: str) -> bool:
    return character.isprintable() and not _SHAPELESS.match(character)


def _written(character: str) -> str:
    if _has_shape(character):
        return character
    return character.encode("unicode_escape").decode("ascii")


def _in_json(character: str) -> str:
    pair = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[at : at + 2].hex()}" for at in range(0, len(pair), 2))
