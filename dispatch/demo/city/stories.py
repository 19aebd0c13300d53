"""What has to have happened in the demo's day, told from the event history alone.

A story is a pure function of the history; one that did not happen fails the demo. Its two texts
are `demo.story.<name>` in the catalogue.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from dispatch.demo.chronicle import Chronicle, Told
from dispatch.domain.offers import NO_ANSWER
from dispatch.domain.radio import NOT_ACKNOWLEDGED
from dispatch.domain.roster import DISPATCHABLE

Story = Callable[[Chronicle], bool]
AT_ONCE: Final = 3  # orders: not of a crew alone

# What a refused input is refused for, by kind: the field and a part of the reason.
BAD_INPUTS: Final[Mapping[str, tuple[str, str]]] = {
    "not_json": ("body", "is not JSON"),
    "wrong_type": ("symptoms", "must be a list"),
    "no_place": ("location", ""),
    "unknown_district": ("district", "is not a district of this city"),
    "unknown_unit": ("unit_id", "is not a unit of this city"),
    "unknown_hospital": ("hospital_id", "is not a hospital of this city"),
    "out_of_range": ("position.latitude", "must be at most 90"),
    "far_future": ("answered_at", "in the future"),
    "too_long": ("body", "is longer than"),
    "nul": ("by", "U+0000"),
    "lone_surrogate": ("by", "lone surrogate"),
    "same_id_other_content": ("call_id", "is taken by a call with another content"),
    "same_event_id_other_content": ("ce_id", "is taken by an event with another content"),
    "not_a_cloudevent": ("ce_specversion", "is missing"),
    "illegal_transition": ("status", "cannot be followed by"),
    "withdrawn_handover": ("handover_id", "is diverted"),
    "other_vehicle": ("unit_id", "the job is for another vehicle"),
    "call_never_came": ("call_id", "its call has never come"),
}


def bad_inputs(chronicle: Chronicle) -> dict[str, int]:
    """Return how many inputs were dead-lettered for each kind of fault."""
    reasons = [
        (reason["field"], reason["reason"])
        for letter in chronicle.of("input.rejected")
        for reason in letter["reasons"]
    ]
    return {
        kind: sum(where == field and part in reason for where, reason in reasons)
        for kind, (field, part) in BAD_INPUTS.items()
    }


def late_answer_swapped(chronicle: Chronicle) -> bool:
    """A crew went unscreened (R5T); the answer then swapped it for a transfer crew."""
    for released in chronicle.of("incident.released", outcome="swapped"):
        incident = released["incident_id"]
        swap = chronicle.of("incident.assigned", incident_id=incident, crew="transfer")
        if chronicle.has(
            "incident.assigned", incident_id=incident, rule="R5T", crew="regular"
        ) and any(
            assigned.cause == released.cause and assigned["because"] == "an answer came in"
            for assigned in swap
        ):
            return True
    return False


def repeat_linked(chronicle: Chronicle) -> bool:
    """A repeat call was linked, stayed so and was not dispatched again."""
    return any(
        not chronicle.has("link.undone", call_id=linked["call_id"])
        and not chronicle.has("incident.assigned", incident_id=linked["call_id"])
        for linked in chronicle.of("call.linked")
    )


def wrong_link_undone(chronicle: Chronicle) -> bool:
    """A call that was linked wrongly was unlinked and got a unit of its own."""
    return any(
        chronicle.has("call.linked", call_id=unlinked["call_id"])
        and chronicle.has("incident.assigned", incident_id=unlinked["call_id"])
        for unlinked in chronicle.of("link.undone")
    )


def unit_overridden(chronicle: Chronicle) -> bool:
    """A dispatcher chose another unit, which was ordered."""
    return any(
        any(order.cause == word.cause for order in chronicle.of("order.issued", unit_id=unit))
        for word in chronicle.of("incident.overridden")
        if (unit := word["unit_id"]) is not None
    )


def hospital_overridden(chronicle: Chronicle) -> bool:
    """A dispatcher chose another hospital, which was told."""
    return any(
        any(
            told.cause == word.cause
            for told in chronicle.of("handover.announced", hospital_id=hospital)
        )
        for word in chronicle.of("incident.overridden")
        if (hospital := word["hospital_id"]) is not None
    )


def undisinfected_not_forced(chronicle: Chronicle) -> bool:
    """A dispatcher tried to force a unit that was being disinfected, and could not."""
    return any(
        "not disinfected" in reason["reason"]
        for rejected in chronicle.of("call.rejected", refused="call.overridden")
        for reason in rejected["reasons"]
    )


def broke_down(chronicle: Chronicle) -> bool:
    """A unit broke down on its way; another one took the run over and ended it."""
    return any(
        chronicle.has(
            "incident.progressed", assignment_id=released["assignment_id"], status="rolling"
        )
        and _another_went(chronicle, released)
        for released in chronicle.of("incident.released", outcome="aborted")
    )


def order_unanswered(chronicle: Chronicle) -> bool:
    """A crew did not acknowledge its order in time; the next one went."""
    return any(
        _another_went(chronicle, released)
        for released in chronicle.of("incident.released", outcome="unanswered")
    )


def run_refused(chronicle: Chronicle) -> bool:
    """A crew refused its run, with a reason; the next one went."""
    return any(
        _another_went(chronicle, released)
        for released in chronicle.of("incident.released", outcome="refused")
    )


def hospital_diverted(chronicle: Chronicle) -> bool:
    """A hospital diverted; the next one was told, and the crew."""
    return any(
        any(after.cause == gone.cause for after in chronicle.of("handover.announced"))
        and any(after.cause == gone.cause for after in chronicle.of("order.amended"))
        for gone in chronicle.of("handover.withdrawn")
        if gone["reason"].startswith("diverted")
    )


def turned_away(chronicle: Chronicle) -> bool:
    """A hospital diverted at its door: the crew went on, the next knew what had been measured."""
    return any(
        any(
            on.cause == gone.cause
            for on in chronicle.of("incident.progressed", status="transporting")
        )
        and any(
            observed.cause == gone.cause
            and chronicle.has("handover.closed", handover_id=observed["handover_id"])
            for observed in chronicle.of("handover.observed")
        )
        for gone in chronicle.of("handover.withdrawn")
        if gone["reason"].startswith("diverted")
    )


def hospital_silent(chronicle: Chronicle) -> bool:
    """A hospital did not answer: told again, then the next one was told."""
    return any(
        chronicle.has("handover.reminded", handover_id=gone["handover_id"])
        and any(after.cause == gone.cause for after in chronicle.of("handover.announced"))
        for gone in chronicle.of("handover.withdrawn", reason=NO_ANSWER)
    )


def weak_certificate_refused(chronicle: Chronicle) -> bool:
    """A certificate was too weak; the unit stayed blocked until a sufficient one came."""
    return any(
        any(
            accepted.place > rejected.place
            for accepted in chronicle.of("disinfection.accepted", job_id=rejected["job_id"])
        )
        for rejected in chronicle.of("disinfection.rejected")
        if any("below the minimum" in reason["reason"] for reason in rejected["reasons"])
    )


def no_transfer_crew_left(chronicle: Chronicle) -> bool:
    """At one point every transfer crew was busy or being disinfected."""
    crews = {order["unit_id"] for order in chronicle.of("order.issued", crew="transfer")}
    status = dict.fromkeys(crews, "available")
    for changed in chronicle.of("unit.changed"):
        if changed["unit_id"] in crews:
            status[changed["unit_id"]] = changed["status"]
            if DISPATCHABLE.isdisjoint(status.values()):
                return True
    return False


def waited_for_transfer(chronicle: Chronicle) -> bool:
    """With no transfer crew left, a stable patient waited for one soon free, and got it."""
    return any(
        any(
            assigned.place > queued.place and assigned["because"].endswith("is free")
            for assigned in chronicle.of(
                "incident.assigned", incident_id=queued["incident_id"], crew="transfer"
            )
        )
        for queued in chronicle.of("incident.queued", waiting_for="transfer_crew")
    )


def regular_instead_of_transfer(chronicle: Chronicle) -> bool:
    """With no transfer crew soon free, a regular one went in full PPE, and somebody was told."""
    return any(
        any(
            assigned.cause == escalated.cause
            for assigned in chronicle.of(
                "incident.assigned",
                incident_id=escalated["incident_id"],
                crew="regular",
                ppe="full",
            )
        )
        for escalated in chronicle.of("escalation.raised", kind="regular_instead_of_transfer")
    )


def transfer_as_last_resort(chronicle: Chronicle) -> bool:
    """No regular crew was near enough to a critical patient: a transfer crew went."""
    return any(
        "transfer_as_last_resort" in assigned["why"]
        for assigned in chronicle.of("incident.assigned", crew="transfer")
    )


def mode_switched(chronicle: Chronicle) -> bool:
    """In routine mode a transfer crew did a daily emergency; in epidemic mode they are kept."""
    return any(
        "transfer_as_last_resort" not in assigned["why"]
        for assigned in chronicle.of("incident.assigned", crew="transfer", rule="R9")
    ) and any(
        "kept_for_transfers" in assigned["passed_over"]
        for assigned in chronicle.of("incident.assigned", crew="regular", rule="R9")
    )


def bad_input_dead_lettered(chronicle: Chronicle) -> bool:
    """Every kind of bad input is in the dead letters with its reason."""
    return all(bad_inputs(chronicle).values())


def case_found_on_the_way(chronicle: Chronicle) -> bool:
    """A crew found a case: it was reported, and PPE and destination of the run were amended."""
    return any(
        any(
            amended.cause == reported.cause and {"ppe", "destination"} <= amended["changed"].keys()
            for amended in chronicle.of("order.amended", incident_id=reported["incident_id"])
        )
        for reported in chronicle.of("case.reported", found_by="crew")
    )


def case_found_in_hospital(chronicle: Chronicle) -> bool:
    """A hospital found a case in a patient received; the vehicle was disinfected after all."""
    return any(
        any(job.cause == reported.cause for job in chronicle.of("disinfection.ordered"))
        for reported in chronicle.of("case.reported", found_by="hospital")
    )


def transferred_onward(chronicle: Chronicle) -> bool:
    """A case found in hospital was itself the request to move the patient: a transfer crew went."""
    return any(
        decided.cause == reported.cause
        and chronicle.has("incident.assigned", incident_id=decided["incident_id"], crew="transfer")
        for reported in chronicle.of("case.reported", found_by="hospital")
        for decided in chronicle.of("call.decided")
        if decided["incident_id"] != reported["incident_id"]
    )


def held_and_resumed(chronicle: Chronicle) -> bool:
    """A call was held, resumed and then served."""
    return any(
        any(
            resumed.place > held.place and resumed["by"] != "timer"
            for resumed in chronicle.of("incident.resumed", incident_id=held["incident_id"])
        )
        and chronicle.has("incident.assigned", incident_id=held["incident_id"])
        for held in chronicle.of("incident.held")
    )


def cancelled(chronicle: Chronicle) -> bool:
    """A call was cancelled with a unit on its way, which was called back."""
    return any(
        any(gone.cause == word.cause for gone in chronicle.of("order.withdrawn"))
        for word in chronicle.of("incident.cancelled")
    )


def early_answer_parked(chronicle: Chronicle) -> bool:
    """An answer came before its call, was parked, and took effect the moment the call came."""
    came = {
        decided["call_id"]: decided
        for decided in chronicle.of("call.decided", because="the call came in")
    }
    return any(
        (first := came.get(again["call_id"])) is not None
        and first["decision"]["decided_at"] == again["decision"]["decided_at"]
        and first.cause != again.cause
        for again in chronicle.of("call.decided", because="an answer came in")
    )


def duplicate_ignored(chronicle: Chronicle) -> bool:
    """A call that was delivered twice took effect once."""
    identities = [each.identity for each in chronicle.inputs if each.type == "call.received"]
    return any(
        sum(decided.cause == identity for decided in chronicle.of("call.decided")) == 1
        for identity in set(identities)
        if identities.count(identity) > 1
    )


def mass_casualty(chronicle: Chronicle) -> bool:
    """Several patients in one incident got as many units, and somebody was told."""
    return any(
        len({order["unit_id"] for order in _orders(chronicle, escalated["incident_id"])}) > 1
        for escalated in chronicle.of("escalation.raised", kind="mass_casualty")
    )


def screening_expired(chronicle: Chronicle) -> bool:
    """Nobody answered in time: a crew went, and the questions stayed open."""
    return chronicle.has("screening.expired")


def life_support(chronicle: Chronicle) -> bool:
    """A critical patient of an institution went with life support on board."""
    return chronicle.has("order.issued", life_support=True)


def address_only(chronicle: Chronicle) -> bool:
    """A call without a position went to the district's centre, marked as such."""
    return any(
        order["scene"]["source"] == "district_centre" for order in chronicle.of("order.issued")
    )


