"""Onward transfer: a case at a hospital that may not keep it is moved on (120 plan §4)."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid5

from dispatch.domain import choosing, hospitals, symptoms, transfers
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.model import HANDED_OVER, Handover, Hospital, Incident, Transfer
from dispatch.topics.calls import Call, Caller, Epidemiology, Location
from dispatch.topics.transfers import TransferPatient

_NAMESPACE: Final = UUID("2c8a6e0e-3b52-5d0b-8d0a-9a7f6b1c4e5d")


def transfer_onward(city: City, handover_id: str) -> None:
    """Request the transfer of a found case to the designated hospital, once, after the handover.

    The receiving hospital asks, as an institution that cannot admit the case (R1). Nothing is to be
    done for a patient without a finding or at a hospital that is for cases; a critical case known
    before was taken to the emergency buffer on purpose (R3): its hospital asks when it is time.
    A patient who is no longer there is not fetched, but somebody must know.
    """
    handover = city.handovers[handover_id]
    hospital = city.hospitals[handover.hospital_id]
    assignment = city.assignments[handover.assignment_id]
    if handover.status not in HANDED_OVER or handover.transfer_call_id is not None:
        return
    if not assignment.case_found or hospital.service == "cases":
        return
    incident = city.incidents[handover.incident_id]
    if handover.left_at is not None or handover.freed_at is not None:
        escalate(
            city,
            "patient_left",
            incident.incident_id,
            handover_id,
            f"a {incident.case_status} case was found in a patient who is no longer at"
            f" {hospital.hospital_id}",
        )
        return
    if not any(hospitals.may_be_for_cases(each) for each in city.hospitals.values()):
        escalate(
            city,
            "no_designated_hospital",
            incident.incident_id,
            handover_id,
            f"the case stays at {hospital.hospital_id}: the city has no hospital for cases",
        )
        return
    call = _call(city, handover, hospital, incident)
    transfer = Transfer(
        transfer_id=call.call_id,
        institution_id=hospital.hospital_id,
        requested_at=city.now,
        kind=city.pack.transfers.kind_of_case(incident.case_status),
        patients=(_patient(call, choosing.needs_of(city, incident)),),
        handover_id=handover_id,
    )
    city.put(replace(handover, transfer_call_id=call.call_id))
    because = f"onward transfer of the case of {handover.incident_id}"
    transfers.open_transfer(city, transfer, call, because)
    transfers.arrange(city, transfer.transfer_id, because)


def onward_id(handover_id: str) -> str:
    """Return the id of the onward transfer of the patient of a handover."""
    return f"transfer-{uuid5(_NAMESPACE, handover_id)}"


def _call(city: City, handover: Handover, hospital: Hospital, incident: Incident) -> Call:
    opening = city.calls[incident.incident_id].content
    return opening.model_copy(
        update={
            "call_id": onward_id(handover.handover_id),
            "received_at": city.now,
            "district": hospital.district,
            "caller": Caller(
                kind="institution",
                institution_id=hospital.hospital_id,
                can_admit_suspected=False,
                name=hospital.name,
            ),
            "patient": opening.patient.model_copy(
                update={
                    "condition": incident.condition,
                    "symptoms": tuple(symptoms.told(city, incident)),
                    "case_status": incident.case_status,
                    "epidemiology": None,
                }
            ),
            "epidemiology": Epidemiology.model_validate(incident.epidemiology),
            "location": Location(
                latitude=hospital.position.latitude, longitude=hospital.position.longitude
            ),
            "patient_count": 1,
            "destination_wish": None,
        }
    )


def _patient(call: Call, needs: tuple[str, ...]) -> TransferPatient:
    """Return the patient as far as known: how grave is told from the condition alone."""
    known = call.patient
    body: dict[str, Any] = {
        "patient_id": call.call_id,
        # An unknown condition counts as critical (domain, the decision).
        "severity": "ordinary" if known.condition == "stable" else "critical",
        "mobility": "walking" if call.stretcher is False else "stretcher",
        "symptoms": known.symptoms,
        "name": known.name,
        "sex": known.sex,
        "age": known.age,
        "id_number": known.id_number,
        "needs": needs,
    }
    return TransferPatient(**{name: value for name, value in body.items() if value is not None})
