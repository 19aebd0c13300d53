"""What has to have happened during the intake, told from the event history alone.

A story is a pure function of the history; one that did not happen fails the demo. Its two texts
are `demo.jinzhou.story.<name>` in the catalogue.
"""

from collections.abc import Callable, Mapping
from typing import Final

from dispatch.demo.chronicle import Chronicle, Told
from dispatch.demo.city.stories import broke_down
from dispatch.domain.offers import NO_ANSWER

Story = Callable[[Chronicle], bool]


def hospital_asked_first(chronicle: Chronicle) -> bool:
    """No crew was ordered for a batch before a hospital had accepted its patients."""
    asked = {offered["transfer_id"]: offered.at for offered in chronicle.of("transfer.offered")}
    answered = {
        met["subject"].rpartition("/")[0]: met.at
        for met in chronicle.of("clock.met", kind="transfer_answered")
    }
    ordered = [(order["incident_id"].rpartition(".T")[0], order) for order in _trips(chronicle)]
    return bool(ordered) and all(
        batch in asked and batch in answered and answered[batch] <= order.at
        for batch, order in ordered
    )


def gravest_first(chronicle: Chronicle) -> bool:
    """A critical patient was loaded no later than anybody else of the batch, with life support."""
    critical = {order["incident_id"] for order in _trips(chronicle) if order["life_support"]}
    for planned in chronicle.of("batch.planned"):
        loads = {f"{planned['batch_id']}.T{t['number']}": t["load_at"] for t in planned["trips"]}
        if any(loads[trip] > min(loads.values()) for trip in critical & loads.keys()):
            return False
    return bool(critical)


def crossings_reported(chronicle: Chronicle) -> bool:
    """Every trip from one district to another was reported and the report acknowledged."""
    reports = {each["incident_id"]: each["report_id"] for each in chronicle.of("crossing.reported")}
    settled = {each["report_id"] for each in chronicle.of("report.settled")}
    trips = {order["incident_id"] for order in _trips(chronicle)}
    return bool(trips) and all(reports.get(trip) in settled for trip in trips)


def unit_dropped_out(chronicle: Chronicle) -> bool:
    """A unit dropped out before it set out: the batch was planned anew without it."""
    return any(
        planned["revision"] > 1
        and "drops out" in planned["because"]
        and all(trip["unit_id"] not in planned["because"] for trip in planned["trips"])
        for planned in chronicle.of("batch.planned")
    )


def beds_dropped_out(chronicle: Chronicle) -> bool:
    """Beds dropped out while a hospital was asked: the patient got one of another kind that does.

    The other kind is the one that the new plan has in place of the first.
    """
    for again in chronicle.of("batch.planned"):
        if "have dropped out" not in again["because"]:
            continue
        before = next(chronicle.of("batch.planned", batch_id=again["batch_id"]))
        first, last = _beds(before), _beds(again)
        moved = {who for who in first.keys() & last.keys() if first[who] != last[who]}
        if moved and _arrived(chronicle, again["batch_id"]):
            return True
    return False


def hospital_silent(chronicle: Chronicle) -> bool:
    """A hospital did not answer in time, which was breached: another one took the patients."""
    return any(
        _another_took(chronicle, gone)
        and chronicle.has("clock.breached", kind="transfer_answered", subject=gone["offer_id"])
        for gone in chronicle.of("offer.withdrawn", reason=NO_ANSWER)
    )


def hospital_diverted(chronicle: Chronicle) -> bool:
    """A hospital diverted a batch: another one took the patients."""
    return any(
        _another_took(chronicle, gone)
        for gone in chronicle.of("bed.released")
        if gone["reason"].startswith("diverted")
    )


def reserve_called(chronicle: Chronicle) -> bool:
    """The treatment centre was half full: the reserve was emptied and in service in time."""
    return any(
        all(
            chronicle.has("clock.met", kind=kind, subject=called["hospital_id"])
            for kind in ("reserve_emptied", "reserve_in_service")
        )
        for called in chronicle.of("tier.stepped", step="reserve_called")
    )


def report_late(chronicle: Chronicle) -> bool:
    """A report was acknowledged late: it was sent again, the breach told, and it ended late."""
    return any(
        chronicle.has("clock.breached", clock_id=late["clock_id"])
        and any(
            settled["attempts"] > 1
            for settled in chronicle.of("report.settled", report_id=late["subject"])
        )
        for late in chronicle.of("clock.ended_late", kind="crossing_reported")
    )


def tested_in_time(chronicle: Chronicle) -> bool:
    """Every patient of a batch was tested on arrival, and the result was there in time."""
    limits = [each["clock_id"] for each in chronicle.of("clock.started", kind="result_other")]
    met = {each["clock_id"] for each in chronicle.of("clock.met", kind="result_other")}
    trips = {order["incident_id"] for order in _trips(chronicle)}
    return len(limits) >= len(trips) > 0 and all(limit in met for limit in limits)


def recovered_went_home(chronicle: Chronicle) -> bool:
    """Patients who had recovered went home: their beds are free, and they are followed."""
    followed = {started["owner"] for started in chronicle.of("clock.started", kind="follow_up")}
    return chronicle.has("bed.vacated", outcome="discharged") and any(
        chronicle.has("incident.closed", incident_id=transfer) for transfer in followed
    )


def _trips(chronicle: Chronicle) -> list[Told]:
    """Return the orders of trips of batches."""
    batches = {planned["batch_id"] for planned in chronicle.of("batch.planned")}
    return [
        order
        for order in chronicle.of("order.issued")
        if order["incident_id"].rpartition(".T")[0] in batches
    ]


def _beds(planned: Told) -> dict[str, str]:
    return {who: room for trip in planned["trips"] for who, room in trip["beds"].items()}


def _arrived(chronicle: Chronicle, batch_id: str) -> bool:
    return chronicle.has("batch.progressed", batch_id=batch_id, status="completed")


def _another_took(chronicle: Chronicle, gone: Told) -> bool:
    """Return whether another hospital was asked later for the same batch, which has arrived."""
    return _arrived(chronicle, gone["transfer_id"]) and any(
        offered["hospital_id"] != gone["hospital_id"] and offered.at >= gone.at
        for offered in chronicle.of("transfer.offered", transfer_id=gone["transfer_id"])
    )


STORIES: Final[Mapping[str, Story]] = {
    story.__name__: story
    for story in (
        hospital_asked_first,
        gravest_first,
        crossings_reported,
        unit_dropped_out,
        broke_down,
        beds_dropped_out,
        hospital_silent,
        hospital_diverted,
        reserve_called,
        report_late,
        tested_in_time,
        recovered_went_home,
    )
}