def duties_reported(chronicle: Chronicle) -> bool:
    """A district without a negative-pressure ambulance was reported."""
    return any(
        short["duty"] == "negative_pressure_per_district"
        for report in chronicle.of("duties.reported")
        for short in report["shortfalls"]
    )


def said_in_words(chronicle: Chronicle) -> bool:
    """Nothing was coded: the complaint was read, a crew went at once and was told what it says."""
    for decided in chronicle.of("call.decided", because="the call came in"):
        inputs = decided["decision"]["inputs"]
        read = {each["code"] for each in inputs["read"]}
        if inputs["evidence"] == "read" and not inputs["symptoms"]:
            orders = _orders(chronicle, decided["incident_id"])
            if any(o.cause == decided.cause and read <= set(o["symptoms"]) for o in orders):
                return True
    return False


def address_improved(chronicle: Chronicle) -> bool:
    """A crew sent to a district's centre heard on its way where the patient is, who was fetched."""
    return any(
        order["scene"]["source"] == "district_centre"
        and any(
            amended["changed"].get("scene", {}).get("source") == "caller"
            for amended in chronicle.of("order.amended", assignment_id=order["assignment_id"])
        )
        and chronicle.has("handover.closed", incident_id=order["incident_id"])
        for order in chronicle.of("order.issued")
    )


