"""Transfers between institutions: asked for, arranged with a hospital, then ordered (120 plan §5).

A transfer is an incident too, under the same id. While it is being arranged its incident waits for
a hospital's word; an accepted one is served like any other, and its handover takes the beds kept.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

from dispatch.domain import (
    batch_progress,
    calls,
    clocks,
    dispatching,
    handover,
    holds,
    hospitals,
    incidents,
    moving,
    offers,
    orders,
    placements,
)
from dispatch.domain.allocation import PLANNED_TRIP, Choice
from dispatch.domain.city import City, Duplicate, Rejected, Unknown
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import fleet_of
from dispatch.domain.model import (
    Batch,
    Handover,
    Hospital,
    Incident,
    Offer,
    PlannedTrip,
    Reservation,
    Transfer,
)
from dispatch.domain.reports import report_case, report_crossing
from dispatch.domain.reserved_ids import is_reserved
from dispatch.domain.roster import stands_in, where
from dispatch.topics.calls import Call, CallCancelled, Caller, Location, Patient
from dispatch.topics.hospitals import HandoverDiverted, TransferDiverted
from dispatch.topics.incidents import IncidentResumed
from dispatch.topics.transfers import TransferCancelled, TransferPatient, TransferRequested

_GRAVITY: Final = {"critical": 0, "unknown": 1, "stable": 2}
_MOST_SYMPTOMS: Final = 500


def request(city: City, event: TransferRequested, digest: str) -> None:
    """Accept an institution's request, decide on it, and ask the first hospital.

    Raises:
        Duplicate: this very request has been accepted already.
        Rejected: its id is taken, its district, kind, hospital or one of its needs is unknown.
    """
    known = city.calls.get(event.transfer_id)
    if known is not None and known.digest == digest:
        raise Duplicate
    if known is not None or event.transfer_id in city.batches:
        raise Rejected("transfer_id", "is taken by a call, transfer or batch with another content")
    if batch_progress.batch_of(event.transfer_id) in city.batches:
        raise Rejected("transfer_id", "is taken by a trip of a batch")
    if is_reserved(event.transfer_id):
        raise Rejected("transfer_id", "is one that the service gives itself")
    moving.check(city, event)
    if event.hospital_id is not None and event.hospital_id not in city.hospitals:
        raise Rejected("hospital_id", "is not a hospital of this city")
    transfer = Transfer(
        transfer_id=event.transfer_id,
        institution_id=event.institution_id,
        requested_at=event.at,
        kind=event.kind,
        patients=event.patients,
        wanted_hospital=event.hospital_id,
    )
    because = "the transfer was requested"
    open_transfer(city, transfer, call_for(city, event), because, digest=digest)
    incident = city.incidents[event.transfer_id]
    if incident.case_status != "none":
        report_case(city, incident, found_by="call", found_at=event.at, before="none")
    arrange(city, event.transfer_id, because)


def open_transfer(
    city: City, transfer: Transfer, call: Call, because: str, *, digest: str = ""
) -> None:
    """Open a transfer as it stands, and its incident, and decide on it; nobody is ordered yet."""
    placements.progress(city, transfer, transfer.status, because)
    calls.open_incident(city, call, digest)
    incident = city.incidents[transfer.transfer_id]
    city.put(replace(incident, status="arranging", transfer_kind=transfer.kind))
    dispatching.decide_incident(city, transfer.transfer_id, because)


def cancel(city: City, event: TransferCancelled) -> None:
    """The institution takes its request back; whoever was asked or is on the way is told.

    Raises:
        Unknown: the request has not come yet.
        Rejected: the transfer has ended, or a crew has met a patient.
    """
    transfer = city.transfers.get(event.transfer_id)
    if transfer is None:
        if event.transfer_id in city.calls:
            raise Rejected("transfer_id", "is a call, not a transfer")
        raise Unknown("transfer_id", "its request has never come")
    if transfer.ended_at is not None:
        raise Rejected("transfer_id", f"is {transfer.status}")
    incident = city.incidents[event.transfer_id]
    if any(run.met_patient for run in incidents.active_assignments(city, incident)):
        raise Rejected("transfer_id", "cannot be cancelled: the crew has met the patient")
    calls.cancel(
        city,
        CallCancelled(call_id=event.transfer_id, at=event.at, by=event.by, reason=event.reason),
    )


def arrange(city: City, transfer_id: str, because: str) -> None:
    """Ask the next hospital for beds for the patients who are still to be carried.

    Where none has room the transfer is unplaced: escalated, and looked at again by time and
    whenever a hospital has news.
    """
    transfer, incident = city.transfers[transfer_id], city.incidents[transfer_id]
    decision = incident.decision
    if incident.status != "arranging" or decision is None or decision["action"] != "dispatch":
        return
    city.cancel_timer(placements.SEARCH, transfer_id)
    chosen = _choose(city, transfer)
    transfer = replace(
        transfer, destination=decision["destination"], hospital_id=None, offer_id=None
    )
    city.put(transfer)
    if chosen.hospital is None:
        _leave_unplaced(city, transfer, chosen.passed_over, because)
        return
    if transfer.wanted_hospital not in (None, chosen.hospital.hospital_id):
        because = f"{because}; {transfer.wanted_hospital} cannot take them"
    offer = offers.make(
        city, transfer_id, chosen.hospital, _wanted(city, transfer), ppe=decision["ppe"]
    )
    assert offer is not None, "a hospital is chosen only where it has a bed for every patient"
    placements.progress(
        city,
        transfer,
        "offered",
        because,
        hospital_id=offer.hospital_id,
        offer_id=offer.offer_id,
    )


def accepted(city: City, offer: Offer) -> None:
    """A hospital has accepted: a crossing of districts is reported, the crews are ordered."""
    because = f"{offer.hospital_id} has accepted"
    transfer = placements.progress(city, city.transfers[offer.owner], "accepted", because)
    _report_crossing(city, transfer.transfer_id)
    _start(city, transfer.transfer_id, because)


def _report_crossing(city: City, transfer_id: str) -> None:
    """Report a transfer across districts, by the district to the city (domain, transfers)."""
    transfer = city.transfers[transfer_id]
    assert transfer.hospital_id is not None, "reported once a hospital has accepted"
    report_crossing(
        city,
        transfer,
        hospital_id=transfer.hospital_id,
        from_district=city.incidents[transfer_id].place.district,
        to_district=city.hospitals[transfer.hospital_id].district,
    )


def _start(city: City, transfer_id: str, because: str) -> None:
    """Order the crews of a transfer that a hospital has accepted."""
    incident = city.incidents[transfer_id]
    city.put(
        replace(
            incident,
            status="waiting",
            waiting_for=None,
            waiting_since=None,
            wanted_hospital=city.transfers[transfer_id].hospital_id,
        )
    )
    clocks.start(city, "accepted_to_order", owner=transfer_id, district=incident.place.district)
    dispatching.serve(city, transfer_id, because)


def start_trip(
    city: City,
    batch: Batch,
    trip: PlannedTrip,
    patients: tuple[TransferPatient, ...],
    offer_id: str | None,
) -> None:
    """Open a trip of a batch's plan as a transfer that is accepted, and order the unit planned."""
    because = f"trip {trip.number} of {batch.batch_id}"
    transfer_id = batch_progress.trip_id(batch.batch_id, trip.number)
    while transfer_id in city.calls:
        # From before such ids were refused.
        transfer_id = f"{transfer_id}:2"
    location: dict[str, Any] = {} if batch.address is None else {"address": batch.address}
    # With an address alone, the district's centre stood in for the position.
    if not location or batch.position != city.districts[batch.district].centre:
        location |= asdict(batch.position)
    event = TransferRequested(
        transfer_id=transfer_id,
        at=city.now,
        institution_id=batch.institution_id,
        district=batch.district,
        location=Location.model_validate(location),
        kind=batch.kind,
        patients=patients,
        by="centre",
    ).model_copy(update={"contact": batch.contact})
    transfer = Transfer(
        transfer_id=event.transfer_id,
        institution_id=batch.institution_id,
        requested_at=batch.requested_at,
        kind=batch.kind,
        patients=patients,
        status="accepted",
        hospital_id=trip.hospital_id,
        offer_id=offer_id,
        batch_id=batch.batch_id,
        trip=trip.number,
    )
    open_transfer(city, transfer, call_for(city, event), because)
    incident = city.incidents[transfer.transfer_id]
    assert incident.decision is not None, "a transfer is decided on when it is opened"
    city.put(replace(transfer, destination=incident.decision["destination"]))
    _report_crossing(city, transfer.transfer_id)
    unit, fleet = city.units[trip.unit_id], fleet_of(city)
    origin, _ = where(unit, city.now, fleet.policy.position_fresh_seconds)
    seconds = fleet.travel.seconds(origin, incident.place.position)
    incident = replace(incident, status="waiting", wanted_hospital=trip.hospital_id)
    city.put(incident)
    why = (PLANNED_TRIP, *stands_in(unit, city.now, fleet.policy.position_fresh_seconds))
    dispatching.order_chosen(city, incident, Choice(unit, seconds, why, {}), because)


