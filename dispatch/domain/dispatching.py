"""From a decision to a unit on its way: decide, order, wait in the queue, swap.

Source: 120 plan §3-4; domain, the decision and choosing the unit.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Final, Literal, get_args

from dispatch.domain import (
    handover,
    holds,
    incidents,
    orders,
    placements,
    radio,
    relief,
    rerouting,
    swapping,
    waiting,
    wearing,
)
from dispatch.domain.allocation import (
    DISPATCHER_CHOICE,
    PLANNED_TRIP,
    Choice,
    choose,
    choose_of_kind,
    suits,
)
from dispatch.domain.city import City
from dispatch.domain.escalation import escalate
from dispatch.domain.fleet import fleet_of
from dispatch.domain.model import Assignment, Incident, Place, Unit
from dispatch.domain.needs import need_of, next_need
from dispatch.domain.roster import DISPATCHABLE, OFF, objection, where
from dispatch.policy.decision import decide
from dispatch.policy.needs import needs_in
from dispatch.topics.codes import EscalationKind
from dispatch.topics.fields import CrewKind
from dispatch.topics.incidents import OTHER_NOT_DISINFECTED, CallDecided, IncidentQueued
from dispatch.topics.screenings import (
    ScreeningCompleted,
    ScreeningExpired,
    ScreeningQuestion,
    ScreeningRequested,
)

Failure = Literal["aborted", "refused", "unanswered"]
_RUN_FAILED: Final[dict[Failure, EscalationKind]] = {
    "aborted": "run_aborted",
    "refused": "run_refused",
    "unanswered": "run_unanswered",
}
_SECONDS_PER_MINUTE = 60.0
_ALL_CREWS: Final = get_args(CrewKind)


def decide_incident(city: City, incident_id: str, because: str) -> None:
    """Decide, now, on what is known now, and do what follows from it."""
    incident = city.incidents[incident_id]
    before = incident.decision
    decision = decide(incidents.facts(city, incident), city.pack, city.now).as_dict()
    incident = replace(incident, decision=decision)
    if before is not None and before["destination"] != decision["destination"]:
        incident = placements.agreed_no_more(city, incident)
    city.put(incident)
    city.emit(
        CallDecided(
            call_id=incident_id,
            incident_id=incident_id,
            because=because,
            decision=decision,
            district=incident.place.district,
        ),
        key=incident_id,
    )
    incident = _announce_mass_casualty(city, incident)
    _screen(city, incident, before_open=bool(before and before["questions"]))
    if incident.status == "held":
        if before is None or not holds.got_worse(incident, before["inputs"]["condition"]):
            return
        worse = f"the patient is {incident.condition} now: {because}"
        incident = holds.end(city, incident, by="centre", reason=worse)
    if decision["action"] == "ask":
        if incident.status != "arranging":
            _wait_no_longer(city, incident, status="screening")
        return
    city.cancel_timer("screening", incident_id)
    known = set(needs_in(None if before is None else before["inputs"]))
    gained = [need for need in needs_in(decision["inputs"]) if need not in known]
    for assignment in incidents.active_assignments(city, incident):
        _bring_up_to_date(city, assignment, gained, because)
    serve(city, incident_id, because)
    incident = city.incidents[incident_id]
    changed = before is not None and before["inputs"]["condition"] != incident.condition
    if changed and incident.status == "waiting":
        _set_queue_timer(city, incident)


def choose_for(city: City, incident: Incident) -> Choice:
    """Return the choice of a unit for an incident, now."""
    need = wearing.bounded(city, incident, next_need(city, incident))
    return choose(need, fleet_of(city))


def choose_instead(
    city: City,
    assignment: Assignment,
    crew: CrewKind | None = None,
    latest: float = math.inf,
) -> Choice:
    """Return the choice of a unit to take over a run, now; by the rules, or of one crew kind.

    One of that kind should come by `latest` (seconds), but may be later.
    """
    carried = set(assignment.patients)
    transfer = city.transfers.get(assignment.incident_id)
    patients = () if transfer is None else transfer.patients
    incident = city.incidents[assignment.incident_id]
    need = need_of(
        city,
        incident,
        assignment.place,
        [patient for patient in patients if patient.patient_id in carried],
    )
    need, fleet = wearing.bounded(city, incident, need), fleet_of(city)
    return choose(need, fleet) if crew is None else choose_of_kind(need, fleet, crew, latest)


def serve(city: City, incident_id: str, because: str) -> None:
    """Order the units that an incident still needs; what cannot go now waits in the queue."""
    incident = city.incidents[incident_id]
    # What is being arranged waits for a hospital's word, not for a unit.
    done = ("closed", "held", "arranging")
    while incident.status not in done and incidents.units_needed(city, incident):
        choice = choose_for(city, incident)
        if choice.unit is None:
            _queue(city, incident, choice)
            return
        incident = order_chosen(city, incident, choice, because)
    if incident.status in ("waiting", "screening") and incidents.wanted_crew(incident) is not None:
        _all_ordered(city, incident)


def _all_ordered(city: City, incident: Incident) -> None:
    """Nothing is owed beyond the runs under way; without any the incident is over."""
    _wait_no_longer(city, incident, status="assigned")
    incidents.close_if_done(city, incident.incident_id)


def _wait_no_longer(
    city: City, incident: Incident, *, status: Literal["screening", "assigned"]
) -> None:
    for kind in ("queue", "transfer_wait"):
        city.cancel_timer(kind, incident.incident_id)
    if incident.status != status:
        city.put(replace(incident, status=status, waiting_for=None, waiting_since=None))


def serve_queue(city: City, unit_id: str) -> None:
    """Give a unit that is free to the head of the queue that it suits.

    Each who waits for a transfer crew is asked for such a crew, or when the unit becomes free; a
    regular one that only drives on is offered to the heads.
    """
    unit = city.units[unit_id]
    if unit.status not in DISPATCHABLE or not city.waiting:
        return
    fleet = fleet_of(city)
    because = f"unit {unit_id} is free"
    each = unit.crew == "transfer" or objection(_before(city, unit_id)) is not None
    for incident in _in_turn(city, city.waiting.heads(), each=each):
        if suits(unit, next_need(city, incident), fleet):
            serve(city, incident.incident_id, because)
            if city.units[unit_id].status not in DISPATCHABLE:
                return


def relieve(city: City) -> None:
    """Let the units that an input or timer has left free take over runs that they are nearer to.

    So does the best free unit a run to a scene that has moved. The crew of such a run is free then,
    serves the queue, and takes over in its turn.
    """
    for assignment_id, before in city.before(Assignment).items():
        run = city.assignments.get(assignment_id)
        if run is not None and before is not None and run.place.position != before.place.position:
            _relieve_run(city, run)
    units = deque(city.changed(Unit))
    while units:
        unit = city.units[units.popleft()]
        relieved = relief.where_nearer(city, unit)
        if relieved is not None:
            assignment, choice, because = relieved
            swap(city, assignment, choice, because)
            units.append(assignment.unit_id)


def _relieve_run(city: City, run: Assignment) -> None:
    """Let the best free unit take over a run to a scene that has moved, where it is so much nearer.

    The rules are those of any take-over (`relief`); a crew that has met the patient stays.
    """
    if run.ended_at is not None or run.met_patient:
        return
    best = choose_instead(city, run).unit
    relieved = None if best is None else relief.where_nearer(city, best)
    if relieved is not None:
        assignment, choice, because = relieved
        swap(city, assignment, choice, because)


def serve_all(city: City, because: str) -> None:
    """Look at every waiting incident again, the head of the queue first."""
    for incident in _in_turn(city, city.waiting.heads()):
        serve(city, incident.incident_id, because)


def _before(city: City, unit_id: str) -> Unit:
    """Return a unit as it was before this input or timer."""
    return city.before(Unit).get(unit_id) or city.units[unit_id]


def _in_turn(
    city: City, heads: list[tuple[waiting.Place, waiting.Lane]], *, each: bool = True
) -> Iterator[Incident]:
    """Yield waiting incidents in the order of the queue, from the lanes of these heads.

    An incident that is still as it was when the next is asked for has not been helped: no other
    that asks for the same can be, as units are only taken meanwhile, and the rest of its lane is
    passed over. Of those who wait for a transfer crew while units are free, `each` may be asked:
    which of these would do depends on where the patient is.
    """
    heapify(heads)
    not_helped: set[tuple[waiting.Lane, frozenset[str]]] = set()
    while heads:
        place, lane = heappop(heads)
        incident = city.incidents[place[-1]]
        vehicles = next_need(city, incident).vehicles
        if (lane, vehicles) not in not_helped:
            yield incident
            asked_too = each and lane.waiting_for == "transfer_crew"
            if city.incidents[place[-1]] is incident and not (
                asked_too and city.roster.free(_ALL_CREWS)
            ):
                not_helped.add((lane, vehicles))
                if lane.transfer_kind is None:
                    continue
        following = city.waiting.after(lane, place)
        if following is not None:
            heappush(heads, (following, lane))


def take_over(city: City, assignment: Assignment, because: str) -> bool:
    """Give a run whose patient nobody has met, of a vehicle to be disinfected, to another unit.

    Return whether there is one that comes soon enough.
    """
    if assignment.met_patient:
        return False
    choice = choose_instead(city, assignment)
    left = swapping.still_to_go(city, assignment)
    latest = swapping.latest_for_undisinfected(city, assignment, left)
    if not swapping.may_take_over(choice, left, latest):
        return False
    choice = replace(choice, why=(*choice.why, OTHER_NOT_DISINFECTED))
    _swap(city, assignment, choice, because)
    return True


def swap(city: City, assignment: Assignment, choice: Choice, because: str) -> None:
    """Order another unit in the place of one on its way: the new order first, then the release."""
    _swap(city, assignment, choice, because)
    serve_queue(city, assignment.unit_id)


def _swap(city: City, assignment: Assignment, choice: Choice, because: str) -> None:
    left = swapping.still_to_go(city, assignment)
    # Its room goes to the new run, so that the last one of a hospital is not lost.
    handover.withdraw(city, assignment, because)
    incident = city.incidents[assignment.incident_id]
    # Its patients go to the new run, and what hospitals have said of them.
    city.put(replace(city.assignments[assignment.assignment_id], patients=()))
    assert incident.decision is not None, "a run is ordered on a decision only"
    same_kind = assignment.destination == incident.decision["destination"]
    refused = assignment.refused_hospitals if same_kind else ()
    _order(
        city,
        incident,
        choice,
        assignment.place,
        because,
        refused_hospitals=refused,
        takes_over=orders.Replaced(assignment.assignment_id, left),
    )
    orders.withdraw(
        city, city.assignments[assignment.assignment_id], outcome="swapped", reason=because
    )


def screening_expired(city: City, incident_id: str) -> None:
    """The screening deadline has passed: decide again; a crew goes (R5T)."""
    incident = city.incidents.get(incident_id)
    if incident is None or incident.status not in ("screening", "arranging"):
        return
    if incident.decision is None or incident.decision["action"] != "ask":
        return
    city.emit(
        ScreeningExpired(
            call_id=incident_id,
            at=city.now,
            unasked=[question["item"] for question in incident.decision["questions"]],
        ),
        key=incident_id,
    )
    decide_incident(city, incident_id, "the screening deadline has passed")


def awaited_crew_lost(city: City, unit_id: str) -> None:
    """A transfer crew that may have been waited for is out: whoever waits is looked at again."""
    before = _before(city, unit_id)
    if before.crew != "transfer" or before.status in OFF or not before.staffed:
        return
    awaiting = [head for head in city.waiting.heads() if head[1].waiting_for == "transfer_crew"]
    for incident in _in_turn(city, awaiting):
        serve(city, incident.incident_id, f"unit {unit_id} is out of service")


def transfer_wait_over(city: City, incident_id: str) -> None:
    """No transfer crew came free in time: a regular crew with the same protection goes."""
    incident = city.incidents.get(incident_id)
    if incident is None or incident.waiting_for != "transfer_crew":
        return
    city.put(replace(incident, transfer_wait_over=True))
    serve(city, incident_id, "no transfer crew came free in time")


def still_waiting(city: City, incident_id: str) -> None:
    """An incident waits beyond the pack's limit: escalate, and again after as long."""
    incident = city.incidents.get(incident_id)
    if incident is None or incident.status != "waiting" or incident.waiting_since is None:
        return
    waited = (city.now - incident.waiting_since).total_seconds()
    escalate(
        city,
        "waiting_for_unit",
        incident_id,
        incident_id,
        f"{incident.condition} patient has waited {waited:.0f} s for a {incident.waiting_for}",
    )
    _set_queue_timer(city, incident)


