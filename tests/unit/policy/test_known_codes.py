"""What was decided on the packs' own symptom codes before complaints were read, to the letter.

Words, typing errors and "not known" came later; no decision on codes alone may change with them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations, product
from typing import Any, Final, get_args

import orjson
import pytest

from dispatch.policy.decision import Decision, Facts, decide
from dispatch.policy.pack import ITEMS, Pack, load_pack
from dispatch.topics.city import CityMode
from dispatch.topics.fields import CaseStatus, Condition

RECEIVED_AT: Final = datetime(2022, 12, 23, 0, 0, tzinfo=UTC)
CALLERS: Final = (("public", None), ("institution", True), ("institution", False))
ALL_NO: Final[dict[str, Any]] = dict.fromkeys(ITEMS, "no")
ALL_UNKNOWN: Final[dict[str, Any]] = dict.fromkeys(ITEMS, "unknown")
HISTORIES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"travel": "no", "exposure": "unknown"},
    {"close_contact": "yes"},
    ALL_NO | {"residence": "yes"},
    ALL_NO,
    ALL_NO | {"exposure": "unknown"},
    ALL_UNKNOWN,
)
AFTER: Final = (timedelta(0), timedelta(seconds=60))

# As it was then: how often each rule decided, and the digest of every decision, by pack.
RULES: Final = {
    "R1": 3411,
    "R2": 2568,
    "R3": 5136,
    "R4": 8160,
    "R5": 4056,
    "R5T": 24,
    "R6": 144,
    "R7": 112,
    "R8": 312,
    "R9": 732,
    "TC": 7,
    "TR": 7,
    "TI": 7,
}
BEFORE: Final = {
    "covid-19": "71412303ad72b0adad2405c07fb01d626d9b3883c3b4a84f8c70efb8022f1971",
    "influenza-a-h1n1-2009": "40cdfd6a65ab87a5e9e60b72eeea93f64358f43c41cb46385534eae79bfc794c",
}


def known_codes(pack: Pack) -> tuple[str, ...]:
    return (*pack.screening.trigger_symptoms, *pack.screening.early_symptoms)


def every_facts(pack: Pack) -> Iterator[tuple[Facts, timedelta]]:
    """Yield each code alone with everything else, then all sets of codes with what asks or not."""
    codes = known_codes(pack)
    for symptoms, (kind, admits), status, history, condition, after in product(
        ((), *((code,) for code in codes)),
        CALLERS,
        get_args(CaseStatus),
        HISTORIES,
        get_args(Condition),
        AFTER,
    ):
        yield (
            Facts("c-1", RECEIVED_AT, kind, admits, condition, symptoms, status, history),
            after,
        )
    sets = chain.from_iterable(combinations(codes, number) for number in range(len(codes) + 1))
    for symptoms, history, condition in product(sets, HISTORIES[:3], get_args(Condition)):
        yield (
            Facts("c-1", RECEIVED_AT, "public", None, condition, symptoms, "none", history),
            AFTER[0],
        )
    for kind, status, history in product(pack.transfers.kinds, get_args(CaseStatus), HISTORIES):
        yield (
            Facts(
                "c-1", RECEIVED_AT, "institution", False, "stable", codes[:1], status, history, kind
            ),
            AFTER[0],
        )


def told(decision: Decision) -> list[Any]:
    """Return all that a decision says beside its time, its inputs and the pack's version."""
    version = decision.policy.version
    return [
        decision.rule,
        decision.action,
        decision.crew,
        decision.ppe,
        decision.destination,
        decision.disinfection,
        decision.history,
        [[each.item, each.zh, each.en] for each in decision.questions],
        decision.life_support,
        decision.source,
        [warning.replace(version, "") for warning in decision.warnings],
    ]


@pytest.mark.parametrize("mode", get_args(CityMode))
@pytest.mark.parametrize("name", list(BEFORE))
def test_decisions_on_codes_alone_are_what_they_were(name: str, mode: CityMode) -> None:
    pack = load_pack(name)
    digest = hashlib.sha256()
    rules: Counter[str] = Counter()
    for facts, after in every_facts(pack):
        decision = decide(facts._replace(mode=mode), pack, RECEIVED_AT + after)
        rules[decision.rule] += 1
        digest.update(orjson.dumps(told(decision)))
    assert dict(rules) == RULES
    assert digest.hexdigest() == BEFORE[name]
