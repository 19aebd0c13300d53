"""Units: on one assignment at a time, and on none before they are disinfected."""

from collections import defaultdict
from collections.abc import Iterator

from dispatch.checker.history import (
    ENDS_OF_RUNS,
    ByType,
    Invariant,
    Span,
    Told,
    Violation,
    first_by,
    overlaps,
)


def _runs(told: ByType) -> Iterator[list[Span]]:
    """Yield the runs of each unit, in the order of its orders."""
    ends = first_by(
        "assignment_id",
        *(told[kind] for kind in ENDS_OF_RUNS),
    )
    by_unit: defaultdict[str, list[Span]] = defaultdict(list)
    for order in told["order.issued"]:
        name = order.data["assignment_id"]
        by_unit[order.data["unit_id"]].append(Span(name, order, ends.get(name)))
    yield from by_unit.values()


def units_on_two_assignments(told: ByType) -> Iterator[Violation]:
    """Find units ordered to an assignment while they are on another."""
    for runs in _runs(told):
        for earlier, later in overlaps(runs):
            unit_id = later.begins.data["unit_id"]
            yield Violation(
                Invariant.ONE_ASSIGNMENT_A_UNIT,
                f"unit {unit_id} was ordered to {later.name} while it was on {earlier.name}",
                (*earlier.events, later.begins.event),
            )


def orders_before_disinfection(told: ByType) -> Iterator[Violation]:
    """Find contaminated units without a disinfection, or ordered before its certificate."""
    accepted = first_by("job_id", told["disinfection.accepted"])
    orders: defaultdict[str, list[Told]] = defaultdict(list)
    for order in told["order.issued"]:
        orders[order.data["unit_id"]].append(order)
    jobs = {job.data["assignment_id"]: job for job in told["disinfection.ordered"]}
    handed_over = (*told["handover.closed"], *told["handover.released"])
    contaminated = [h for h in handed_over if h.data["disinfection"] == "terminal"]
    begins = {h.data["assignment_id"]: h for h in contaminated}
    for assignment_id, begin in ({**jobs, **begins}).items():
        job = jobs.get(assignment_id)
        unit_id = begin.data["unit_id"]
        if job is None:
            yield Violation(
                Invariant.NO_ORDER_BEFORE_DISINFECTION,
                f"no disinfection was ordered for unit {unit_id} after {assignment_id}",
                (begin.event,),
            )
        certificate = accepted.get(job.data["job_id"]) if job is not None else None
        for order in orders[unit_id]:
            late = certificate is None or order.at < certificate.at
            if order.data["assignment_id"] != assignment_id and begin.at <= order.at and late:
                proof = () if certificate is None else (certificate.event,)
                yield Violation(
                    Invariant.NO_ORDER_BEFORE_DISINFECTION,
                    f"unit {unit_id} was ordered to {order.data['assignment_id']} before its "
                    f"disinfection after {assignment_id} was accepted",
                    (begin.event, order.event, *proof),
                )
