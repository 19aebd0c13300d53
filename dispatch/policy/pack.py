"""A policy pack: everything that a pathogen or a jurisdiction decides, as data.

A pack is one TOML file. Nothing outside the packs knows a symptom, a limit or a rule. Distances
are metres, speeds km/h, times seconds, minutes or days, as each name says.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from dispatch.errors import PackError
from dispatch.policy.fillers import Fillers
from dispatch.policy.meaning import Meanings
from dispatch.policy.reading import Reader
from dispatch.policy.rules import (
    Case,
    Line,
    Outcome,
    Part,
    Rule,
    check_table,
    compile_table,
    place_error,
)
from dispatch.policy.temperature import Threshold
from dispatch.policy.vocabulary import Vocabulary, load_vocabulary
from dispatch.toml_file import read_toml
from dispatch.topics.city import CityMode
from dispatch.topics.codes import (
    ClockKind,
    ConcentrationUnit,
    Destination,
    Disinfection,
    DisinfectionMethod,
    Item,
    Protection,
)
from dispatch.topics.fields import (
    CaseStatus,
    CaseStatusFound,
    Condition,
    CrewKind,
    Identifier,
    VehicleKind,
    in_a_line,
)
from dispatch.topics.transfers import Mobility, Severity
from dispatch.topics.units import UnitStatus

ITEMS: tuple[Item, ...] = get_args(Item)
# Where a suspicion is taken that is not excluded.
_FOR_SUSPICIONS: tuple[Destination, ...] = (
    "designated_hospital",
    "fever_clinic",
    "emergency_buffer",
)
PACKS = resources.files("dispatch.policy") / "packs"

K = TypeVar("K")
V = TypeVar("V")


def _every(keys: Any) -> Callable[[Mapping[K, V]], Mapping[K, V]]:
    """Make the check that a table has an entry for each of these keys."""
    wanted = get_args(keys)

    def check(table: Mapping[K, V]) -> Mapping[K, V]:
        lacking = [key for key in wanted if key not in table]
        if lacking:
            raise PydanticCustomError(
                "pack", "has nothing for {keys}", {"keys": ", ".join(map(str, lacking))}
            )
        return table

    return check


def _rules_decide_everything(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    check_table(rules)
    return rules


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Minutes = NotNegative
Seconds = Annotated[int, Field(gt=0)]
Rank = Annotated[int, Field(ge=0)]
Codes = Annotated[tuple[Identifier, ...], Field(strict=False)]
SomeCodes = Annotated[tuple[Identifier, ...], Field(strict=False, min_length=1)]


class TransferOutcome(Part):
    """What is sent, worn and done for a kind of transfer that the rules are not about."""

    rule: Identifier
    crew: CrewKind
    ppe: Protection
    destination: Destination
    disinfection: Disinfection


class Validity(Part):
    """When the pack is in force: from a time on, until another or open-ended."""

    starts: AwareDatetime
    ends: AwareDatetime | None = None

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.ends is not None and self.ends <= self.starts:
            raise place_error("ends", "must be later than starts")
        return self


class Wording(Part):
    """One text in both languages."""

    zh: Line
    en: Line


class Screening(Part):
    """What asks for screening, and how (120 plan §4).

    `questions` are the four items in their order; `{days}` in them is the window. The deadline
    counts from the call's received_at. `unknown_counts_in` are the city's modes in which symptoms
    that nobody knows are treated as they might be; in the others as none.
    """

    trigger_symptoms: SomeCodes
    early_symptoms: Codes
    temperature: Threshold
    unknown_counts_in: Annotated[tuple[CityMode, ...], Field(strict=False)]
    history_window_days: Annotated[int, Field(ge=1, le=365)]
    deadline_seconds: Seconds
    questions: Annotated[dict[Item, Wording], AfterValidator(_every(Item))]

    @model_validator(mode="after")
    def _no_symptom_twice(self) -> Self:
        both = [code for code in self.early_symptoms if code in self.trigger_symptoms]
        if both:
            raise place_error("early_symptoms", f"{', '.join(both)}: among trigger_symptoms too")
        return self


class Ranks(Part):
    """What is more than what: nothing is lowered once the crew has met the patient."""

    ppe: Annotated[dict[Protection, Rank], AfterValidator(_every(Protection))]
    disinfection: Annotated[dict[Disinfection, Rank], AfterValidator(_every(Disinfection))]
    destination: Annotated[dict[Destination, Rank], AfterValidator(_every(Destination))]


class Dress(Part):
    """What is worn at one level: codes that `protection.items` puts into words."""

    crew: SomeCodes
    driver: SomeCodes
    receiving_staff: SomeCodes


class ProtectionLists(Part):
    """What is worn at each level, and for how many minutes a set may be worn.

    `timed_levels` are those for which that counts: what is worn at the others is taken off at will.
    """

    max_wear_minutes: Positive
    timed_levels: Annotated[tuple[Protection, ...], Field(strict=False)]
    levels: Annotated[dict[Protection, Dress], AfterValidator(_every(Protection))]
    items: dict[Identifier, Wording]

    @model_validator(mode="after")
    def _items_have_words(self) -> Self:
        for level, dress in self.levels.items():
            for wearer in ("crew", "driver", "receiving_staff"):
                for item in getattr(dress, wearer):
                    if item not in self.items:
                        raise place_error(f"levels.{level}.{wearer}", f"{item} is not among items")
        return self


Urgency = Literal["critical", "stable"]
Limits = Annotated[dict[Urgency, Annotated[int, Field(ge=0)]], AfterValidator(_every(Urgency))]


class Allocation(Part):
    """How a unit is chosen, and how long anything may wait.

    `minutes_until_free` is by unit status (a status that is absent: nobody can say),
    `queue_escalation_seconds` by condition. From `mass_casualty_patients` on an incident is one;
    from `mass_casualty_stable_ill` on, where they are stable, are cases or have a trigger symptom
    by its code, and need nothing of a hospital but for their age. Without a regular crew within
    `critical_reach_minutes`, a critical patient gets a transfer crew as the last resort. A hold
    without an end ends after `hold_seconds`, any within `hold_at_most_seconds`, and somebody is
    reminded of it every `hold_reminder_seconds`. A unit that has handed over, owes no disinfection
    and says nothing counts as on its way back after `assume_returning_seconds`. A unit that is free
    takes over the run of a crew that is not there yet where it comes `take_over_seconds` sooner, or
    more; without that, never.

    These limits are by how urgent it is; an unknown condition is `critical`, too. A crew that suits
    better (of the kind asked for, or with negative pressure) may come `suited_later_seconds` after
    the first that could be there; one that takes over a run `swap_later_seconds` after the crew on
    its way, which is not turned round `at_the_door_seconds` from its patient unless the other is as
    near. A crew that has more than `far_seconds` to go is sent, and escalated.
    """

    position_fresh_seconds: Seconds
    road_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    speed_kmh: Positive
    own_district_within_minutes: Minutes
    neighbour_within_minutes: Minutes
    critical_reach_minutes: Minutes
    transfer_wait_minutes: Minutes
    minutes_until_free: dict[UnitStatus, Minutes]
    patients_per_vehicle: Annotated[
        dict[CrewKind, Annotated[int, Field(ge=1)]], AfterValidator(_every(CrewKind))
    ]
    mass_casualty_patients: Annotated[int, Field(ge=2)]
    mass_casualty_stable_ill: Annotated[int, Field(ge=2)]
    order_acknowledgement_seconds: Seconds
    hold_seconds: Seconds
    hold_at_most_seconds: Seconds
    hold_reminder_seconds: Seconds
    assume_returning_seconds: Seconds
    take_over_seconds: Seconds | None = None
    suited_later_seconds: Limits
    swap_later_seconds: Limits
    at_the_door_seconds: Seconds
    far_seconds: Limits
    queue_escalation_seconds: Annotated[dict[Condition, Seconds], AfterValidator(_every(Condition))]

    @model_validator(mode="after")
    def _holds_end_in_time(self) -> Self:
        if self.hold_seconds > self.hold_at_most_seconds:
            raise place_error("hold_seconds", "must not be more than hold_at_most_seconds")
        return self


class RadioOut(Part):
    """When radio or network are taken to be out: so many `orders` in so many seconds unanswered.

    No crew must have been heard meanwhile.
    """

    orders: Annotated[int, Field(ge=2)]
    within_seconds: Seconds


class Positions(Part):
    """Which positions are believed.

    None that is farther from the last than a vehicle comes at `fastest_kmh`, and
    `inaccuracy_metres` more, unless `agreeing_reports` one after the other say so; none more than
    `bounds_margin_metres` outside the city's bounds.
    """

    fastest_kmh: Positive
    inaccuracy_metres: NotNegative
    agreeing_reports: Annotated[int, Field(ge=2)]
    bounds_margin_metres: NotNegative


class FleetDuties(Part):
    """What the fleet must have (120 plan §1): a district, and as a share (0 to 1) of all units."""

    negative_pressure_per_district: Annotated[int, Field(ge=0)]
    negative_pressure_share: Annotated[float, Field(ge=0, le=1)]


class Linking(Part):
    """When two calls are about the same incident.

    Exact places within `near_metres` are one, within `far_metres` they may be, and beyond they
    contradict each other. A place from the same telephone counts as another from `moved_metres` on.
    `filler_phones` are written where nobody's number is known, in digits alone.
    """

    window_minutes: Minutes
    near_metres: Positive
    far_metres: Positive
    moved_metres: NotNegative
    age_tolerance_years: NotNegative
    complaint_similarity: Annotated[float, Field(ge=0, le=1)]
    filler_phones: Annotated[frozenset[Line], Field(strict=False)] = frozenset()

    @model_validator(mode="after")
    def _near_is_not_far(self) -> Self:
        if self.near_metres > self.far_metres:
            raise place_error("near_metres", "must not be more than far_metres")
        return self


class Handover(Part):
    """How a hospital is told, reminded and passed over, and what it prepares (120 plan §5).

    The limits count from the announcement, the signature's from the arrival. `rooms` is the kind
    of room that each destination reserves; `tests_on_arrival` is by PPE level, `timed_test` the one
    of them whose result has a limit. An estimated arrival allows `on_scene_minutes` for the work on
    scene; one that changes by at least `arrival_change_seconds` is told.
    """

    remind_seconds: Seconds
    next_hospital_seconds: Seconds
    escalate_seconds: Seconds
    signature_seconds: Seconds
    arrival_change_seconds: Seconds
    on_scene_minutes: Minutes
    rooms: Annotated[dict[Destination, Identifier], AfterValidator(_every(Destination))]
    tests_on_arrival: Annotated[dict[Protection, Codes], AfterValidator(_every(Protection))]
    timed_test: Identifier

    @model_validator(mode="after")
    def _times_a_test_on_arrival(self) -> Self:
        if not any(self.timed_test in tests for tests in self.tests_on_arrival.values()):
            raise place_error("timed_test", f"{self.timed_test} is not among tests_on_arrival")
        return self

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.remind_seconds < self.next_hospital_seconds <= self.escalate_seconds:
            raise place_error(
                "next_hospital_seconds", "must lie between remind_seconds and escalate_seconds"
            )
        return self


class Minimum(Part):
    """The least that disinfects: concentration in `unit`, contact time in minutes."""

    method: DisinfectionMethod
    unit: ConcentrationUnit
    min_concentration: Positive
    min_minutes: Positive
    closed: bool
    millilitres_per_cubic_metre: Positive | None = None


class TerminalDisinfection(Part):
    """Where a vehicle is disinfected, with what at least, and what the job says (120 plan §3, §6).

    `required_agent` is what the job names; a certificate may name any agent of `minimums`.
    """

    where: Literal["receiving_hospital", "base"]
    required_agent: Identifier
    equipment: SomeCodes
    waste: Wording
    overdue_minutes: Positive
    minimums: Annotated[dict[Identifier, Minimum], Field(min_length=1)]

    @model_validator(mode="after")
    def _agent_has_a_minimum(self) -> Self:
        if self.required_agent not in self.minimums:
            raise place_error("required_agent", f"{self.required_agent} is not among minimums")
        return self


class TransferKind(Part):
    """One kind of patients who are moved between institutions (domain, transfers).

    The rules of the table decide on a kind with a case status or symptoms; a kind without either
    has an outcome of its own, under `rule`. `follow_up_days` says how long a patient is followed
    after arrival.
    """

    title: Wording
    source: Line
    case_status: Literal["none", "suspected", "confirmed", "asymptomatic"] = "none"
    symptoms: Codes = ()
    outcome: TransferOutcome | None = None
    patients_per_vehicle: Annotated[int, Field(ge=1)] = 1
    follow_up_days: Positive | None = None

    @model_validator(mode="after")
    def _is_decided_once(self) -> Self:
        by_rules = self.case_status != "none" or bool(self.symptoms)
        if by_rules == (self.outcome is not None):
            raise place_error(
                "outcome", "is needed where neither a case status nor a symptom decides, else not"
            )
        return self


class Need(Wording):
    """A need, and what it asks for: vehicles that may carry it, a capability of the hospital.

    The capability of one that is `never_delayed` is waited for by nobody (work plans (七)2).
    """

    vehicles: Annotated[tuple[VehicleKind, ...], Field(strict=False)] = ()
    capability: Identifier | None = None
    never_delayed: bool = False


class ExtraMinutes(Part):
    """How many minutes more than to the nearest hospital that suits a patient is taken for a need.

    `isolating` for one who must be isolated, `ordinary` for all others.
    """

    isolating: Minutes
    ordinary: Minutes


class WhyHospital(Part):
    """Why a hospital was chosen, in words with places for what it is about.

    `able` and `unable` only say what it has and lacks: it is not the nearest, or another has more.
    """

    nearest: Wording
    further: Wording
    able: Wording
    lacking: Wording
    unable: Wording


class Needs(Part):
    """What patients may need: the one list, for calls, transfers and hospitals' capabilities.

    Patients below `child_below_years` need `child_need`, one of the codes.
    """

    child_below_years: NotNegative
    child_need: Identifier
    extra_minutes: ExtraMinutes
    why: WhyHospital
    codes: Annotated[dict[Identifier, Need], Field(min_length=1)]

    @model_validator(mode="after")
    def _children_need_something_listed(self) -> Self:
        if self.child_need not in self.codes:
            raise place_error("child_need", f"{self.child_need} is not among codes")
        return self


class Moving(Part):
    """How long loading and handing over take, in minutes, by how the patient moves."""

    load_minutes: Positive
    hand_over_minutes: Positive


class Batches(Part):
    """How a batch is planned; a trip `late_minutes` late, or a unit as early, is planned anew.

    `bays` is how many vehicles are disinfected at once where hospitals do not say.
    """

    gravest_first: bool
    loading_places: Annotated[int, Field(ge=1)]
    bays: Annotated[int, Field(ge=1)]
    disinfection_minutes: NotNegative
    solve_seconds: Positive
    late_minutes: Positive
    moving: Annotated[dict[Mobility, Moving], AfterValidator(_every(Mobility))]


class Transfers(Part):
    """How a transfer is arranged: kinds of patients, beds by severity, limits.

    `beds` names the bed kinds that do for a case, best first. A bed that was accepted is kept for
    `kept_hours`; where nobody has room it is looked for again every `search_seconds`.
    """

    kept_hours: Positive
    search_seconds: Seconds
    kinds: Annotated[dict[Identifier, TransferKind], Field(min_length=1)]
    beds: Annotated[dict[Severity, SomeCodes], AfterValidator(_every(Severity))]
    batches: Batches

    @model_validator(mode="after")
    def _moves_every_case(self) -> Self:
        for status in get_args(CaseStatusFound):
            if not any(kind.case_status == status for kind in self.kinds.values()):
                raise place_error("kinds", f"has nothing for {status} cases")
        return self

    def kind_of_case(self, case_status: CaseStatus) -> str:
        """Return the kind of transfer that moves a case (not `none`), the first of the pack."""
        return next(code for code, kind in self.kinds.items() if kind.case_status == case_status)


class Tiers(Part):
    """When the next tier of hospitals is called in, and the beds that a city owes (work plans).

    Shares are from 0 to 1: of a tier's capacity; case beds of general beds, ICU beds of case beds.
    `room_kinds` are the kinds of beds for cases, `intensive` those of them that are ICU beds.
    """

    step_share: Annotated[float, Field(gt=0, le=1)]
    case_bed_share: Annotated[float, Field(ge=0, le=1)]
    intensive_share: Annotated[float, Field(ge=0, le=1)]
    room_kinds: SomeCodes
    intensive: SomeCodes
    general: SomeCodes


class Supplies(Part):
    """How many days supplies must last at full load."""

    days: Positive


class ClockLimit(Part):
    """A limit: how long, how long before its end it warns, who is told, and where it comes from.

    `share` is the share of cases (0 to 1) that must keep it, where the source names one.
    """

    limit_seconds: Positive
    warn_seconds: Positive | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    escalate_to: Identifier
    source: Line

    @model_validator(mode="after")
    def _warns_in_time(self) -> Self:
        if self.warn_seconds is not None and self.warn_seconds >= self.limit_seconds:
            raise place_error("warn_seconds", "must be less than limit_seconds")
        return self


class Reports(Part):
    """How reports are sent again until acknowledged, and what makes cases a cluster.

    Cases within `cluster_metres` of each other, or of one institution, within `cluster_days` are a
    cluster from `cluster_cases` on.
    """

    resend_minutes: Positive
    cluster_cases: Annotated[int, Field(ge=2)]
    cluster_days: Positive
    cluster_metres: Positive


class Events(Part):
    """How long an event waits for what nobody has heard of, and how far clocks may differ.

    `future_tolerance_seconds` is how far ahead of now a time may be, and within what those of
    different senders agree. A call's time that is further behind than `past_tolerance_seconds` is
    of a clock that was never set, and is taken as now. It is longer than calls may lie while the
    service stands still.
    """

    parked_seconds: Seconds
    future_tolerance_seconds: Seconds
    past_tolerance_seconds: Seconds


@dataclass(frozen=True, slots=True)
class Question:
    """A question that is still to be asked, in both languages."""

    item: Item
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The pack that a decision was taken under."""

    pack: str
    version: str


