"""Cases found lately, by place, institution and age, so that none is compared with all."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import datetime

from dispatch.domain.model import KnownCase
from dispatch.domain.proximity import Proximity


class CaseIndex:
    """The cases that are known, by what makes a cluster of them; `first` is the oldest."""

    def __init__(self) -> None:
        self._places = Proximity()
        self._institutions: dict[str, dict[str, None]] = {}
        self._ages: list[tuple[datetime, str]] = []

    @property
    def first(self) -> str | None:
        """The id of the case that was found first, None where there is none."""
        return self._ages[0][1] if self._ages else None

    def add(self, case: KnownCase) -> None:
        """Make a case findable."""
        insort(self._ages, age(case))
        if case.position is not None:
            self._places.add(case.case_id, case.position)
        if case.institution_id is not None:
            self._institutions.setdefault(case.institution_id, {})[case.case_id] = None

    def discard(self, case: KnownCase) -> None:
        """Forget a case."""
        del self._ages[bisect_left(self._ages, age(case))]
        if case.position is not None:
            self._places.discard(case.case_id, case.position)
        if case.institution_id is not None:
            theirs = self._institutions[case.institution_id]
            del theirs[case.case_id]
            if not theirs:
                del self._institutions[case.institution_id]

    def candidates(self, case: KnownCase, metres: float) -> Iterator[str]:
        """Yield the ids of cases that may be so near a case, or are of its institution.

        One that is both comes twice.
        """
        if case.institution_id is not None:
            yield from self._institutions.get(case.institution_id, ())
        if case.position is not None:
            yield from self._places.within(case.position, metres)


def age(case: KnownCase) -> tuple[datetime, str]:
    """Return what cases are sorted by, the oldest first."""
    return case.found_at, case.case_id
