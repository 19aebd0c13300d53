"""Who is under way to which hospital, and for whom one is still to be found."""

from collections.abc import Iterable
from typing import Final

from dispatch.domain.model import Handover
from dispatch.policy.pack import Pack

BEFORE_ARRIVAL: Final = frozenset({"ordered", "rolling", "on_scene", "transporting"})


def must_be_told(pack: Pack, rule: str, status: str) -> bool:
    """Return whether the hospital must know of a run by now: by its rule and its unit's status."""
    return status == "transporting" or (
        status in BEFORE_ARRIVAL and pack.announced_with_order(rule)
    )


class Arrivals:
    """The handovers that stand, by hospital, and the runs that should have one and have none."""

    def __init__(self) -> None:
        self._expected: dict[str, dict[str, None]] = {}
        self._without: dict[str, None] = {}

    def expect(self, before: Handover | None, after: Handover | None) -> None:
        """Take over a change of a handover; None stands for one that is not there."""
        if before is not None:
            self._expected.get(before.hospital_id, {}).pop(before.handover_id, None)
        if after is not None and after.ended_at is None:
            self._expected.setdefault(after.hospital_id, {})[after.handover_id] = None

    def seek(self, assignment_id: str, *, sought: bool) -> None:
        """Note whether a run still needs a hospital."""
        if sought:
            self._without[assignment_id] = None
        else:
            self._without.pop(assignment_id, None)

    def at(self, hospital_id: str) -> Iterable[str]:
        """Return the handovers that stand at a hospital."""
        return self._expected.get(hospital_id, ())

    def sought(self) -> Iterable[str]:
        """Return the runs that need a hospital and have none."""
        return self._without
