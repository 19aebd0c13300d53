"""Records as the JSON that the database keeps, and back."""

from typing import Any, Final, get_args

from pydantic import TypeAdapter

from dispatch.domain.model import Entity

_ADAPTERS: Final[dict[type, TypeAdapter[Any]]] = {
    kind: TypeAdapter(kind) for kind in get_args(Entity)
}
_DUMP: Final = {kind: adapter.serializer.to_json for kind, adapter in _ADAPTERS.items()}
_BY_NAME: Final[dict[str, TypeAdapter[Any]]] = {
    kind.__name__: adapter for kind, adapter in _ADAPTERS.items()
}


def dump(entity: Entity) -> str:
    """Return a record as JSON."""
    return _DUMP[type(entity)](entity).decode()


def load(kind: str, state: str) -> Entity:
    """Return the record of a kind from its JSON."""
    entity: Entity = _BY_NAME[kind].validate_json(state)
    return entity
