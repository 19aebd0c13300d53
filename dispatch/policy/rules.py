"""The rule table: ordered rules over a few facts, as data, and its check and compilation.

The first rule that matches wins. The facts have so few values that a table is tried on all of
them when it is read: a table that leaves a case open, or has a rule that nothing reaches, is
broken.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated, Final, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from dispatch.topics.codes import Action, Destination, Disinfection, Evidence, History, Protection
from dispatch.topics.fields import CallerKind, CrewKind, Identifier

Announce = Literal["order", "transporting"]
SYMPTOMATIC: Final[frozenset[Evidence]] = frozenset({"coded", "read"})


class Case(NamedTuple):
    """The facts that rules are about.

    `critical` is true of an unknown condition too (the plan treats them alike, 120 plan §4);
    `can_admit_suspected` is that of an institution and true of the public, whom nobody asks;
    `crew_ordered` says that a crew has its order already.
    """

    caller_kind: CallerKind
    can_admit_suspected: bool
    known_case: bool
    evidence: Evidence
    history: History
    critical: bool
    deadline_passed: bool
    crew_ordered: bool


def every_case() -> Iterator[Case]:
    """Yield every combination of facts."""
    yes_no = (True, False)
    callers: tuple[tuple[CallerKind, bool], ...] = (
        ("public", True),
        ("institution", True),
        ("institution", False),
    )
    histories: tuple[History, ...] = get_args(History)
    evidences: tuple[Evidence, ...] = get_args(Evidence)
    for caller, known, evidence, history, critical, passed, ordered in product(
        callers, yes_no, evidences, histories, yes_no, yes_no, yes_no
    ):
        yield Case(*caller, known, evidence, history, critical, passed, ordered)


class Part(BaseModel):
    """The base of every part of a pack: strict, closed, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


Line = Annotated[str, Field(min_length=1)]


class When(Part):
    """Facts that must hold together; a fact that is absent may have any value.

    `symptomatic` is short for a trigger symptom that is coded or read.
    """

    caller_kind: CallerKind | None = None
    can_admit_suspected: bool | None = None
    known_case: bool | None = None
    symptomatic: bool | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(strict=False, min_length=1)] | None = None
    history: Annotated[tuple[History, ...], Field(strict=False, min_length=1)] | None = None
    condition: Literal["stable", "critical"] | None = None
    deadline_passed: bool | None = None
    crew_ordered: bool | None = None

    def holds(self, case: Case) -> bool:
        """Say whether every fact named here is so in a case."""
        return (
            self.caller_kind in {None, case.caller_kind}
            and self.can_admit_suspected in {None, case.can_admit_suspected}
            and self.known_case in {None, case.known_case}
            and self.symptomatic in {None, case.evidence in SYMPTOMATIC}
            and (self.evidence is None or case.evidence in self.evidence)
            and (self.history is None or case.history in self.history)
            and (self.condition is None or (self.condition == "critical") == case.critical)
            and self.deadline_passed in {None, case.deadline_passed}
            and self.crew_ordered in {None, case.crew_ordered}
        )


class Outcome(NamedTuple):
    """What a rule leads to in one case; all None where the rule only asks."""

    action: Action
    crew: CrewKind | None
    ppe: Protection | None
    destination: Destination | None
    disinfection: Disinfection | None
    life_support: bool


class Rule(Part):
    """One rule: when any of `any` holds, what follows, and the clause it comes from.

    `announce` says when the receiving hospital is told: with the order, or once the patient is on
    the way.
    """

    id: Identifier
    any: Annotated[tuple[When, ...], Field(strict=False, min_length=1)]
    action: Action
    crew: CrewKind | None = None
    ppe: Protection | None = None
    destination: Destination | None = None
    destination_if_critical: Destination | None = None
    disinfection: Disinfection | None = None
    life_support_if_critical: bool = False
    announce: Announce = "order"
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _outcome_is_whole(self) -> Self:
        outcome = {
            "crew": self.crew,
            "ppe": self.ppe,
            "destination": self.destination,
            "disinfection": self.disinfection,
        }
        for name, value in outcome.items():
            if self.action == "dispatch" and value is None:
                raise place_error(name, "is required where the action is dispatch")
            if self.action == "ask" and value is not None:
                raise place_error(name, "must be absent where the action is ask")
        return self

    def holds(self, case: Case) -> bool:
        """Say whether the rule is about a case."""
        return any(when.holds(case) for when in self.any)

    def outcome(self, case: Case) -> Outcome:
        """Return what follows in a case."""
        elsewhere = self.destination_if_critical if case.critical else None
        return Outcome(
            action=self.action,
            crew=self.crew,
            ppe=self.ppe,
            destination=elsewhere or self.destination,
            disinfection=self.disinfection,
            life_support=self.life_support_if_critical and case.critical,
        )


def place_error(place: str, reason: str) -> PydanticCustomError:
    """Make the error that names a place below the part that raises it."""
    return PydanticCustomError("pack", "{reason}", {"field": place, "reason": reason})


def compile_table(rules: Sequence[Rule]) -> dict[Case, Rule]:
    """Return the rule for every case; a case that no rule is about is absent."""
    table: dict[Case, Rule] = {}
    for case in every_case():
        for rule in rules:
            if rule.holds(case):
                table[case] = rule
                break
    return table


def check_table(rules: Sequence[Rule]) -> None:
    """Raise a pack error for a table that is broken.

    It is where it repeats an id, leaves a case open, has a rule that nothing reaches, or lets a
    patient wait for answers who must not: only a coded trigger of a stable patient does, and not
    once a crew has its order.
    """
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in seen:
            raise place_error(f"{index}.id", f"{rule.id} is there twice")
        seen.add(rule.id)
    table = compile_table(rules)
    for case in every_case():
        if case not in table:
            facts = ", ".join(f"{name}={value}" for name, value in case._asdict().items())
            raise PydanticCustomError("pack", "no rule for {facts}", {"facts": facts})
        may_wait = case.evidence == "coded" and not case.critical and not case.crew_ordered
        if table[case].action == "ask" and not may_wait:
            raise PydanticCustomError(
                "pack",
                "{rule} asks first where nobody may wait: evidence={evidence}, "
                "critical={critical}, crew_ordered={crew_ordered}",
                {"rule": table[case].id, **case._asdict()},
            )
    reached = {rule.id for rule in table.values()}
    for index, rule in enumerate(rules):
        if rule.id not in reached:
            raise place_error(f"{index}", f"{rule.id} is never reached: earlier rules take it all")