def diverted(city: City, offer: Offer, event: TransferDiverted) -> None:
    """A hospital cannot take the patients: the one that it proposes is asked, else the next."""
    because = f"{offer.hospital_id} diverted: {event.reason}"
    _refused_by(city, offer.owner, offer.hospital_id)
    placements.progress(
        city, city.transfers[offer.owner], "diverted", because, wanted_hospital=event.proposal
    )
    arrange(city, offer.owner, because)


def unanswered(city: City, offer: Offer) -> None:
    """A hospital has not answered in time: the next one is asked."""
    _refused_by(city, offer.owner, offer.hospital_id)
    arrange(city, offer.owner, f"{offer.hospital_id} has not answered in time")


def search(city: City, transfer_id: str) -> None:
    """No hospital had room: look again, at those too that have diverted or not answered."""
    transfer = city.transfers.get(transfer_id)
    if transfer is None or transfer.status != "unplaced":
        return
    city.put(replace(transfer, refused_hospitals=()))
    arrange(city, transfer_id, "looked for again")


def hospital_news(city: City, hospital_id: str) -> None:
    """A hospital has reported: whoever waits for a bed asks one with room.

    One that has closed, or is for others now, is left: cases and ordinary patients never share one.
    """
    hospital = city.hospitals[hospital_id]
    for transfer in _in_order(city):
        if transfer.hospital_id == hospital_id:
            if hospital.status == "closed":
                arrange_anew(city, transfer.transfer_id, f"{hospital_id} has closed")
            elif not _still_for(transfer, hospital):
                arrange_anew(city, transfer.transfer_id, f"{hospital_id} is for others now")
        elif hospital.status != "closed" and transfer.status == "unplaced":
            _ask_again(city, transfer, hospital_id)
            if _choose(city, city.transfers[transfer.transfer_id]).hospital is not None:
                arrange(city, transfer.transfer_id, f"{hospital_id} has room")


