"""What a terminal's encoding lacks is written with what it has; it ends no command."""

import codecs
import io
from encodings import ascii as ascii_codec
from typing import Any, Final

# What is shown of our own signs where there is only ASCII; any other is shown as its escape.
_PLAIN: Final = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "…": "...",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "·": "-",
        "×": "x",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "✓": "+",
        "✗": "x",
        "⊖": "-",
        "◉": "*",
        "○": "o",
        "，": ", ",
        "：": ": ",
        "；": "; ",
        "、": ", ",
        "。": ".",
        "（": " (",
        "）": ")",
    }
)
_ERRORS: Final = "dispatch-plain"
_ASCII: Final = "dispatch_ascii"


def make_writable(stream: Any) -> None:
    """Let a stream of this process write any text, whatever its encoding is."""
    if not isinstance(stream, io.TextIOWrapper):
        return
    encoding = stream.encoding
    if codecs.lookup(encoding).name == "ascii":
        # Click writes UTF-8 to what is called ASCII, which a terminal shows as rubbish.
        encoding = _ASCII
    stream.reconfigure(encoding=encoding, errors=_ERRORS)


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write what can't be encoded by what looks alike, or as Python's escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = error.object[error.start : error.end].translate(_PLAIN)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end


def _find(name: str) -> codecs.CodecInfo | None:
    if name != _ASCII:
        return None
    found = ascii_codec.getregentry()
    return codecs.CodecInfo(
        name=_ASCII,
        encode=found.encode,
        decode=found.decode,
        incrementalencoder=found.incrementalencoder,
        incrementaldecoder=found.incrementaldecoder,
        streamreader=found.streamreader,
        streamwriter=found.streamwriter,
    )


codecs.register_error(_ERRORS, _plainly)
codecs.register(_find)
