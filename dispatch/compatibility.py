"""Which changes of a schema would break those who publish by it, or those who read by it.

Who publishes an input must be able to go on publishing what was valid; who reads an output must
not meet what could not be before.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

Schema = Mapping[str, Any]

_TYPES: Final = frozenset({"object", "array", "string", "number", "boolean", "null"})
_LOWER: Final = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_UPPER: Final = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_FORMS: Final = ("pattern", "format")


def incompatibilities(old: Schema, new: Schema, direction: Literal["input", "output"]) -> list[str]:
    """Return every change from `old` to `new` that breaks others, each as "place: what"."""
    return list(_Comparison(old, new, direction).run())


class _Comparison:
    """Compares two schemas: for an input the new one must take all that the old one takes."""

    def __init__(self, old: Schema, new: Schema, direction: str) -> None:
        self._old = old
        self._new = new
        self._is_input = direction == "input"

    def run(self) -> Iterator[str]:
        """Yield what breaks."""
        yield from self._compare(self._old, self._new, "")

    def _compare(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        olds = _alternatives(old, self._old)
        news = _alternatives(new, self._new)
        if len(olds) == len(news) == 1:
            yield from self._compare_one(olds[0], news[0], place)
            return
        # What was or is possible, and what has to allow for it.
        wanted, allowed = (olds, news) if self._is_input else (news, olds)
        for each in wanted:
            found = [
                list(
                    self._compare_one(*((each, other) if self._is_input else (other, each)), place)
                )
                for other in allowed
            ]
            if all(found):
                kind = ", ".join(sorted(_types(each)))
                verb = "is no longer taken" if self._is_input else "is possible now"
                # What fits nearly is the one that was changed.
                nearest = min(found, key=len)
                same_kind = any(_types(each) & _types(other) for other in allowed)
                yield from nearest if same_kind else [_at(place, f"{kind} {verb}")]

    def _compare_one(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before, after = _types(old), _types(new)
        gone, come = before - after, after - before
        if "integer" in gone and "number" in after:
            gone -= {"integer"}
        if "integer" in come and "number" in before:
            come -= {"integer"}
        if self._is_input and gone:
            yield _at(place, f"{', '.join(sorted(gone))} is no longer taken")
        if not self._is_input and come:
            yield _at(place, f"{', '.join(sorted(come))} is possible now")
        if gone and come:
            return
        yield from self._compare_values(old, new, place)
        yield from self._compare_limits(old, new, place)
        yield from self._compare_objects(old, new, place)
        for keyword in ("items", "propertyNames"):
            if keyword in old or keyword in new:
                yield from self._compare(
                    old.get(keyword, {}), new.get(keyword, {}), f"{place}[]" if place else "[]"
                )
        if isinstance(old.get("additionalProperties"), dict) and isinstance(
            new.get("additionalProperties"), dict
        ):
            yield from self._compare(
                old["additionalProperties"], new["additionalProperties"], f"{place}.*"
            )

    def _compare_values(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before, after = _values(old), _values(new)
        if self._is_input:
            if after is not None and (before is None or not before <= after):
                lost = "any text" if before is None else ", ".join(sorted(before - after))
                yield _at(place, f"{lost} is no longer taken")
        elif before is not None and (after is None or not after <= before):
            won = "any text" if after is None else ", ".join(sorted(after - before))
            yield _at(place, f"{won} is possible now")

    def _compare_limits(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        # For an output the roles change: there the old limits must hold the new values.
        outer, inner = (new, old) if self._is_input else (old, new)
        wider: tuple[tuple[tuple[str, ...], Callable[[Any, Any], bool]], ...] = (
            (_LOWER, lambda limit, value: limit <= value),
            (_UPPER, lambda limit, value: limit >= value),
        )
        for keywords, holds in wider:
            for keyword in keywords:
                if keyword in outer and (
                    keyword not in inner or not holds(outer[keyword], inner[keyword])
                ):
                    yield _at(place, f"{keyword} is {new.get(keyword, 'gone')} now")
        for keyword in _FORMS:
            if keyword in outer and outer[keyword] != inner.get(keyword):
                yield _at(place, f"{keyword} is {new.get(keyword, 'gone')} now")

    def _compare_objects(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before: Schema = old.get("properties", {})
        after: Schema = new.get("properties", {})
        had, has = set(old.get("required", ())), set(new.get("required", ()))
        closed = new.get("additionalProperties") is False
        for name in sorted(before.keys() | after.keys()):
            inside = f"{place}.{name}" if place else name
            if name not in after and (closed or not self._is_input):
                yield _at(inside, "was removed")
            elif name in before and name in after:
                yield from self._compare(before[name], after[name], inside)
            if self._is_input and name in has - had:
                yield _at(inside, "is required now")
            if not self._is_input and name in had - has and name in after:
                yield _at(inside, "may be absent now")
        if self._is_input and closed and old.get("additionalProperties", True) is not False:
            yield _at(place, "other keys are no longer taken")


def _alternatives(schema: Schema, root: Schema) -> list[Schema]:
    schema = _resolve(schema, root)
    if "anyOf" not in schema:
        return [schema]
    return [found for each in schema["anyOf"] for found in _alternatives(each, root)]


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**root["$defs"][name], **siblings}
    return schema


def _types(schema: Schema) -> frozenset[str]:
    found = schema.get("type")
    if found is None:
        return _TYPES
    return frozenset([found] if isinstance(found, str) else found)


def _values(schema: Schema) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset({str(schema["const"])})
    return frozenset(map(str, schema["enum"])) if "enum" in schema else None


def _at(place: str, what: str) -> str:
    return f"{place or 'the event'}: {what}"