class Pack(Part):
    """A policy pack as its file has it."""

    name: Identifier
    version: Identifier
    title: Wording
    sources: Annotated[tuple[Line, ...], Field(strict=False, min_length=1)]
    validity: Validity
    vocabulary: Vocabulary
    screening: Screening
    rules: Annotated[
        tuple[Rule, ...],
        Field(strict=False, min_length=1),
        AfterValidator(_rules_decide_everything),
    ]
    ranks: Ranks
    protection: ProtectionLists
    allocation: Allocation
    positions: Positions
    radio_out: RadioOut
    fleet: FleetDuties
    linking: Linking
    handover: Handover
    disinfection: TerminalDisinfection
    reports: Reports
    needs: Needs
    transfers: Transfers
    tiers: Tiers
    supplies: Supplies
    clocks: Annotated[dict[ClockKind, ClockLimit], AfterValidator(_every(ClockKind))]
    events: Events

    @model_validator(mode="after")
    def _suspicions_stay_out_of_wards(self) -> Self:
        """A suspicion that is not excluded is never taken to a general ward (120 plan §5)."""
        for destination in _FOR_SUSPICIONS:
            if self.handover.rooms[destination] in self.tiers.general:
                raise place_error(
                    f"handover.rooms.{destination}", "is a general bed, which no suspicion may take"
                )
        return self

    @model_validator(mode="after")
    def _symptoms_have_words(self) -> Self:
        for name in ("trigger_symptoms", "early_symptoms"):
            for code in getattr(self.screening, name):
                self._must_have_words(code, f"screening.{name}")
        self._must_have_words(self.screening.temperature.symptom, "screening.temperature.symptom")
        return self

    @model_validator(mode="after")
    def _words_ask_for_needs_listed(self) -> Self:
        for code in self.vocabulary.needs:
            if code not in self.needs.codes:
                raise place_error("needs.codes", f"has nothing for {code} of the vocabulary")
        return self

    def _must_have_words(self, code: str, place: str) -> None:
        if code not in self.vocabulary.symptoms:
            raise place_error(place, f"{code} is not among the vocabulary's symptoms")

    @cached_property
    def reader(self) -> Reader:
        """Reads symptoms and needs in the pack's vocabulary."""
        return Reader(self.vocabulary)

    @cached_property
    def meanings(self) -> Meanings:
        """Tells what callers' words amount to, in the pack's vocabulary."""
        vague = self.vocabulary.placeholders.symptoms
        return Meanings(self.reader, self.screening.temperature, vague)

    @cached_property
    def fillers(self) -> Fillers:
        """Tells names and addresses from what only fills their fields."""
        return Fillers(self.vocabulary)

    @cached_property
    def table(self) -> dict[Case, tuple[Rule, Outcome]]:
        """The rule and its outcome for every case."""
        return {
            case: (rule, rule.outcome(case)) for case, rule in compile_table(self.rules).items()
        }

    @cached_property
    def triggers(self) -> frozenset[str]:
        """The symptoms any of which makes a patient symptomatic."""
        return frozenset(self.screening.trigger_symptoms)

    @cached_property
    def known_symptoms(self) -> frozenset[str]:
        """Every symptom's code."""
        return frozenset(self.vocabulary.symptoms)

    @cached_property
    def needs_of_symptom(self) -> dict[str, tuple[str, ...]]:
        """The needs that symptoms ask for by their codes."""
        found: dict[str, tuple[str, ...]] = {}
        for need, words in self.vocabulary.needs.items():
            for code in words.symptoms:
                found[code] = (*found.get(code, ()), need)
        return found

    @cached_property
    def capability_names(self) -> dict[str, Wording]:
        """The name of each capability: that of the need of its own name, else of the first."""
        names: dict[str, Wording] = {}
        for code, need in self.needs.codes.items():
            if code == need.capability or need.capability not in (None, *names):
                names[str(need.capability)] = need
        return names

    @cached_property
    def child_capability(self) -> str | None:
        """What children need of a hospital by their age alone."""
        return self.needs.codes[self.needs.child_need].capability

    @cached_property
    def needs_by_name(self) -> dict[str, str]:
        """The code of a need by itself and by its name in both languages, in lower case."""
        return {
            name.casefold(): code
            for code, need in self.needs.codes.items()
            for name in (code, need.zh, need.en)
        }

    @cached_property
    def asking_for_nothing(self) -> frozenset[str]:
        """The symptoms whose codes ask for nothing of a hospital."""
        return self.known_symptoms - self.needs_of_symptom.keys() - self.needs.codes.keys()

    @cached_property
    def never_delayed(self) -> frozenset[str]:
        """The capabilities that nobody waits for."""
        needs = self.needs.codes.values()
        return frozenset(
            each.capability for each in needs if each.capability and each.never_delayed
        )

    def capabilities_for(self, needs: Collection[str]) -> tuple[str, ...]:
        """Return the capabilities that needs ask for, in the order of the list, each once.

        Given again what it returned, it returns the same.
        """
        asked = {
            need.capability
            for code, need in self.needs.codes.items()
            if code in needs or need.capability in needs
        }
        return tuple(each for each in self.capability_names if each in asked)

    @cached_property
    def deadline(self) -> timedelta:
        """How long after received_at the screening may take."""
        return timedelta(seconds=self.screening.deadline_seconds)

    @cached_property
    def policy(self) -> PolicyInForce:
        """How decisions and log lines name this pack."""
        return PolicyInForce(self.name, self.version)

    @cached_property
    def questions(self) -> dict[tuple[Item, ...], tuple[Question, ...]]:
        """The questions for every choice of items (in their order), the window filled in."""
        days = str(self.screening.history_window_days)
        asked = {
            item: Question(item, words.zh.replace("{days}", days), words.en.replace("{days}", days))
            for item, words in self.screening.questions.items()
        }
        return {
            items: tuple(asked[item] for item in items)
            for number in range(len(ITEMS) + 1)
            for items in combinations(ITEMS, number)
        }

    @cached_property
    def _announced_later(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.rules if rule.announce != "order")

    def rule(self, rule_id: str) -> Rule:
        """Return the rule of an id; raise KeyError where the pack has none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)

    def announced_with_order(self, rule_id: str) -> bool:
        """Return whether the hospital is told with the order; always for a transfer's own rule."""
        return rule_id not in self._announced_later


