"""The decision on a call: pure, from the facts, the pack and the time it is taken at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import orjson

from dispatch.policy.needs import capabilities_needed, needs_in, requests_of
from dispatch.policy.pack import ITEMS, Pack, PolicyInForce, Question, TransferOutcome
from dispatch.policy.rules import SYMPTOMATIC, Case
from dispatch.policy.symptoms import Reading, Symptoms, read_complaints, readings_of, sum_up
from dispatch.topics.city import CityMode
from dispatch.topics.cloudevents import timestamp
from dispatch.topics.codes import Action, Destination, Disinfection, History, Item, Protection
from dispatch.topics.fields import (
    Answer,
    CallerKind,
    CaseStatus,
    Condition,
    CrewKind,
    parse_time,
)

if TYPE_CHECKING:
    from dispatch.topics.calls import Call


class Facts(NamedTuple):
    """What is known when a decision is taken; `epidemiology` has the items that were asked.

    `can_admit_suspected` matters for an institution alone, `transfer_kind` for patients who are
    moved between institutions. `complaints` are still to be read, `read` is what was read of others
    before; `taken_back` are symptoms that were said, or read, and are not so. `mode` is the city's;
    `crew_ordered` says that a crew has its order. What the hospital must be capable of follows from
    all of it, from `requests` (texts that are read for nothing else) and the patients' `ages` in
    years; `needs` are codes of it that are known already. Times are aware UTC.
    """

    call_id: str
    received_at: datetime
    caller_kind: CallerKind
    can_admit_suspected: bool | None
    condition: Condition
    symptoms: tuple[str, ...]
    case_status: CaseStatus
    epidemiology: Mapping[str, Answer]
    transfer_kind: str | None = None
    complaints: tuple[str, ...] = ()
    read: tuple[Reading, ...] = ()
    taken_back: tuple[str, ...] = ()
    mode: CityMode = "epidemic"
    crew_ordered: bool = False
    requests: tuple[str, ...] = ()
    ages: tuple[float, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(slots=True)
class Decision:
    """A decision as it is published; treat it as immutable.

    The fields that are None are those of a rule that only asks. `inputs` holds what the rule
    looked at, so that `replay` comes to the same decision.
    """

    call_id: str
    action: Action
    rule: str
    crew: CrewKind | None
    ppe: Protection | None
    destination: Destination | None
    disinfection: Disinfection | None
    history: History
    questions: tuple[Question, ...]
    life_support: bool
    policy: PolicyInForce
    source: str
    decided_at: datetime
    inputs: dict[str, Any]
    warnings: tuple[str, ...]

    def as_json(self) -> bytes:
        """Return the decision as JSON, its keys in their order."""
        return orjson.dumps(self, option=orjson.OPT_UTC_Z)

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as what its JSON holds."""
        content: dict[str, Any] = orjson.loads(self.as_json())
        return content


def facts_of(call: "Call", mode: CityMode = "epidemic") -> Facts:
    """Return the facts of a call as it came in, before any crew has an order."""
    caller, patient = call.caller, call.patient
    return Facts(
        call.call_id,
        call.received_at,
        caller.kind,
        caller.can_admit_suspected,
        patient.condition,
        patient.symptoms,
        patient.case_status,
        call.answers(),
        complaints=(call.chief_complaint,) if call.chief_complaint else (),
        requests=requests_of(call),
        ages=() if patient.age is None else (patient.age,),
        mode=mode,
    )


def _history(answers: tuple[Answer | None, ...]) -> History:
    """Sum up the four items: positive before incomplete before undetermined before negative."""
    if "yes" in answers:
        return "positive"
    if None in answers:
        return "incomplete"
    return "undetermined" if "unknown" in answers else "negative"


# For every combination of answers, what they sum up to and which items were not asked.
_HISTORIES: dict[tuple[Answer | None, ...], tuple[History, tuple[Item, ...]]] = {
    answers: (
        _history(answers),
        tuple(item for item, answer in zip(ITEMS, answers, strict=True) if answer is None),
    )
    for answers in product((*get_args(Answer), None), repeat=len(ITEMS))
}