def arrange_anew(city: City, transfer_id: str, because: str) -> None:
    """Ask another hospital for the patients whom no crew has met; crews on their way turn back.

    Patients whom a crew has met go on: their handover moves to the next hospital by itself.
    """
    transfer, incident = city.transfers[transfer_id], city.incidents[transfer_id]
    free = []
    for run in incidents.active_assignments(city, incident):
        if not run.met_patient:
            orders.withdraw(city, run, outcome="rearranged", reason=because)
            free.append(run.unit_id)
    placements.let_go(city, transfer, because)
    incident = placements.agreed_no_more(city, city.incidents[transfer_id])
    if placements.left_to_carry(city, incident):
        _stop_waiting(city, incident, because)
        if transfer.hospital_id is not None:
            _refused_by(city, transfer_id, transfer.hospital_id)
        arrange(city, transfer_id, because)
    else:
        city.put(incident)
    for unit_id in free:
        dispatching.serve_queue(city, unit_id)


def handover_diverted(city: City, announced: Handover, event: HandoverDiverted) -> bool:
    """A hospital that had accepted diverts after all; return whether it is arranged anew.

    It is not for a patient on board, who goes to the next hospital at once.
    """
    transfer = city.transfers.get(announced.incident_id)
    run = city.assignments[announced.assignment_id]
    if transfer is None or run.met_patient:
        return False
    because = f"{announced.hospital_id} diverted: {event.reason}"
    handover.withdraw(city, run, because, status="diverted")
    arrange_anew(city, transfer.transfer_id, because)
    return True


