"""Every input and every timer, and the one function that deals with it."""

from collections.abc import Callable
from typing import Any, Final

from dispatch.domain import (
    aftercare,
    at_the_door,
    batch_progress,
    batches,
    beds,
    calls,
    clocks,
    commission,
    departures,
    disinfection,
    dispatching,
    findings,
    handover,
    holds,
    hospitals,
    joining,
    known_cases,
    lifecycle,
    observations,
    offers,
    onward,
    orders,
    overriding,
    placements,
    positions,
    radio,
    reports,
    rerouting,
    setting_out,
    signing,
    supplies,
    timing,
    transfers,
    wearing,
)
from dispatch.domain.city import City, Rejected
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import change_unit
from dispatch.domain.model import Timer, Unit
from dispatch.topics.announcement import Reason
from dispatch.topics.calls import (
    Call,
    CallAnswered,
    CallCancelled,
    CallHeld,
    CallLinkConfirmed,
    CallLinkRefused,
    CallOverridden,
    CallResumed,
    CallUnlinked,
    SignatureWaived,
)
from dispatch.topics.city import CityModeSwitched
from dispatch.topics.commission import CrewInfected, ReportAcknowledged, SurveyCompleted
from dispatch.topics.fields import Content
from dispatch.topics.handovers import HospitalRejected
from dispatch.topics.hospitals import (
    BedFreed,
    DisinfectionCertifiedByHospital,
    FollowUpCompleted,
    HandoverAcknowledged,
    HandoverDiverted,
    HandoverSignedByHospital,
    HospitalReported,
    PatientFound,
    PatientLeft,
    ResultReported,
    SuppliesReported,
    TransferAccepted,
    TransferDiverted,
)
from dispatch.topics.incidents import CallRejected
from dispatch.topics.observations import ObservationsReported
from dispatch.topics.orders import UnitRejected
from dispatch.topics.placements import TransferRejected
from dispatch.topics.reports import CommissionRejected
from dispatch.topics.transfers import (
    TransferBatchAmended,
    TransferBatchCancelled,
    TransferBatchRequested,
    TransferCancelled,
    TransferRequested,
)
from dispatch.topics.units import (
    CaseFound,
    DisinfectionCertified,
    HandoverSignedByCrew,
    OrderAcknowledged,
    PatientDied,
    RunEnded,
    SceneReported,
    UnitReported,
    VehicleCleaned,
)


def _divert(city: City, event: HandoverDiverted) -> None:
    announced = handover.to_divert(city, event)
    if transfers.handover_diverted(city, announced, event):
        return
    because = f"diverted: {event.reason}"
    at_the_door.go_on(city, announced, because, status="diverted", refused=True)


def _report_hospital(city: City, event: HospitalReported) -> None:
    known = city.hospitals.get(event.hospital_id)
    hospitals.report_hospital(city, event)
    if known is not None:
        rerouting.tell_closed(city, city.hospitals[event.hospital_id], known.status)
    _hospital_news(city, event.hospital_id)


def _free_bed(city: City, event: BedFreed) -> None:
    beds.free(city, event)
    departures.bed_left(city, event)
    _hospital_news(city, event.hospital_id)


def _expire_reservation(city: City, reservation_id: str) -> None:
    reservation = beds.expire(city, reservation_id)
    if reservation is not None:
        transfers.reservation_expired(city, reservation)
        batches.bed_lost(city, reservation)
        _hospital_news(city, reservation.hospital_id)


def _hospital_news(city: City, hospital_id: str) -> None:
    transfers.hospital_news(city, hospital_id)
    batches.hospital_changed(city, hospital_id)
    dispatching.hospital_reported(city, hospital_id)


def _accept_offer(city: City, event: TransferAccepted) -> None:
    offer = offers.accept(city, event)
    if offer.owner in city.transfers:
        transfers.accepted(city, offer)
    else:
        batches.offer_settled(city, offer)


def _divert_offer(city: City, event: TransferDiverted) -> None:
    offer = offers.divert(city, event)
    if offer.owner in city.transfers:
        transfers.diverted(city, offer, event)
    else:
        batches.offer_settled(city, offer)


def _offer_unanswered(city: City, offer_id: str) -> None:
    offer = offers.expire(city, offer_id)
    if offer is None:
        return
    if offer.owner in city.transfers:
        transfers.unanswered(city, offer)
    else:
        batches.offer_settled(city, offer)


def _answer(city: City, event: CallAnswered) -> None:
    calls.answer(city, event)
    transfers.decided_anew(city, event.call_id)


def _override(city: City, event: CallOverridden) -> None:
    overriding.override(city, event)
    transfers.decided_anew(city, event.call_id, event.hospital_id)


