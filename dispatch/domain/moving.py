"""What patients who are moved between institutions need: a decision, beds, vehicles, capabilities.

Source: domain, transfers and hospitals; kinds, beds by severity and needs come from the pack.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from dispatch.domain import places
from dispatch.domain.city import City, Rejected
from dispatch.policy.decision import Decision, Facts, decide
from dispatch.topics.codes import Destination
from dispatch.topics.transfers import (
    TransferBatchRequested,
    TransferPatient,
    TransferRequested,
)


def check(city: City, event: TransferRequested | TransferBatchRequested) -> None:
    """Refuse a request for what the city or the policy in force does not know.

    Raises:
        Rejected: its district, kind or one of its needs is unknown, nobody can be at its position.
    """
    places.check(city, event.location)
    if event.district not in city.districts:
        raise Rejected("district", f"{event.district} is not a district of this city")
    if event.kind not in city.pack.transfers.kinds:
        raise Rejected("kind", "is not a kind of transfer of the policy in force")
    check_needs(city, event.patients)


def check_needs(city: City, patients: Sequence[TransferPatient]) -> None:
    """Refuse a special need that the policy in force does not know.

    Raises:
        Rejected: naming the patient and the need.
    """
    for index, patient in enumerate(patients):
        for need in patient.needs:
            if need not in city.pack.needs.codes:
                known = ", ".join(city.pack.needs.codes)
                raise Rejected(f"patients.{index}.needs", f"{need} is not one of {known}")


def decide_for(city: City, kind: str, transfer_id: str, received_at: datetime) -> Decision:
    """Decide on stable patients of a kind, as for a request of their institution (R1, or its own).

    Crew, protection, destination and disinfection do not depend on how grave a patient is.
    """
    policy = city.pack.transfers.kinds[kind]
    facts = Facts(
        call_id=transfer_id,
        received_at=received_at,
        caller_kind="institution",
        can_admit_suspected=False,
        condition="stable",
        symptoms=policy.symptoms,
        case_status=policy.case_status,
        epidemiology={},
        transfer_kind=kind,
    )
    return decide(facts, city.pack, city.now)


def beds_for(city: City, decision: Decision, patient: TransferPatient) -> tuple[str, ...]:
    """Return the bed kinds that do for a patient, the best first."""
    assert decision.destination is not None, "a transfer is dispatched"
    return beds_at(city, decision.destination, patient)


def beds_at(city: City, destination: Destination, patient: TransferPatient) -> tuple[str, ...]:
    """Return the bed kinds that do for a patient at a destination: a case's by severity."""
    if destination == "designated_hospital":
        return city.pack.transfers.beds[patient.severity]
    return (city.pack.handover.rooms[destination],)


def vehicles_for(city: City, patients: Iterable[TransferPatient]) -> frozenset[str]:
    """Return the vehicle kinds that may carry all of these patients; none said means any.

    A need that the pack does not list, as of an earlier one or a capability, asks for none.
    """
    kinds: frozenset[str] | None = None
    for patient in patients:
        for need in patient.needs:
            known = city.pack.needs.codes.get(need)
            if known is not None and known.vehicles:
                may = frozenset(known.vehicles)
                kinds = may if kinds is None else kinds & may
    return kinds or frozenset()


def capabilities_for(city: City, patients: Iterable[TransferPatient]) -> frozenset[str]:
    """Return what a hospital must be able to do for all of these patients."""
    asked = frozenset(need for patient in patients for need in patient.needs)
    return frozenset(city.pack.capabilities_for(asked))