def decide(facts: Facts, pack: Pack, at: datetime) -> Decision:
    """Decide on a call at a time (aware UTC) by the first rule of the pack that matches.

    The screening deadline has passed when the time is at or after received_at plus the deadline.
    Who needs what is never delayed for the epidemic (work plans (七)2) waits for no answer: it is
    decided as when a crew has its order already.
    """
    epidemiology = facts.epidemiology
    history, not_asked = _HISTORIES[tuple(map(epidemiology.get, ITEMS))]
    read = (*facts.read, *read_complaints(facts.complaints, pack))
    symptoms = sum_up(facts.symptoms, read, facts.taken_back, facts.mode, pack)
    known_case = facts.case_status != "none"
    deadline_passed = at >= facts.received_at + pack.deadline
    institution = facts.caller_kind == "institution"
    needs = capabilities_needed(facts, pack)
    if facts.transfer_kind is not None:
        kind = pack.transfers.kinds[facts.transfer_kind]
        # A case found among them is decided on as a case.
        if kind.outcome is not None and facts.case_status == "none":
            return _as_kind(facts, kind.outcome, kind.source, pack, at, needs=needs)
    rule, outcome = pack.table[
        Case(
            facts.caller_kind,
            bool(facts.can_admit_suspected) if institution else True,
            known_case,
            symptoms.evidence,
            history,
            facts.condition != "stable",
            deadline_passed,
            facts.crew_ordered or not pack.never_delayed.isdisjoint(needs),
        )
    ]
    return Decision(
        facts.call_id,
        outcome.action,
        rule.id,
        outcome.crew,
        outcome.ppe,
        outcome.destination,
        outcome.disinfection,
        history,
        pack.questions[not_asked] if symptoms.evidence != "none" else (),
        outcome.life_support,
        pack.policy,
        rule.source,
        at,
        _inputs(facts, symptoms, at, needs, deadline_passed=deadline_passed),
        _warnings(symptoms, pack, at),
    )


def _as_kind(
    facts: Facts,
    outcome: TransferOutcome,
    source: str,
    pack: Pack,
    at: datetime,
    *,
    needs: tuple[str, ...],
) -> Decision:
    """Decide as the kind of transfer has it: nobody is asked, whatever the history."""
    symptoms = sum_up(facts.symptoms, (), (), facts.mode, pack)._replace(evidence="none")
    return Decision(
        facts.call_id,
        "dispatch",
        outcome.rule,
        outcome.crew,
        outcome.ppe,
        outcome.destination,
        outcome.disinfection,
        _HISTORIES[tuple(map(facts.epidemiology.get, ITEMS))][0],
        (),
        False,
        pack.policy,
        source,
        at,
        _inputs(
            facts,
            symptoms,
            at,
            needs,
            deadline_passed=at >= facts.received_at + pack.deadline,
        ),
        _warnings(symptoms, pack, at),
    )


def _inputs(
    facts: Facts,
    symptoms: Symptoms,
    at: datetime,
    needs: tuple[str, ...],
    *,
    deadline_passed: bool,
) -> dict[str, Any]:
    inputs = {
        "call_id": facts.call_id,
        "received_at": timestamp(facts.received_at),
        "at": timestamp(at),
        "caller_kind": facts.caller_kind,
        "can_admit_suspected": (
            facts.can_admit_suspected if facts.caller_kind == "institution" else None
        ),
        "condition": facts.condition,
        "symptoms": list(facts.symptoms),
        "case_status": facts.case_status,
        "epidemiology": dict(facts.epidemiology),
        "symptomatic": symptoms.evidence in SYMPTOMATIC,
        "known_case": facts.case_status != "none",
        "deadline_passed": deadline_passed,
        "evidence": symptoms.evidence,
        "read": [each.as_input() for each in symptoms.read],
        "taken_back": list(facts.taken_back),
        "mode": facts.mode,
        "crew_ordered": facts.crew_ordered,
    }
    if facts.transfer_kind is not None:
        inputs["transfer_kind"] = facts.transfer_kind
    if needs:
        inputs["needs"] = list(needs)
    return inputs


def _warnings(symptoms: Symptoms, pack: Pack, at: datetime) -> tuple[str, ...]:
    warnings = tuple(f"unknown symptom code: {code}" for code in symptoms.unplaced)
    validity = pack.validity
    if at < validity.starts:
        starts = timestamp(validity.starts)
        warnings += (f"pack {pack.name} {pack.version} is not in force before {starts}",)
    elif validity.ends is not None and at >= validity.ends:
        ends = timestamp(validity.ends)
        warnings += (f"pack {pack.name} {pack.version} has been out of force since {ends}",)
    return warnings


def replay(inputs: Mapping[str, Any], pack: Pack) -> Decision:
    """Decide again from a decision's `inputs`, as they are or as read back from JSON."""
    facts = Facts(
        inputs["call_id"],
        parse_time(inputs["received_at"]),
        inputs["caller_kind"],
        inputs["can_admit_suspected"],
        inputs["condition"],
        tuple(inputs["symptoms"]),
        inputs["case_status"],
        inputs["epidemiology"],
        inputs.get("transfer_kind"),
        (),
        readings_of(inputs),
        tuple(inputs.get("taken_back", ())),
        inputs.get("mode", "epidemic"),
        inputs.get("crew_ordered", False),
        needs=needs_in(inputs),
    )
    return decide(facts, pack, parse_time(inputs["at"]))