def _find_case(city: City, event: CaseFound) -> None:
    findings.find_case(city, event)
    transfers.decided_anew(city, event.assignment_id.partition("/")[0])


def _find_patient(city: City, event: PatientFound) -> None:
    findings.find_patient(city, event)
    transfers.decided_anew(city, event.handover_id.partition("/")[0])


def _report_result(city: City, event: ResultReported) -> None:
    findings.report_result(city, event)
    transfers.decided_anew(city, event.handover_id.partition("/")[0])


def _screening_over(city: City, incident_id: str) -> None:
    dispatching.screening_expired(city, incident_id)
    transfers.decided_anew(city, incident_id)


def _sign_by_crew(city: City, event: HandoverSignedByCrew) -> None:
    signing.sign_by_crew(city, event)
    onward.transfer_onward(city, event.handover_id)


def _sign_by_hospital(city: City, event: HandoverSignedByHospital) -> None:
    signing.sign_by_hospital(city, event)
    onward.transfer_onward(city, event.handover_id)


def _waive_signature(city: City, event: SignatureWaived) -> None:
    onward.transfer_onward(city, signing.waive(city, event))


def _certify(city: City, event: DisinfectionCertified) -> None:
    if isinstance(event, DisinfectionCertifiedByHospital):
        disinfection.certify_by_hospital(city, event)
    else:
        disinfection.certify(city, event)
    dispatching.serve_queue(city, event.unit_id)


def _assume_set_out(city: City, unit_id: str) -> None:
    if setting_out.assume(city, unit_id):
        dispatching.serve_queue(city, unit_id)


_INPUTS: Final[dict[type[Content], Callable[[City, Any], None]]] = {
    CallAnswered: _answer,
    CallOverridden: _override,
    CallHeld: calls.hold,
    CallResumed: calls.resume,
    CallCancelled: calls.cancel,
    CallUnlinked: calls.unlink,
    CallLinkConfirmed: joining.confirm,
    CallLinkRefused: joining.refuse,
    SignatureWaived: _waive_signature,
    UnitReported: lifecycle.report_unit,
    OrderAcknowledged: lifecycle.acknowledge_order,
    RunEnded: lifecycle.end_run,
    CaseFound: _find_case,
    SceneReported: lifecycle.report_scene,
    PatientDied: lifecycle.record_death,
    HandoverSignedByCrew: _sign_by_crew,
    DisinfectionCertified: _certify,
    VehicleCleaned: disinfection.record_cleaning,
    ObservationsReported: observations.report,
    HospitalReported: _report_hospital,
    BedFreed: _free_bed,
    SuppliesReported: supplies.report_supplies,
    HandoverAcknowledged: handover.acknowledge,
    HandoverDiverted: _divert,
    HandoverSignedByHospital: _sign_by_hospital,
    TransferAccepted: _accept_offer,
    TransferDiverted: _divert_offer,
    TransferCancelled: transfers.cancel,
    TransferBatchAmended: batches.amend,
    TransferBatchCancelled: batches.cancel,
    PatientFound: _find_patient,
    PatientLeft: departures.leave,
    ResultReported: _report_result,
    FollowUpCompleted: aftercare.complete_follow_up,
    DisinfectionCertifiedByHospital: _certify,
    ReportAcknowledged: commission.acknowledge,
    SurveyCompleted: commission.record_survey,
    CrewInfected: commission.record_infection,
    CityModeSwitched: lifecycle.switch_mode,
}

_TIMERS: Final[dict[str, Callable[[City, str], None]]] = {
    "screening": _screening_over,
    "transfer_wait": dispatching.transfer_wait_over,
    "queue": dispatching.still_waiting,
    holds.OVER: calls.hold_over,
    holds.REMINDER: holds.remind,
    radio.TIMER: dispatching.order_unanswered,
    clocks.TIMER: clocks.run_out,
    reports.TIMER: reports.resend,
    known_cases.TIMER: known_cases.forget,
    "hospital_search": dispatching.search_hospital,
    "handover_remind": handover.remind,
    "handover_next": dispatching.handover_given_up,
    "handover_unanswered": handover.unanswered,
    "handover_signatures": signing.unsigned,
    wearing.TIMER: wearing.time_is_up,
    setting_out.TIMER: _assume_set_out,
    "disinfection": disinfection.overdue,
    "reservation": _expire_reservation,
    offers.TIMER: _offer_unanswered,
    placements.SEARCH: transfers.search,
    batch_progress.TIMER: batches.advance,
    batch_progress.SEARCH: batches.search,
    batch_progress.DUE: batches.overdue,
}


