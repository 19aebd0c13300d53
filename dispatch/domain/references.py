"""What inputs refer to by an id: found, or not heard of yet."""

from dispatch.domain.city import City, Rejected, Unknown
from dispatch.domain.model import Assignment, CallRecord, Handover, Incident


def call_of(city: City, call_id: str) -> CallRecord:
    """Return a call.

    Raises:
        Unknown: it has not come.
    """
    record = city.calls.get(call_id)
    if record is None:
        raise Unknown("call_id", "its call has never come")
    return record


def incident_of(city: City, incident_id: str) -> Incident:
    """Return an incident.

    Raises:
        Unknown: it has not come.
    """
    incident = city.incidents.get(incident_id)
    if incident is None:
        raise Unknown("incident_id", "is not an incident of this centre")
    return incident


def assignment_of(city: City, unit_id: str, assignment_id: str) -> Assignment:
    """Return a run of a unit, whether it goes on or has ended.

    Raises:
        Unknown: no such run has been ordered.
        Rejected: the unit is none of the city, or the run is another unit's.
    """
    if unit_id not in city.units:
        raise Rejected("unit_id", "is not a unit of this city")
    assignment = city.assignments.get(assignment_id)
    if assignment is None:
        raise Unknown("assignment_id", "is not an assignment of this unit")
    if assignment.unit_id != unit_id:
        raise Rejected("assignment_id", "is not an assignment of this unit")
    if assignment.continued_as is not None:
        return city.assignments[assignment.continued_as]
    return assignment


def handover_of(city: City, handover_id: str, hospital_id: str | None = None) -> Handover:
    """Return a handover, of a hospital where one is named.

    Raises:
        Unknown: it has not been announced.
        Rejected: it was announced to another hospital.
    """
    handover = city.handovers.get(handover_id)
    if handover is None:
        raise Unknown("handover_id", "is not a handover of this centre")
    if hospital_id not in (None, handover.hospital_id):
        raise Rejected("handover_id", "was announced to another hospital")
    return handover