def order_chosen(city: City, incident: Incident, choice: Choice, because: str) -> Incident:
    """Order the unit of a choice to the next patient."""
    place = incidents.next_place(incident)
    if incident.left_behind:
        incident = replace(incident, left_behind=incident.left_behind[1:])
    return _order(city, incident, choice, place, because)


def _order(
    city: City,
    incident: Incident,
    choice: Choice,
    place: Place,
    because: str,
    *,
    refused_hospitals: tuple[str, ...] = (),
    takes_over: orders.Replaced | None = None,
) -> Incident:
    """Order the unit of a choice; what the rules had to settle for escalates.

    That is a fallback, a way that is too long (but of a crew that takes over sooner), and a run
    that can't be done in one set of protection.
    """
    assert choice.unit is not None, "only a choice with a unit is ordered"
    for kind in ("queue", "transfer_wait"):
        city.cancel_timer(kind, incident.incident_id)
    incident = orders.issue(
        city,
        incident,
        choice,
        place,
        because,
        refused_hospitals=refused_hospitals,
        takes_over=takes_over,
    )
    if choice.fallback is not None:
        escalate(
            city,
            choice.fallback,
            incident.incident_id,
            choice.unit.unit_id,
            f"unit {choice.unit.unit_id} ({choice.unit.crew} crew, {choice.unit.vehicle}) goes: "
            f"{choice.fallback.replace('_', ' ')}{_passed_over(choice)}",
        )
    if takes_over is None or choice.travel_seconds > takes_over.still_to_go:
        _tell_if_far(city, incident, choice)
    wearing.watch(city, city.assignments[incident.assignments[-1]])
    return city.incidents[incident.incident_id]


