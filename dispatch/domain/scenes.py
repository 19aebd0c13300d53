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


def hear_repeat(city: City, incident: Incident, said: Place, link: Link) -> Incident:
    """Take over where a repeat caller is, if that is better; return the incident as it is then."""
    if not is_exact(incident.place):
        return improve(city, incident, said, "a repeat caller says where the patient is")
    metres = linking.metres_apart(said, incident.place)
    if metres is None or not link.same_phone or metres < city.pack.linking.moved_metres:
        # Nobody is led away from where the first caller is, but may be told the address.
        said = replace(incident.place, address=incident.place.address or said.address)
    return improve(city, incident, said, "the caller says where the patient is now")


def hear_answer(city: City, incident: Incident, event: CallAnswered) -> Incident:
    """Take over what an answer says of the place; return the incident as it is then.

    Raises:
        Rejected: nobody can be where it says.
    """
    if event.location is None:
        return incident
    said = _said(city, incident, event.location, "caller")
    return improve(city, incident, said, "an answer says where the patient is")


def report_scene(city: City, event: SceneReported, incident_id: str) -> None:
    """The crew of a run has learnt where the patient is.

    Raises:
        Rejected: nobody can be where it says.
    """
    incident = city.incidents[incident_id]
    said = _said(city, incident, event.location, "unit")
    improve(city, incident, said, f"unit {event.unit_id} says where the patient is")


def crew_is_there(city: City, incident_id: str, unit_id: str, position: Position) -> None:
    """A crew is on scene: where nobody has said more than the district, the scene is there."""
    incident = city.incidents[incident_id]
    if is_exact(incident.place):
        return
    there = replace(incident.place, position=position, source="unit")
    improve(city, incident, there, f"unit {unit_id} is on scene")


def take_back(city: City, incident: Incident, said: Place, before: Place) -> None:
    """A call that told a place was of another incident: where that still counts, it is undone."""
    if incident.place.position == said.position or incident.place.address == said.address:
        _move(city, incident, before, "the call that told the place was of another patient")


def improve(city: City, incident: Incident, place: Place, because: str) -> Incident:
    """Let an incident be at a place; its crews hear of it that have not met the patient.

    A place without a position changes no position, one without an address no address.
    """
    before = incident.place
    if not is_exact(place):
        place = replace(place, position=before.position, source=before.source)
    address = place.address if address_of(place, city.pack) is not None else before.address
    place = replace(place, address=address, district=before.district)
    return _move(city, incident, place, because)


def _move(city: City, incident: Incident, place: Place, because: str) -> Incident:
    before = incident.place
    if place == before:
        return incident
    city.put(replace(incident, place=place))
    link_proposals.lapse_contradicted(city, incident.incident_id)
    for run in incidents.active_assignments(city, incident):
        if run.place != before or incidents.has_left_with_patient(run):
            continue
        moved = replace(run, place=place)
        city.put(moved)
        if not run.met_patient:
            moved = orders.tell_amended(city, moved.assignment_id, because)
            handover.update(city, moved, because)
    return city.incidents[incident.incident_id]


def _said(city: City, incident: Incident, location: Location, source: str) -> Place:
    places.check(city, location)
    place = places.place_of(city, location, incident.place.district)
    return replace(place, source="unit") if source == "unit" and is_exact(place) else place
