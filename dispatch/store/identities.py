"""Under what an input stands in the inbox: that it came, and whether another took its place."""

from collections.abc import Mapping
from typing import Final

from dispatch.store.inbound import Inbound

# In no attribute of a CloudEvent: what is behind it was added here.
_SEPARATOR: Final = "\x1f"

# What came under an identity: its digest, and its topic where that was noted.
Came = tuple[bytes, str | None]


def identify(each: Inbound, seen: Mapping[str, Came]) -> tuple[str, bool]:
    """Return an input's identity, and whether another content has used its source and id.

    It is source and id, unless these came first on another topic, whose writers they are: one topic
    says nothing of another's identities.
    """
    identity = each.identity
    known = seen.get(identity)
    if known is not None and known[1] not in (None, each.topic):
        identity = _on_its_topic(each)
        known = seen.get(identity)
    if known is None or known[0] == each.digest:
        return identity, False
    return f"{identity}!{each.digest.hex()}", True


def other_identities(each: Inbound) -> tuple[str, ...]:
    """Return under what an input may stand in the inbox whose source and id are used."""
    own, content = _on_its_topic(each), each.digest.hex()
    return f"{each.identity}!{content}", own, f"{own}!{content}"


def _on_its_topic(each: Inbound) -> str:
    return f"{each.identity}{_SEPARATOR}{each.topic}"