def _passed_over(choice: Choice) -> str:
    """Return in a clause what spoke against the crews that suit better; nothing where none did."""
    said = {
        "too_late": "would come too late",
        "beyond_wear_time": "could not do the run in one set of protection",
    }
    found = [f"{n} {said[why]}" for why, n in choice.passed_over.items() if why in said]
    return f": of those that suit better {', '.join(found)}" if found else ""


def _tell_if_far(city: City, incident: Incident, choice: Choice) -> None:
    """Escalate that nobody nearer was to be had; who chose or planned it knows."""
    assert choice.unit is not None, "only a choice with a unit is ordered"
    limit = city.pack.allocation.far_seconds[
        "stable" if incident.condition == "stable" else "critical"
    ]
    if choice.travel_seconds <= limit or {DISPATCHER_CHOICE, PLANNED_TRIP} & set(choice.why):
        return
    escalate(
        city,
        "crew_far_away",
        incident.incident_id,
        choice.unit.unit_id,
        f"unit {choice.unit.unit_id} takes {choice.travel_seconds:.0f} s to the patient "
        f"({incident.condition}), more than the limit of {limit} s",
    )


def _queue(city: City, incident: Incident, choice: Choice) -> None:
    waiting_for: Literal["unit", "transfer_crew"] = (
        "transfer_crew" if choice.wait_for_transfer else "unit"
    )
    if incident.status == "waiting" and incident.waiting_for == waiting_for:
        return
    busy = incidents.active_assignments(city, incident)
    # What is waited for may change; since when somebody waits does not.
    since = incident.waiting_since or city.now
    queued = replace(incident, status="waiting", waiting_for=waiting_for, waiting_since=since)
    city.put(queued)
    until = None
    if choice.wait_for_transfer:
        until = city.in_seconds(city.pack.allocation.transfer_wait_minutes * _SECONDS_PER_MINUTE)
        city.set_timer("transfer_wait", incident.incident_id, until)
    else:
        city.cancel_timer("transfer_wait", incident.incident_id)
    city.emit(
        IncidentQueued(
            incident_id=incident.incident_id,
            at=city.now,
            waiting_for=waiting_for,
            condition=incident.condition,
            ahead=city.waiting.ahead_of(queued),
            units_on_it=len(busy),
            until=until,
            passed_over=choice.passed_over,
        ),
        key=incident.incident_id,
    )
    if incident.waiting_since is None:
        _set_queue_timer(city, queued)