def heart_attack_with_fever(chronicle: Chronicle) -> bool:
    """A heart attack with fever was isolated, farther off, where hearts are treated, with why."""
    return any(
        any(
            told.cause == chosen.cause and told["hospital_id"] == chosen["hospital_id"]
            for told in chronicle.of("handover.announced", reserve="buffer")
        )
        and chronicle.has("handover.closed", handover_id=chosen["handover_id"])
        and all(chosen["why"].values())
        for chosen in chronicle.of("hospital.chosen", needs=["cardiac"], lacking=[])
        if chosen["nearest_id"] is not None
    )


def radio_out(chronicle: Chronicle) -> bool:
    """Orders were not answered, no crew was heard: told once, they stood, and their crews went."""
    raised = list(chronicle.of("escalation.raised", kind="radio_out"))
    stood = [
        order
        for order in chronicle.of("order.issued")
        if len(raised) == 1
        and datetime.fromisoformat(order["acknowledge_by"]) <= raised[0].at
        and any(
            heard.place > raised[0].place
            for heard in chronicle.of(
                "incident.progressed", assignment_id=order["assignment_id"], status="ordered"
            )
        )
    ]
    return len(stood) >= AT_ONCE and not any(
        not chronicle.has("handover.closed", assignment_id=order["assignment_id"])
        or any(
            gone.place > order.place
            for gone in chronicle.of(
                "unit.changed", unit_id=order["unit_id"], reason=NOT_ACKNOWLEDGED
            )
        )
        for order in stood
    )


