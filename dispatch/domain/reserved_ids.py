"""Ids that the service gives itself, and that nobody else may bring in."""

import re
from typing import Final

from dispatch.domain.model import CITY

# An onward transfer's: a UUID of version 5.
_ONWARD: Final = re.compile(
    r"transfer-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
)


def is_reserved(identifier: str) -> bool:
    """Return whether an id is kept for the service's own incidents, or for the city."""
    return identifier == CITY or (
        identifier.startswith("transfer-") and _ONWARD.fullmatch(identifier) is not None
    )