# A certificate of disinfection may come from the centre.
_OF_CREWS: Final = (
    UnitReported,
    OrderAcknowledged,
    RunEnded,
    CaseFound,
    SceneReported,
    PatientDied,
    HandoverSignedByCrew,
    VehicleCleaned,
    ObservationsReported,
)


def handle(city: City, event: Content, digest: str) -> None:
    """Deal with one input; `digest` identifies its content.

    Raises:
        Early: it does not follow from what is known, and may once more is read.
        Unknown: it refers to something of which nobody has heard.
        Crossed: it crossed with something else, and has no effect any more.
        Rejected: it must not take effect, or is from the future.
        Duplicate: it says what is known, or was so before.
    """
    if isinstance(event, _OF_CREWS):
        radio.note_heard(city, event.unit_id)
        positions.note_clock(city, event.unit_id, event.at)
    elif not isinstance(event, DisinfectionCertified):
        _refuse_the_future(city, event)
    if isinstance(event, Call):
        calls.receive(city, event, digest)
        _see_to_units(city)
        return
    event = timing.set_back(event, city.now)
    if isinstance(event, TransferRequested):
        transfers.request(city, event, digest)
    elif isinstance(event, TransferBatchRequested):
        batches.request(city, event, digest)
    else:
        _INPUTS[type(event)](city, event)
    _see_to_units(city)


def take_out(city: City, unit_id: str, explanation: str) -> None:
    """Take a unit out of service of which memory and database say different things; escalate."""
    unit = city.units[unit_id]
    if unit.assignment_id is None and unit.job_id is None:
        change_unit(city, unit, status="out_of_service", reason=explanation)
    escalate(city, "unit_inconsistent", None, unit_id, explanation)
    _see_to_units(city)


def _see_to_units(city: City) -> None:
    """Whatever has changed a unit (an input, a timer, another unit): it may be nearer to a patient.

    Its crew hears what is new of its run, and its batches hear of it.
    """
    dispatching.relieve(city)
    orders.tell_crews(city)
    if city.batches:
        for unit_id in city.changed(Unit):
            batches.unit_changed(city, unit_id)


def _refuse_the_future(city: City, event: Content) -> None:
    """Refuse an event that says it happened further ahead than the pack tolerates.

    No crew's: the clock is a device's, and what the crew does counts, as of now.
    """
    latest = city.now + timing.tolerance(city.pack)
    for name in timing.times(type(event)):
        happened_at = getattr(event, name)
        if happened_at is not None and happened_at > latest:
            tolerance = city.pack.events.future_tolerance_seconds
            raise Rejected(name, f"is more than {tolerance} s in the future")


def fire(city: City, timer: Timer) -> None:
    """Deal with a timer that is due; one whose subject has moved on does nothing."""
    _TIMERS[timer.kind](city, timer.subject)
    _see_to_units(city)


def answer_rejected(
    city: City,
    *,
    event_type: str,
    sender: dict[str, str],
    rejected: list[Reason],
    event: Content | None,
    institution_id: str | None = None,
) -> None:
    """Tell the sender of a refused input, where it is known, on the topic that it reads.

    `institution_id` is that which an input about a transfer names.
    """
    if "call_id" in sender:
        call_id = sender["call_id"]
        city.emit(
            CallRejected(call_id=call_id, at=city.now, refused=event_type, reasons=rejected),
            key=call_id,
        )
    elif "unit_id" in sender:
        unit_id = sender["unit_id"]
        city.emit(
            UnitRejected(unit_id=unit_id, at=city.now, refused=event_type, reasons=rejected),
            key=unit_id,
        )
    elif "hospital_id" in sender:
        hospital_id = sender["hospital_id"]
        # One that the city doesn't know has no topic of its own: there is but the dead letter.
        if hospital_id in city.hospitals:
            city.emit(
                HospitalRejected(
                    hospital_id=hospital_id, at=city.now, refused=event_type, reasons=rejected
                ),
                key=hospital_id,
            )
    elif "incident_id" in sender:
        incident_id = sender["incident_id"]
        city.emit(
            CommissionRejected(
                incident_id=incident_id, at=city.now, refused=event_type, reasons=rejected
            ),
            key=incident_id,
        )
    elif sender:
        (transfer_id,) = sender.values()
        city.emit(
            TransferRejected(
                transfer_id=transfer_id,
                at=city.now,
                refused=event_type,
                reasons=rejected,
                institution_id=institution_id or _institution_of(city, transfer_id),
            ),
            key=transfer_id,
        )
    if isinstance(event, DisinfectionCertified) and disinfection.concerns_its_job(city, event):
        disinfection.answer_refused(city, event, rejected)


def _institution_of(city: City, transfer_id: str) -> str | None:
    known = city.transfers.get(transfer_id) or city.batches.get(transfer_id)
    return None if known is None else known.institution_id