def _another_went(chronicle: Chronicle, released: Told) -> bool:
    incident = released["incident_id"]
    return any(
        order["unit_id"] != released["unit_id"]
        and chronicle.has("handover.closed", assignment_id=order["assignment_id"])
        for order in _orders(chronicle, incident)
    )


def _orders(chronicle: Chronicle, incident_id: str) -> list[Told]:
    return list(chronicle.of("order.issued", incident_id=incident_id))


STORIES: Final[Mapping[str, Story]] = {
    story.__name__: story
    for story in (
        late_answer_swapped,
        screening_expired,
        early_answer_parked,
        repeat_linked,
        wrong_link_undone,
        duplicate_ignored,
        unit_overridden,
        hospital_overridden,
        undisinfected_not_forced,
        held_and_resumed,
        cancelled,
        order_unanswered,
        run_refused,
        broke_down,
        radio_out,
        hospital_diverted,
        turned_away,
        hospital_silent,
        weak_certificate_refused,
        no_transfer_crew_left,
        waited_for_transfer,
        regular_instead_of_transfer,
        transfer_as_last_resort,
        mode_switched,
        mass_casualty,
        life_support,
        address_only,
        address_improved,
        said_in_words,
        heart_attack_with_fever,
        case_found_on_the_way,
        case_found_in_hospital,
        transferred_onward,
        duties_reported,
        bad_input_dead_lettered,
    )
}
