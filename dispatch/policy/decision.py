"""The decision on a call: pure, from the facts, the pack and the time it is taken at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import orjson

from dispatch.policy.pack import ITEMS, Item, Pack, PolicyInForce, Question, TransferOutcome
from dispatch.policy.rules import (
    Action,
    Case,
    Destination,
    Disinfection,
    History,
    Protection,
)
from dispatch.topics.cloudevents import timestamp
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
    moved between institutions. Times are aware UTC.
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


def facts_of(call: "Call") -> Facts:
    """Return the facts of a call as it came in."""
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
    """
    epidemiology = facts.epidemiology
    history, not_asked = _HISTORIES[tuple(map(epidemiology.get, ITEMS))]
    symptomatic = not pack.triggers.isdisjoint(facts.symptoms)
    known_case = facts.case_status != "none"
    deadline_passed = at >= facts.received_at + pack.deadline
    institution = facts.caller_kind == "institution"
    if facts.transfer_kind is not None:
        kind = pack.transfers.kinds[facts.transfer_kind]
        # A case found among them is decided on as a case.
        if kind.outcome is not None and facts.case_status == "none":
            return _as_kind(facts, pack, at, kind.outcome, kind.source)
    rule, outcome = pack.table[
        Case(
            facts.caller_kind,
            bool(facts.can_admit_suspected) if institution else True,
            known_case,
            symptomatic,
            history,
            facts.condition != "stable",
            deadline_passed,
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
        pack.questions[not_asked] if symptomatic else (),
        outcome.life_support,
        pack.policy,
        rule.source,
        at,
        _inputs(facts, at, symptomatic=symptomatic, deadline_passed=deadline_passed),
        _warnings(facts, pack, at),
    )


def _as_kind(
    facts: Facts, pack: Pack, at: datetime, outcome: TransferOutcome, source: str
) -> Decision:
    """Decide as the kind of transfer has it: nobody is asked, whatever the history."""
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
            facts, at, symptomatic=False, deadline_passed=at >= facts.received_at + pack.deadline
        ),
        _warnings(facts, pack, at),
    )


def _inputs(
    facts: Facts, at: datetime, *, symptomatic: bool, deadline_passed: bool
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
        "symptomatic": symptomatic,
        "known_case": facts.case_status != "none",
        "deadline_passed": deadline_passed,
    }
    if facts.transfer_kind is not None:
        inputs["transfer_kind"] = facts.transfer_kind
    return inputs


def _warnings(facts: Facts, pack: Pack, at: datetime) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()
    if not pack.known_symptoms.issuperset(facts.symptoms):
        unknown = dict.fromkeys(code for code in facts.symptoms if code not in pack.known_symptoms)
        warnings = tuple(f"unknown symptom code: {code}" for code in unknown)
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
    )
    return decide(facts, pack, parse_time(inputs["at"]))