def _set_queue_timer(city: City, incident: Incident) -> None:
    seconds = city.pack.allocation.queue_escalation_seconds[incident.condition]
    city.set_timer("queue", incident.incident_id, city.in_seconds(seconds))


def _screen(city: City, incident: Incident, *, before_open: bool) -> None:
    """Ask what is still to be asked; say when everything has been asked."""
    decision = incident.decision
    assert decision is not None, "screening follows a decision"
    questions = [ScreeningQuestion(**question) for question in decision["questions"]]
    if questions:
        deadline = None
        if decision["action"] == "ask":
            deadline = max(
                city.now,
                incident.received_at + timedelta(seconds=city.pack.screening.deadline_seconds),
            )
            city.set_timer("screening", incident.incident_id, deadline)
        city.emit(
            ScreeningRequested(
                call_id=incident.incident_id,
                at=city.now,
                questions=questions,
                deadline=deadline,
            ),
            key=incident.incident_id,
        )
    elif before_open:
        city.emit(
            ScreeningCompleted(
                call_id=incident.incident_id, at=city.now, history=decision["history"]
            ),
            key=incident.incident_id,
        )


def _bring_up_to_date(city: City, assignment: Assignment, gained: list[str], because: str) -> None:
    """Swap the crew where the new decision asks for another kind and it can still be; else amend.

    `gained` is what the patient needs of a hospital beyond what was known.

    A swap is for a stable patient whom the ordered crew has not met (domain, the decision), and to
    whom the other crew does not come too late; else the crew goes on, protected for the case.
    """
    incident = city.incidents[assignment.incident_id]
    wanted = incidents.wanted_crew(incident)
    swappable = (
        wanted is not None
        and incident.condition == "stable"
        and not assignment.met_patient
        and not assignment.chosen_by_dispatcher
        and wanted != assignment.crew
        and not (wanted == "regular" and city.mode == "routine")
    )
    if swappable:
        left = swapping.still_to_go(city, assignment)
        latest = swapping.latest(city, assignment, left)
        choice = choose_instead(city, assignment, wanted, latest)
        if swapping.may_take_over(choice, left, latest):
            swap(city, assignment, choice, because)
            return
        if wanted == "transfer":
            escalate(
                city,
                "no_transfer_crew_to_swap",
                incident.incident_id,
                assignment.unit_id,
                f"{swapping.why_not(city, choice, left)}: the crew on its way goes on, dressed for "
                "the case",
            )
    orders.amend(city, assignment, because)
    rerouting.for_needs(city, assignment.assignment_id, gained, because)
    wearing.watch(city, orders.tell_amended(city, assignment.assignment_id, because))


