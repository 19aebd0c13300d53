"""Under what an input stands in the inbox: that it came, and whether another took its place."""

from collections.abc import Mapping
from typing import Final

from dispatch.domain.city import City
from dispatch.store import memory
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
    if known is None or known[0] == each.digest or known[0] == each.as_written():
        return identity, False
    as_written = f"{identity}!{each.as_written().hex()}"
    return (as_written if as_written in seen else f"{identity}!{each.digest.hex()}"), True


def other_identities(each: Inbound) -> tuple[str, ...]:
    """Return under what an input may stand in the inbox whose source and id are used."""
    own = _on_its_topic(each)
    ids = each.identity, own
    contents = each.digest.hex(), each.as_written().hex()
    return own, *(f"{identity}!{content}" for identity in ids for content in contents)


def content_of(each: Inbound, city: City) -> str:
    """Return the digest (hexadecimal) by which the call, transfer or batch is known that it brings.

    The one that has its id may be known by the digest of the bytes.
    """
    brought = memory.opens(each.event)
    known = None if brought is None else city.calls.get(brought) or city.batches.get(brought)
    if known is not None and known.digest == (as_written := each.as_written().hex()):
        return as_written
    return each.content.hex()


def _on_its_topic(each: Inbound) -> str:
    return f"{each.identity}{_SEPARATOR}{each.topic}"
