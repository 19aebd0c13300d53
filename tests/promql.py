"""As much of PromQL as the alerts use, over two scrapes; promtool has the rest of it."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

# Values by the labels, the metric's name among them.
Series = frozenset[tuple[str, str]]
Scrape = Mapping[Series, float]

_TERM: Final = re.compile(
    r"(?P<aggregate>sum|max|min)(?: by \((?P<by>[\w, ]+)\))? ?\("
    r"(?P<increase>increase\()?(?P<metric>\w+)(?:\{(?P<labels>[^}]*)\})?(?:\[\w+\])?\)?\)"
)
_ABSENT: Final = re.compile(r"absent\((\w+)\)")
_AGGREGATES: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "sum": sum,
    "max": max,
    "min": min,
}
Vector = dict[Series, float]


def fires(expression: str, before: Scrape, after: Scrape) -> bool:
    """Return whether an alert's expression has a value, whatever time its windows have."""
    if absent := _ABSENT.fullmatch(expression):
        return not any(("__name__", absent[1]) in series for series in after)
    return any(_compares(each, before, after) for each in expression.split(" or "))


def _compares(expression: str, before: Scrape, after: Scrape) -> bool:
    left, sign, right = expression.rsplit(" ", 2)
    vector, *divisors = (_term(each, before, after) for each in left.split(" / "))
    for divisor in divisors:
        vector = {key: value / divisor[key] for key, value in vector.items() if divisor.get(key)}
    limit = float(right)
    return any(value > limit if sign == ">" else value < limit for value in vector.values())


def _term(term: str, before: Scrape, after: Scrape) -> Vector:
    found = _TERM.fullmatch(term)
    assert found is not None, f"not understood: {term}"
    by = set((found["by"] or "").replace(" ", "").split(",")) - {""}
    groups: dict[Series, list[float]] = defaultdict(list)
    for series, value in after.items():
        if selected(series, found["metric"], found["labels"] or ""):
            # To Prometheus, a series that has just begun has not increased.
            grown = value - before.get(series, value) if found["increase"] else value
            groups[frozenset(pair for pair in series if pair[0] in by)].append(grown)
    return {key: _AGGREGATES[found["aggregate"]](values) for key, values in groups.items()}


def selected(series: Series, metric: str, matchers: str) -> bool:
    """Return whether a selector's name and matchers (`a="b", c=~"d"`) select a series."""
    labels = dict(series)
    if labels["__name__"] != metric:
        return False
    for name, sign, value in re.findall(r'(\w+)(=~|=)"([^"]*)"', matchers):
        matches = re.fullmatch(value if sign == "=~" else re.escape(value), labels.get(name, ""))
        if not matches:
            return False
    return True