def _announce_mass_casualty(city: City, incident: Incident) -> Incident:
    """Say that an incident has so many patients that the pack calls it a mass casualty.

    Again when they have become more. Of people who are ill together and stable it takes more than
    of those whom something has happened to; that they are ill must be coded, not read from words.
    """
    assert incident.decision is not None, "what is known of the patients has been decided on"
    known, policy = incident.decision["inputs"], city.pack.allocation
    ill = incident.condition == "stable" and (known["evidence"] == "coded" or known["known_case"])
    # That they are children is no accident.
    hurt = any(need != city.pack.child_capability for need in needs_in(known))
    many = policy.mass_casualty_stable_ill if ill and not hurt else policy.mass_casualty_patients
    told = incident.mass_casualty_told
    if incident.transfer_kind is not None or incident.patient_count < max(many, told + 1):
        return incident
    incident = replace(incident, mass_casualty_told=incident.patient_count)
    city.put(incident)
    escalate(
        city,
        "mass_casualty",
        incident.incident_id,
        incident.incident_id,
        f"{incident.patient_count} patients in one incident",
    )
    return incident


def reassign(city: City, incident_id: str, because: str) -> None:
    """Send the next unit after one has failed; the incident waits when there is none."""
    incident = city.incidents[incident_id]
    if not incidents.active_assignments(city, incident) and incident.status == "assigned":
        city.put(replace(incident, status="waiting", waiting_for=None, waiting_since=None))
    serve(city, incident_id, because)


