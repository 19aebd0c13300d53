"""The sets of values of what the service publishes.

What is closed is a Literal: its JSON Schema has an `enum`, and a value more would be a breaking
change. What is open says so in its description: a policy pack or a city's plan defines it, or the
service will add to it, and readers show what they don't know.
"""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field, WithJsonSchema

# -- closed

Action = Literal["dispatch", "ask"]
Protection = Literal["standard", "enhanced", "full"]
Destination = Literal[
    "designated_hospital",
    "fever_clinic",
    "emergency_buffer",
    "nearest_suitable",
    "isolation_site",
    "home",
    "ward",
]
Disinfection = Literal["terminal", "routine"]
History = Literal["positive", "negative", "undetermined", "incomplete"]
# The four items of the epidemiological history.
Item = Literal["travel", "residence", "close_contact", "exposure"]
# How sure a trigger symptom is: coded; only read from words; something that can't be placed; nobody
# knows; none.
Evidence = Literal["coded", "read", "unplaced", "unknown", "none"]
# Where a symptom was read.
ReadFrom = Literal["symptoms", "chief_complaint"]
# How a unit's run ends: `completed` with the handover, the others without.
RunOutcome = Literal[
    "completed",
    "aborted",
    "empty",
    "refused",
    "unanswered",
    "swapped",
    "rearranged",
    "cancelled",
]
# Who tells where a patient is.
PlaceSource = Literal["caller", "unit", "district_centre"]
# In what two calls agree, beside the telephone.
Alike = Literal["name", "id_number", "sex", "age", "complaint", "symptoms"]
FoundBy = Literal["call", "crew", "hospital", "result"]
DepartureReason = Literal["transport_declined", "left_hospital"]
# The tiers of hospitals for cases, in the order in which they are called in.
TierName = Literal["designated", "reserve_designated", "temporary"]
Duty = Literal[
    "negative_pressure_per_district",
    "negative_pressure_share",
    "case_bed_share",
    "intensive_share",
]
DisinfectionMethod = Literal["wipe", "aerosol"]
ConcentrationUnit = Literal["mg/L", "percent"]

# -- open: the service will add to them

ClockKind = Literal[
    "call_answered",
    "accepted_to_order",
    "order_to_rolling",
    "case_reported",
    "crossing_reported",
    "result_fever_clinic",
    "result_other",
    "survey",
    "reserve_emptied",
    "reserve_in_service",
    "temporary_in_service",
    "transfer_answered",
    "follow_up",
]
# What to do about each is in docs/escalations.md.
EscalationKind = Literal[
    "any_vehicle",
    "batch_late",
    "batch_unplaced",
    "batch_unplanned",
    "call_unreadable",
    "capability_lacking",
    "clock_breached",
    "cluster_found",
    "crew_far_away",
    "crew_exposed",
    "crew_infected",
    "disinfection_overdue",
    "handover_unanswered",
    "handover_unsigned",
    "hospital_closed",
    "last_tier_filling",
    "mass_casualty",
    "no_designated_hospital",
    "no_hospital",
    "no_room",
    "no_transfer_crew_to_swap",
    "patient_left",
    "regular_instead_of_transfer",
    "radio_out",
    "reservation_expired",
    "room_inconsistent",
    "run_aborted",
    "run_refused",
    "run_unanswered",
    "source_set_apart",
    "still_held",
    "supplies_short",
    "timer_failed",
    "transfer_as_last_resort",
    "transfer_unplaced",
    "transport_declined",
    "unit_inconsistent",
    "waiting_for_unit",
    "wear_time_exceeded",
]


def _growing(what: str, known: object) -> WithJsonSchema:
    """Return what an open set's schema says: the values that are known now stand as examples."""
    return WithJsonSchema(
        {
            "type": "string",
            "description": f"{what}: an open set, others will be added.",
            "examples": list(get_args(known)),
        }
    )


AnyClockKind = Annotated[ClockKind, _growing("Which limit", ClockKind)]
AnyEscalationKind = Annotated[EscalationKind, _growing("What it is about", EscalationKind)]

_WHY: Final = "A code of why a unit was chosen, or not: an open set, others will be added."
WhyCode = Annotated[str, Field(description=_WHY)]
_REFUSED: Final = (
    "The type of the input, an event of an input topic, or `unknown`: an open set, for others will "
    "be added, and a sender may have made up its own."
)
Refused = Annotated[str, Field(description=_REFUSED)]


# -- open: the policy pack or the city's plan defines them


def _of_pack(what: str) -> str:
    return f"{what} of the policy pack in force: an open set."


RuleId = Annotated[str, Field(description=_of_pack("The id of a rule"))]
RoomKind = Annotated[str, Field(description=_of_pack("A kind of room or bed"))]
Agent = Annotated[str, Field(description=_of_pack("The code of an agent"))]
Test = Annotated[str, Field(description=_of_pack("The code of a test"))]
Wearable = Annotated[str, Field(description=_of_pack("The code of something worn"))]
Capability = Annotated[str, Field(description=_of_pack("The code of a capability"))]
NeedCode = Annotated[str, Field(description=_of_pack("The code of a need"))]
Symptom = Annotated[
    str, Field(description=f"{_of_pack('The code of a symptom')[:-1]}, or a word that was sent.")
]
TransferKindCode = Annotated[str, Field(description=_of_pack("A kind of transfer"))]
Told = Annotated[str, Field(description=_of_pack("Whom a limit is told to"))]
Equipment = Annotated[str, Field(description=_of_pack("The code of equipment"))]
CleaningAgent = Annotated[
    str, Field(description="What the crew said that it cleaned with: an open set.")
]
