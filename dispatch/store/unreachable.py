"""What is said of a database that can't be reached."""

import re
from typing import Final

from dispatch.errors import Unavailable

# In the words of asyncpg, of libpq and of Python's own library.
_ABOUT_TLS: Final = re.compile(r"\bSSL\b|certificate|pg_hba\.conf", re.IGNORECASE)


def unreachable(error: BaseException | str) -> Unavailable:
    """Return the error in one line, which names the settings where it is about TLS."""
    said = " ".join(str(error).split())
    if _ABOUT_TLS.search(said):
        said += " (see the settings database.ssl_mode and database.ssl_ca_file)"
    return Unavailable(f"the database can't be reached: {said}")
