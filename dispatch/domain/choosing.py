"""Which hospital an incident's patient is taken to, what it lacks, and why it was chosen.

Source: 120 plan §4-5; domain, choosing the unit; work plans (七)2: what a patient needs is not
refused for the epidemic's sake.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from dispatch.domain import hospitals, incidents
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import Handover, Hospital, Incident, Position
from dispatch.policy.needs import capabilities_needed, needs_in
from dispatch.policy.pack import ExtraMinutes, Pack, Wording
from dispatch.topics.codes import Destination
from dispatch.topics.incidents import HospitalChosen

# Where nobody is treated, nothing is needed but a place.
_NOT_TREATED: Final[frozenset[Destination]] = frozenset({"home", "isolation_site"})
# Those who are to be isolated go to no other.
_ISOLATING: Final[frozenset[Destination]] = frozenset(
    {"designated_hospital", "fever_clinic", "emergency_buffer"}
)
_SECONDS_PER_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class HospitalChoice:
    """A hospital, the room kind to reserve and the place promised there (None: no room is free).

    `needs` are the capabilities that the patient needs, `lacking` those that it does not have;
    `nearest` is the one that the patient would have gone to but for them, `extra_seconds` how much
    longer the way is than to that one (negative: shorter). `by_way`: where the patient would have
    gone is the nearest that takes them; `none_better`: no other near enough lacks less.
    """

    hospital: Hospital
    room: str
    place: int | None
    travel_seconds: float
    needs: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    nearest: Hospital | None = None
    extra_seconds: float = 0.0
    by_way: bool = True
    none_better: bool = True


class _Fit(NamedTuple):
    """A hospital that fits: the lower in its key, the sooner it is chosen, before the way counts.

    `instead` says that it isolates otherwise than the destination asks for.
    """

    without: tuple[bool, bool]
    instead: bool
    rank: int
    advisory: bool
    hospital: Hospital
    room: str
    place: int | None

    @property
    def before_way(self) -> tuple[bool, bool, bool, int, bool]:
        return (*self.without, self.instead, self.rank, self.advisory)


def choose_hospital(
    city: City,
    incident: Incident,
    destination: Destination,
    *,
    origin: Position,
    refused: Iterable[str] = (),
) -> HospitalChoice | None:
    """Return the nearest open hospital that serves the destination, one with room left first.

    One that has more of what the patient needs is chosen before it, when the way is not longer by
    more than the pack's extra minutes: who is to be isolated goes to an isolating one all the same.
    Cases and ordinary patients never share a hospital: one that is in service for the others is
    not chosen. A dispatcher's choice comes before the rule, unless that hospital has refused the
    patient or is closed. None means that no hospital of the city is open for this destination.
    """
    needs = () if destination in _NOT_TREATED else needs_of(city, incident)
    found = list(_fitting(city, incident, destination, set(refused), isolate_otherwise=bool(needs)))
    if not found:
        return None
    if not needs:
        best = min(fit.before_way for fit in found)
        found = [fit for fit in found if fit.before_way == best]
    ways = [(fit, city.travel.seconds(origin, fit.hospital.position)) for fit in found]
    nearest, least = min(
        ways, key=lambda way: (way[0].before_way, way[1], way[0].hospital.hospital_id)
    )
    if not needs:
        return HospitalChoice(nearest.hospital, nearest.room, nearest.place, least)
    limit = least + extra_minutes(city.pack, destination) * _SECONDS_PER_MINUTE
    near_enough = [
        (_weight(city.pack, needs, fit.hospital), fit, seconds)
        for fit, seconds in ways
        if seconds <= limit
    ]
    weight, chosen, seconds = min(
        near_enough,
        key=lambda each: (
            each[1].without,
            each[0],
            each[1].before_way,
            each[2],
            each[1].hospital.hospital_id,
        ),
    )
    # One without room left is no alternative to one with room.
    no_room = chosen.place is None
    return HospitalChoice(
        chosen.hospital,
        chosen.room,
        chosen.place,
        seconds,
        needs,
        lacking(needs, chosen.hospital),
        None if chosen.hospital is nearest.hospital else nearest.hospital,
        seconds - least,
        by_way=all(way >= least for fit, way in ways if no_room or fit.place is not None),
        none_better=all(
            other >= weight for other, fit, _ in near_enough if no_room or fit.place is not None
        ),
    )


def tell(city: City, handover: Handover, destination: Destination, choice: HospitalChoice) -> None:
    """Tell the consoles why a hospital was chosen for what its patient needs, and what it lacks."""
    if not choice.needs:
        return
    why = explained(city, destination, choice)
    city.emit(
        HospitalChosen(
            incident_id=handover.incident_id,
            assignment_id=handover.assignment_id,
            handover_id=handover.handover_id,
            hospital_id=handover.hospital_id,
            at=city.now,
            destination=destination,
            needs=list(choice.needs),
            lacking=list(choice.lacking),
            capabilities=list(choice.hospital.capabilities),
            nearest_id=handover.instead_of,
            extra_seconds=round(choice.extra_seconds, 1),
            why={"zh": why.zh, "en": why.en},
        ),
        key=handover.incident_id,
    )
    if choice.lacking:
        escalate_lacking(city, handover, choice.lacking)


def escalate_lacking(city: City, handover: Handover, capabilities: Iterable[str]) -> None:
    """Say that a patient is taken where what they need is lacking."""
    names = named(city.pack, capabilities)
    escalate(
        city,
        "capability_lacking",
        handover.incident_id,
        handover.handover_id,
        f"hospital {handover.hospital_id} lacks what the patient needs: {names.en} ({names.zh})",
    )


def codes_of(handover: Handover | None) -> tuple[str, ...]:
    """Return why a crew goes to the hospital of a handover, as codes; none where nothing asks."""
    if handover is None or not handover.needs:
        return ()
    further = ("hospital_for_needs",) if handover.instead_of is not None else ()
    return (*further, "hospital_lacks_need") if handover.lacking else further


def needs_of(city: City, incident: Incident) -> tuple[str, ...]:
    """Return the capabilities that an incident's patient needs, as its decision has them.

    One of another pack, or an earlier version, is not relied on.
    """
    decision = incident.decision
    in_force = {"pack": city.pack.name, "version": city.pack.version}
    if decision is not None and decision["policy"] == in_force:
        return needs_in(decision["inputs"])
    return capabilities_needed(incidents.facts(city, incident), city.pack)


def lacking(needs: Iterable[str], hospital: Hospital) -> tuple[str, ...]:
    """Return those of the capabilities needed that a hospital does not have."""
    return tuple(need for need in needs if need not in hospital.capabilities)


def extra_minutes(pack: Pack, destination: Destination) -> float:
    """Return how many minutes more than to the nearest a patient is taken for a need."""
    allowed: ExtraMinutes = pack.needs.extra_minutes
    return allowed.isolating if destination in _ISOLATING else allowed.ordinary


def explained(city: City, destination: Destination, choice: HospitalChoice) -> Wording:
    """Say in both languages why a hospital was chosen for what its patient needs."""
    why = city.pack.needs.why
    met = tuple(each for each in choice.needs if each not in choice.lacking)
    parts = []
    if choice.nearest is not None and choice.by_way:
        parts.append(why.further)
    elif not choice.lacking:
        parts.append(why.nearest if choice.by_way else why.able)
    if choice.lacking:
        parts.append(why.lacking if choice.none_better else why.unable)
    nearest = choice.nearest or choice.hospital
    values = {
        "hospital": choice.hospital.name,
        "nearest": nearest.name,
        "minutes": f"{choice.extra_seconds / _SECONDS_PER_MINUTE:.0f}",
        "limit": f"{extra_minutes(city.pack, destination):g}",
    }
    return Wording(
        zh="；".join(
            _filled(
                part.zh,
                values | {"needs": named(city.pack, met).zh},
                lacking=named(city.pack, choice.lacking).zh,
            )
            for part in parts
        ),
        en="; ".join(
            _filled(
                part.en,
                values | {"needs": named(city.pack, met).en},
                lacking=named(city.pack, choice.lacking).en,
            )
            for part in parts
        ),
    )


def named(pack: Pack, capabilities: Iterable[str]) -> Wording:
    """Return the names of capabilities in both languages."""
    words = [pack.capability_names[each] for each in capabilities]
    return Wording(
        zh="、".join(each.zh for each in words) or "–",
        en=", ".join(each.en for each in words) or "–",
    )


def _filled(text: str, values: dict[str, str], *, lacking: str) -> str:
    """Put values into a pack's text; what it names beside them stays as it is."""
    for name, value in {**values, "lacking": lacking}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _fitting(
    city: City,
    incident: Incident,
    destination: Destination,
    refused: set[str],
    *,
    isolate_otherwise: bool,
) -> Iterator[_Fit]:
    """Yield the open hospitals that serve a destination, and how well, the way apart."""
    wish = city.calls[incident.incident_id].content.destination_wish
    district = incident.place.district
    room = city.pack.handover.rooms[destination]
    buffer: Destination = "emergency_buffer"
    for hospital in city.hospitals.values():
        if hospital.status == "closed" or hospital.hospital_id in refused:
            continue
        wanted = hospital.hospital_id == incident.wanted_hospital
        rank = 0 if wanted else hospitals.rank_for(destination, hospital, district)
        instead, kind = False, room
        if rank is None and isolate_otherwise and destination == "fever_clinic":
            # A resuscitation buffer isolates, too.
            rank = hospitals.rank_for(buffer, hospital, district)
            instead, kind = True, city.pack.handover.rooms[buffer]
        if rank is None:
            continue
        if destination == "nearest_suitable" and not wanted:
            rank = 0 if wish in (hospital.hospital_id, hospital.name) else 1
        place = city.free_place(hospital, kind)
        yield _Fit(
            (not wanted, place is None),
            instead,
            rank,
            hospital.status == "advisory",
            hospital,
            kind,
            place,
        )


def _weight(pack: Pack, needs: tuple[str, ...], hospital: Hospital) -> tuple[int, int]:
    """Return how much a hospital lacks: first of what is never delayed, then of all."""
    missing = lacking(needs, hospital)
    return sum(each in pack.never_delayed for each in missing), len(missing)
