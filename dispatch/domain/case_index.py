"""Cases found lately, by place, institution and age, so that none is compared with all."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import datetime

from dispatch.domain.grid import cell_of, cells_near
from dispatch.domain.model import KnownCase


class CaseIndex:
    """The cases that are known, by what makes a cluster of them; `first` is the oldest."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, object], dict[str, None]] = {}
        self._ages: list[tuple[datetime, str]] = []

    @property
    def first(self) -> str | None:
        """The id of the case that was found first, None where there is none."""
        return self._ages[0][1] if self._ages else None

    def add(self, case: KnownCase) -> None:
        """Make a case findable."""
        insort(self._ages, age(case))
        for key in _keys(case):
            self._buckets.setdefault(key, {})[case.case_id] = None

    def discard(self, case: KnownCase) -> None:
        """Forget a case."""
        del self._ages[bisect_left(self._ages, age(case))]
        for key in _keys(case):
            bucket = self._buckets[key]
            del bucket[case.case_id]
            if not bucket:
                del self._buckets[key]

    def candidates(self, case: KnownCase, metres: float) -> Iterator[str]:
        """Yield the ids of cases that may be so near a case, or are of its institution.

        One that is both comes twice.
        """
        if case.institution_id is not None:
            yield from self._buckets.get(("institution", case.institution_id), ())
        if case.position is not None:
            for cell in cells_near(case.position, metres):
                yield from self._buckets.get(("cell", cell), ())


def age(case: KnownCase) -> tuple[datetime, str]:
    """Return what cases are sorted by, the oldest first."""
    return case.found_at, case.case_id


def _keys(case: KnownCase) -> Iterator[tuple[str, object]]:
    if case.institution_id is not None:
        yield "institution", case.institution_id
    if case.position is not None:
        yield "cell", cell_of(case.position)