def pack_names() -> list[str]:
    """Return the names of the packs that come with the service."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in PACKS.iterdir()
        if entry.name.endswith(".toml")
    )


def built_in(name: str) -> str:
    """Return the TOML of a pack that comes with the service; raise PackError where none does."""
    if name not in pack_names():
        raise PackError(f"{name}: not the name of a pack ({', '.join(pack_names())})")
    return (PACKS / f"{name}.toml").read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def load_pack(name_or_path: str) -> Pack:
    """Return a pack by its name, or by the path of its file; read once a process.

    Raises PackError with the file, the place in it and the reason.
    """
    if name_or_path in pack_names():
        with resources.as_file(PACKS / f"{name_or_path}.toml") as path:
            return read_pack(path)
    path = Path(name_or_path)
    try:
        there = bool(name_or_path) and path.exists()
    except (OSError, ValueError):
        # Longer than a name may be, or with a NUL in it.
        there = False
    if not there:
        names = ", ".join(pack_names())
        raise PackError(f"{name_or_path}: neither the name of a pack ({names}) nor a file")
    return read_pack(path)


def read_pack(path: Path) -> Pack:
    """Read a pack's file, and the vocabulary that it names.

    Raises PackError with the file, the place in it and the reason.
    """
    content = read_toml(path, PackError)
    try:
        return pack_from(content, path.parent)
    except PackError as error:
        raise PackError(f"{path}: {error}") from error
    except ValidationError as error:
        raise PackError(f"{path}: {in_a_line(error)}") from error


def pack_from(content: Mapping[str, Any], beside: Path) -> Pack:
    """Return the pack of a file's content; where its vocabulary is a file, it is beside that file.

    Raises PackError of the vocabulary, ValidationError of anything else.
    """
    name = content.get("vocabulary")
    words = {"vocabulary": load_vocabulary(name, beside)} if isinstance(name, str) else {}
    return Pack.model_validate({**content, **words})
