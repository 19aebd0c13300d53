"""An epidemic laid over recorded calls: symptoms, histories and answers that the record lacks.

Everything follows from a seed and the call's id. The shares are chosen so that a few thousand
calls meet every rule of the pack, not to resemble any real epidemic.
"""

import random
from dataclasses import dataclass
from typing import Any, Final

ITEMS: Final = ("travel", "residence", "close_contact", "exposure")
_SYMPTOMS: Final = ("fever", "cough", "sore_throat", "shortness_of_breath", "fatigue", "myalgia")
_COMPLAINTS: Final = (
    "chest pain",
    "fall",
    "abdominal pain",
    "fainting",
    "traffic accident",
    "stroke",
    "headache",
    "seizure",
    "back pain",
    "overdose",
    "bleeding",
    "allergic reaction",
)

# Shares of all calls, unless they say otherwise.
SYMPTOMATIC: Final = 0.25
INSTITUTION: Final = 0.06
INSTITUTION_SYMPTOMATIC: Final = 0.6
ADMITS_SUSPECTED: Final = 0.4
KNOWN_CASE: Final = 0.02
# Of the symptomatic calls: all four questions asked at once; of the others: any asked at all.
ASKED_AT_ONCE: Final = 0.5
ASKED_WITHOUT_SYMPTOMS: Final = 0.15
# Of the answers to one question.
YES: Final = 0.05
UNKNOWN: Final = 0.06
# Of the calls that are asked about: answered in time, answered late; the others never.
ANSWERED: Final = 0.75
ANSWERED_LATE: Final = 0.15
_IN_TIME: Final = (8.0, 50.0)  # s after the questions were put
_LATE: Final = (70.0, 600.0)
_AGES: Final = (1, 95)


@dataclass(frozen=True, slots=True)
class Overlay:
    """What an epidemic adds to one call."""

    caller: dict[str, Any]
    patient: dict[str, Any]
    complaint: str
    answers: dict[str, str]
    answers_after: float | None


def overlay(seed: int, call_id: str, condition: str) -> Overlay:
    """Return what the epidemic of a seed adds to a call of that condition."""
    draw = random.Random(f"{seed}/epidemic/{call_id}")  # noqa: S311 - a scenario, no secret
    institution = draw.random() < INSTITUTION
    symptomatic = draw.random() < (INSTITUTION_SYMPTOMATIC if institution else SYMPTOMATIC)
    symptoms = draw.sample(_SYMPTOMS[:4], k=draw.randint(1, 2)) if symptomatic else []
    symptoms += draw.sample(_SYMPTOMS[4:], k=draw.randint(0, 1))
    answers = {item: _answer(draw) for item in ITEMS}
    if symptomatic:
        asked = ITEMS if draw.random() < ASKED_AT_ONCE else ITEMS[: draw.randint(0, 3)]
    else:
        asked = ITEMS if draw.random() < ASKED_WITHOUT_SYMPTOMS else ()
    case_status = "none"
    if draw.random() < KNOWN_CASE:
        case_status = draw.choice(("suspected", "confirmed", "asymptomatic"))
    caller: dict[str, Any] = {"kind": "public"}
    if institution:
        caller = {
            "kind": "institution",
            "institution_id": f"clinic-{draw.randint(1, 40)}",
            "can_admit_suspected": draw.random() < ADMITS_SUSPECTED,
        }
    patient = {
        "condition": condition,
        "symptoms": symptoms,
        "case_status": case_status,
        "sex": draw.choice(("female", "male")),
        "age": float(draw.randint(*_AGES)),
        "epidemiology": {item: answers[item] for item in asked},
    }
    willing = draw.random()
    if willing < ANSWERED:
        answers_after: float | None = draw.uniform(*_IN_TIME)
    elif willing < ANSWERED + ANSWERED_LATE:
        answers_after = draw.uniform(*_LATE)
    else:
        answers_after = None
    complaint = draw.choice(_COMPLAINTS)
    if symptomatic:
        complaint = " and ".join(symptoms).replace("_", " ")
    return Overlay(caller, patient, complaint, answers, answers_after)


def _answer(draw: random.Random) -> str:
    said = draw.random()
    if said < YES:
        return "yes"
    return "unknown" if said < YES + UNKNOWN else "no"
