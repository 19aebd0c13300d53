"""Rooms: promised to one patient at a time, taken, let go and freed once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from dispatch.checker.history import (
    ByType,
    Invariant,
    Span,
    Told,
    Violation,
    first_by,
    overlaps,
)


def rooms_promised_twice(told: ByType) -> Iterator[Violation]:
    """Find places promised twice, by handovers with a place of their own and by reservations."""
    ends = _ends_of_promises(told)
    promises: defaultdict[tuple[str, str, int], list[Span]] = defaultdict(list)
    for announced in told["handover.announced"]:
        data = announced.data
        if data["place"] is not None:
            name = data["handover_id"]
            place = (data["hospital_id"], data["reserve"], data["place"])
            promises[place].append(Span(name, announced, ends.get(name)))
    for reserved in told["bed.reserved"]:
        data = reserved.data
        name = data["reservation_id"]
        place = (data["hospital_id"], data["room"], data["place"])
        promises[place].append(Span(name, reserved, ends.get(name)))
    yield from _places_held_twice(promises)
    yield from _beds_announced_without_promise(told, promises, ends)
    yield from _beds_changed_twice(told)


def _ends_of_promises(told: ByType) -> dict[str, Told]:
    """Return the event that ends each promise, by the id of the handover or reservation."""
    return {
        **first_by(
            "handover_id",
            *(told[f"handover.{end}"] for end in ("withdrawn", "closed", "released")),
        ),
        **first_by("promise_id", told["bed.occupied"]),
        **first_by("reservation_id", told["bed.released"]),
    }


def _places_held_twice(
    promises: Mapping[tuple[str, str, int], Sequence[Span]],
) -> Iterator[Violation]:
    for (hospital_id, room, number), spans in promises.items():
        for earlier, later in overlaps(spans):
            yield Violation(
                Invariant.NO_ROOM_TWICE,
                f"room {number} ({room}) of hospital {hospital_id} was promised to {later.name} "
                f"while it was promised to {earlier.name}",
                (*earlier.events, later.begins.event),
            )


def _beds_announced_without_promise(
    told: ByType,
    promises: Mapping[tuple[str, str, int], Sequence[Span]],
    ends: Mapping[str, Told],
) -> Iterator[Violation]:
    """Find handovers that bring a patient to a bed not kept for them, or two to the same bed."""
    announced: defaultdict[tuple[str, str, int], list[Span]] = defaultdict(list)
    for each in told["handover.announced"]:
        hospital_id, handover_id = each.data["hospital_id"], each.data["handover_id"]
        span = Span(handover_id, each, ends.get(handover_id))
        for bed in each.data.get("beds", ()):
            place = (hospital_id, bed["room"], bed["place"])
            announced[place].append(span)
            kept = any(
                promise.begins.data.get("patient_id") == bed["patient_id"]
                and promise.begins.at <= each.at
                and (promise.ends is None or promise.ends.at >= each.at)
                for promise in promises.get(place, ())
            )
            if not kept:
                yield Violation(
                    Invariant.NO_ROOM_TWICE,
                    f"{handover_id} brings patient {bed['patient_id']} to room {bed['place']} "
                    f"({bed['room']}) of hospital {hospital_id}, which is not kept for them",
                    (each.event,),
                )
    yield from _places_held_twice(announced)


def _beds_changed_twice(told: ByType) -> Iterator[Violation]:
    """Find promises whose bed was let go or taken more than once, or freed more than once."""
    for kinds in (("bed.released", "bed.occupied"), ("bed.vacated",)):
        first: dict[str, Told] = {}
        changes = [each for kind in kinds for each in told[kind]]
        for each in sorted(changes, key=lambda each: (each.at, each.event.sequence)):
            promise_id = each.data.get("reservation_id") or each.data.get("promise_id")
            if promise_id is None:
                continue
            if promise_id in first:
                before = first[promise_id].event
                yield Violation(
                    Invariant.NO_ROOM_TWICE,
                    f"the bed of {promise_id} was {each.event.type.removeprefix('bed.')} after it "
                    f"was {before.type.removeprefix('bed.')}",
                    (before, each.event),
                )
            first.setdefault(promise_id, each)
