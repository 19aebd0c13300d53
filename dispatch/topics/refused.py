"""What refusals are counted under: a sender may make up names without end."""

from typing import Final, NamedTuple

from dispatch.topics import EVENTS

UNKNOWN: Final = "unknown"
OTHER: Final = "other"
# The fields of a reason that are no part of a body.
_ENVELOPE: Final = frozenset(
    {
        *("body", "content-type", "key", "record"),
        *("ce_id", "ce_source", "ce_specversion", "ce_time", "ce_type"),
    }
)


class Kind(NamedTuple):
    """What refusals have in common: the event and the field at fault, both of closed sets."""

    refused: str
    field: str


def kind_of(refused: str, path: str) -> Kind:
    """Return the kind of a refusal by its event and the field (dotted path) of its first reason."""
    model = EVENTS.get(refused)
    field = path.partition(".")[0]
    known = field in _ENVELOPE or (model is not None and field in model.model_fields)
    return Kind(UNKNOWN if model is None else refused, field if known else OTHER)