def order_unanswered(city: City, assignment_id: str) -> None:
    """The crew did not acknowledge its order in time: the next unit goes; this one reports back.

    While radio or network are out the order stands.
    """
    assignment = city.assignments.get(assignment_id)
    if assignment is None or assignment.ended_at is not None:
        return
    if assignment.acknowledged_at is not None:
        return
    if not radio.stands(city, assignment):
        fail(city, assignment, outcome="unanswered", reason=radio.NOT_ACKNOWLEDGED)
        return
    for unit_id in list(radio.back_in_service(city)):
        serve_queue(city, unit_id)


def fail(
    city: City,
    assignment: Assignment,
    *,
    outcome: Failure,
    reason: str,
    since: datetime | None = None,
) -> None:
    """Take a unit that cannot serve off its run until it reports itself back, and send the next.

    The next unit goes to where this one stands, when it has the patient on board. `since` (aware
    UTC) is when its crew ended the run, where that was before now.
    """
    unit = city.units[assignment.unit_id]
    left_at, unsure = assignment.place, ""
    if unit.status == "transporting" and unit.position is not None:
        left_at = replace(left_at, position=unit.position, source="unit", address=None)
        if not where(unit, city.now, city.pack.allocation.position_fresh_seconds)[1]:
            unsure = f"; where its patient is now is not known: last at {unit.position_at}"
    orders.withdraw(
        city,
        assignment,
        outcome=outcome,
        reason=reason,
        unit_status="out_of_service",
        since=since,
    )
    incident = city.incidents[assignment.incident_id]
    left_behind = incident.left_behind
    if left_at != incident.place:
        left_behind = (*left_behind, left_at)
    city.put(replace(incident, left_behind=left_behind))
    escalate(
        city,
        _RUN_FAILED[outcome],
        incident.incident_id,
        assignment.unit_id,
        f"unit {assignment.unit_id}: {reason}{unsure}",
    )
    reassign(city, incident.incident_id, reason)


def hospital_changed(city: City, before: Assignment, after: Assignment, because: str) -> None:
    """Tell crew and console that a run goes to another hospital."""
    if after.hospital_id != before.hospital_id:
        orders.tell_amended(city, after.assignment_id, because)
        wearing.watch(city, after)


def hospital_reported(city: City, hospital_id: str) -> None:
    """See to the patients under way: none goes on to a hospital that has closed.

    One for whom no hospital was open is announced to the first that is.
    """
    closed = city.hospitals[hospital_id].status == "closed"
    runs = (
        [city.handovers[key].assignment_id for key in city.arrivals.at(hospital_id)]
        if closed
        else city.arrivals.sought()
    )
    for before in sorted((city.assignments[key] for key in runs), key=attrgetter("unit_id")):
        if not handover.is_due(city, before):
            continue
        announced = handover.current(city, before)
        if closed and announced is not None:
            because = "the hospital has closed"
            after = handover.move_on(city, announced, because, status="withdrawn", refused=False)
            hospital_changed(city, before, after, because)
        elif not closed and announced is None and handover.can_be_announced(city, before):
            hospital_changed(city, before, handover.announce(city, before), "a hospital is open")


def search_hospital(city: City, assignment_id: str) -> None:
    """No hospital expects the patient still: ask again, those too that have diverted them."""
    before = city.assignments.get(assignment_id)
    if before is None or before.ended_at is not None or not handover.is_due(city, before):
        return
    if handover.current(city, before) is None:
        asked = handover.announce(city, replace(before, refused_hospitals=()))
        hospital_changed(city, before, asked, "a hospital was found")


def handover_given_up(city: City, handover_id: str) -> None:
    """A hospital has not answered within the limits: the next one is told, and the crew."""
    known = city.handovers.get(handover_id)
    if known is None:
        return
    before = city.assignments[known.assignment_id]
    after = handover.give_up(city, handover_id)
    if after is not None:
        hospital_changed(city, before, after, "the hospital did not answer in time")
