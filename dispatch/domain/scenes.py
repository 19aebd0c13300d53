"""Where an incident is, when somebody knows better: its crews are told at once (120 plan §4).

What a caller, an answer or a crew says of a place counts before the district's centre. Of two
exact places that of who speaks for the same patient counts: the caller's own telephone, the
console, the crew. Another unit takes over where the rules for that say so, as long as nobody is
with the patient: `dispatching.relieve`, when all that was said has been decided on.
"""

from dataclasses import replace

from dispatch.domain import handover, incidents, link_proposals, linking, orders, places
from dispatch.domain.city import City
from dispatch.domain.identity import address_of, is_exact
from dispatch.domain.linking import Link
from dispatch.domain.model import Incident, Place, Position
from dispatch.topics.calls import CallAnswered, Location
from dispatch.topics.units import SceneReported


def hear_repeat(city: City, incident_id: str, said: Place, link: Link) -> str | None:
    """Take over where a repeat caller is, if that is better; return why, None where it is not.

    The crews are told with whatever else the call says (`tell`).
    """
    place = city.incidents[incident_id].place
    if not is_exact(place):
        because = "a repeat caller says where the patient is"
    else:
        because = "the caller says where the patient is now"
        metres = linking.metres_apart(said, place)
        if metres is None or not link.same_phone or metres < city.pack.linking.moved_metres:
            # Nobody is led away from where the first caller is, but may be told the address.
            said = replace(place, address=place.address or said.address)
    return because if improve(city, incident_id, said) else None


def hear_answer(city: City, incident_id: str, event: CallAnswered) -> str | None:
    """Take over what an answer says of the place; return why it is another, None where it is not.

    The crews are told with whatever else the answer says (`tell`).

    Raises:
        Rejected: nobody can be where it says.
    """
    if event.location is None:
        return None
    said = _said(city, city.incidents[incident_id], event.location, "caller")
    return "an answer says where the patient is" if improve(city, incident_id, said) else None


def report_scene(city: City, event: SceneReported, incident_id: str) -> None:
    """The crew of a run has learnt where the patient is.

    Raises:
        Rejected: nobody can be where it says.
    """
    said = _said(city, city.incidents[incident_id], event.location, "unit")
    if improve(city, incident_id, said):
        tell(city, incident_id, f"unit {event.unit_id} says where the patient is")


def crew_is_there(city: City, incident_id: str, unit_id: str, position: Position) -> None:
    """A crew is on scene: where nobody has said more than the district, the scene is there."""
    place = city.incidents[incident_id].place
    if is_exact(place):
        return
    if improve(city, incident_id, replace(place, position=position, source="unit")):
        tell(city, incident_id, f"unit {unit_id} is on scene")


def take_back(city: City, incident_id: str, said: Place, before: Place) -> str | None:
    """A call that told a place was of another incident: where that still counts, it is undone.

    Return why the place is another, None where it is not; who is on the way is told by `tell`.
    """
    place = city.incidents[incident_id].place
    if place.position != said.position and place.address != said.address:
        return None
    moved = _move(city, incident_id, before)
    return "the call that told the place was of another patient" if moved else None


def improve(city: City, incident_id: str, place: Place) -> bool:
    """Let an incident be at a place; return whether it is another, for `tell`.

    A place without a position changes no position, one without an address no address.
    """
    before = city.incidents[incident_id].place
    if not is_exact(place):
        place = replace(place, position=before.position, source=before.source)
    address = place.address if address_of(place, city.pack) is not None else before.address
    return _move(city, incident_id, replace(place, address=address, district=before.district))


def tell(city: City, incident_id: str, because: str) -> None:
    """Tell the crews that have not met the patient where that is, unless they have heard; why."""
    for run in incidents.active_assignments(city, city.incidents[incident_id]):
        if run.met_patient:
            continue
        told = orders.tell_amended(city, run.assignment_id, because)
        if told is not run:
            handover.update(city, told, because)


def _move(city: City, incident_id: str, place: Place) -> bool:
    incident = city.incidents[incident_id]
    before = incident.place
    if place == before:
        return False
    city.put(replace(incident, place=place))
    link_proposals.lapse_contradicted(city, incident_id)
    for run in incidents.active_assignments(city, incident):
        if run.place == before and not incidents.has_left_with_patient(run):
            city.put(replace(run, place=place))
    return True


def _said(city: City, incident: Incident, location: Location, source: str) -> Place:
    places.check(city, location)
    place = places.place_of(city, location, incident.place.district)
    return replace(place, source="unit") if source == "unit" and is_exact(place) else place