def reservation_expired(city: City, reservation: Reservation) -> None:
    """The bed of a patient whom nobody has fetched in time was let go: it is arranged anew."""
    transfer = city.transfers.get(reservation.owner)
    if transfer is None or reservation.status != "confirmed" or transfer.ended_at is not None:
        return
    arrange_anew(city, transfer.transfer_id, "the bed was not kept any longer")


def decided_anew(city: City, transfer_id: str, wish: str | None = None) -> None:
    """More is known of a transfer, or a dispatcher wishes another hospital: ask again if needed."""
    transfer = city.transfers.get(transfer_id)
    if transfer is None or transfer.ended_at is not None:
        return
    incident = city.incidents[transfer_id]
    arranging = incident.status == "arranging"
    if wish is not None and wish != transfer.hospital_id:
        _ask_again(city, transfer, wish)
        transfer = replace(city.transfers[transfer_id], wanted_hospital=wish)
        city.put(transfer)
        because = f"the dispatcher wishes {wish}"
        if not arranging:
            placements.progress(
                city, transfer, "accepted", because, hospital_id=wish, offer_id=None
            )
            return
        arrange_anew(city, transfer_id, because)
    elif incident.decision is not None and incident.decision["destination"] not in (
        None,
        transfer.destination,
    ):
        city.put(replace(transfer, destination=incident.decision["destination"]))
        arrange_anew(city, transfer_id, "more is known of the patient")


def call_for(city: City, event: TransferRequested) -> Call:
    """Return a request as the call that opens its incident: an institution that cannot admit."""
    kind = city.pack.transfers.kinds[event.kind]
    patients = event.patients
    symptoms = [*kind.symptoms, *(code for each in patients for code in each.symptoms or ())]
    critical = any(each.severity == "critical" for each in patients)
    known: dict[str, Any] = {
        "condition": "critical" if critical else "stable",
        "symptoms": tuple(dict.fromkeys(symptoms))[:_MOST_SYMPTOMS],
        "case_status": kind.case_status,
    }
    if len(patients) == 1:
        known |= {name: getattr(patients[0], name) for name in ("name", "sex", "age", "id_number")}
    needs = dict.fromkeys(need for each in patients for need in each.needs)
    body: dict[str, Any] = {
        "call_id": event.transfer_id,
        "received_at": event.at,
        "district": event.district,
        "caller": Caller(
            kind="institution", institution_id=event.institution_id, can_admit_suspected=False
        ),
        "patient": Patient.model_validate(
            {name: value for name, value in known.items() if value is not None}
        ),
        "location": event.location,
        "epidemiology": event.epidemiology,
        "chief_complaint": event.complaint,
        "patient_count": len(patients),
        "stretcher": any(each.mobility == "stretcher" for each in patients),
        "special_needs": ", ".join(needs) or None,
        "contact": event.contact,
    }
    return Call.model_validate({name: value for name, value in body.items() if value is not None})


def _choose(city: City, transfer: Transfer) -> hospitals.PatientsChoice:
    incident = city.incidents[transfer.transfer_id]
    assert incident.decision is not None, "a transfer is decided on when it is opened"
    choose = partial(
        hospitals.choose_for_patients,
        city,
        incident.decision["destination"],
        _wanted(city, transfer),
        origin=incidents.next_place(incident).position,
        district=incident.place.district,
        # Nobody is moved to where they are.
        refused=(*transfer.refused_hospitals, transfer.institution_id),
        proposed=transfer.wanted_hospital,
    )
    needed = moving.capabilities_for(city, placements.left_to_carry(city, incident))
    chosen = choose(capabilities=needed)
    if chosen.hospital is None and needed and transfer.handover_id is not None:
        # A case that was found stays in no ordinary hospital; what is lacking is escalated.
        return choose()
    return chosen


def _wanted(city: City, transfer: Transfer) -> dict[str, tuple[str, ...]]:
    incident = city.incidents[transfer.transfer_id]
    assert incident.decision is not None, "a transfer is decided on when it is opened"
    patients = placements.left_to_carry(city, incident)
    return placements.wanted(city, patients, incident.decision["destination"])


def _leave_unplaced(
    city: City, transfer: Transfer, passed_over: Mapping[str, int], because: str
) -> None:
    """No hospital has room: tell the institution once, escalate, and look again in time."""
    if transfer.status != "unplaced":
        placements.progress(city, transfer, "unplaced", because)
    why = ", ".join(
        f"{number} {reason.replace('_', ' ')}" for reason, number in passed_over.items()
    )
    escalate(
        city,
        "transfer_unplaced",
        transfer.transfer_id,
        transfer.transfer_id,
        f"no hospital can take {len(transfer.patients)} {transfer.kind} ({why})",
    )
    again = city.in_seconds(city.pack.transfers.search_seconds)
    city.set_timer(placements.SEARCH, transfer.transfer_id, again)


def _stop_waiting(city: City, incident: Incident, because: str) -> None:
    """Take the incident of a transfer back from the queue, or from being held."""
    for kind in ("queue", "transfer_wait", *holds.TIMERS):
        city.cancel_timer(kind, incident.incident_id)
    clocks.stop(city, "accepted_to_order", incident.incident_id, None, because)
    if incident.status == "held":
        city.emit(
            IncidentResumed(
                incident_id=incident.incident_id, at=city.now, by="centre", reason=because
            ),
            key=incident.incident_id,
        )
    city.put(
        replace(
            incident,
            status="arranging",
            waiting_for=None,
            waiting_since=None,
            held_until=None,
        )
    )


def _refused_by(city: City, transfer_id: str, hospital_id: str) -> None:
    """Note that a hospital is not to be asked again."""
    transfer = city.transfers[transfer_id]
    city.put(replace(transfer, refused_hospitals=(*transfer.refused_hospitals, hospital_id)))


def _ask_again(city: City, transfer: Transfer, hospital_id: str) -> None:
    """Let a hospital be asked again that has refused before."""
    refused = tuple(each for each in transfer.refused_hospitals if each != hospital_id)
    city.put(replace(transfer, refused_hospitals=refused))


def _still_for(transfer: Transfer, hospital: Hospital) -> bool:
    """Return whether a hospital fits as when it was asked; the dispatcher's word stands anyway."""
    if transfer.offer_id is None or transfer.destination is None:
        return True
    return hospitals.takes(hospital, transfer.destination)


def _in_order(city: City) -> list[Transfer]:
    """Return the transfers under way, the gravest first, then the oldest."""
    under_way = [each for each in city.transfers.values() if each.ended_at is None]

    def place(transfer: Transfer) -> tuple[int, object, str]:
        condition = city.incidents[transfer.transfer_id].condition
        return (_GRAVITY[condition], transfer.requested_at, transfer.transfer_id)

    return sorted(under_way, key=place)
