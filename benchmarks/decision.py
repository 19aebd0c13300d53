"""Decisions a second on one core by the rules alone, and what a million of them take in memory."""

import json
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dispatch.policy.decision import Decision, Facts, decide
from dispatch.policy.pack import Pack, load_pack
from dispatch.topics.fields import Answer

_RECEIVED: Final = datetime(2022, 12, 23, 8, 0, tzinfo=UTC)
_SEED: Final = 20221223
_MILLION: Final = 1_000_000
# Shares of the calls: of institutions that can admit, of the four items that were asked.
_CAN_ADMIT: Final = 0.5
_ASKED: Final = 0.7
_ANSWERS: Final[tuple[Answer, ...]] = ("yes", "no", "no", "no", "unknown")
_ITEMS: Final = ("travel", "residence", "close_contact", "exposure")


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions a second of processor time, one after the other, each let go of; then all kept.

    `bytes_per_million` is what a million of decisions that are kept hold in memory, the calls'
    facts not counted; `with_json` are decisions that were written as JSON as well.
    """

    pack: str
    decisions: int
    per_second: float
    per_second_with_json: float
    bytes_per_million: float


def measure(*, decisions: int = 100_000, rounds: int = 5, pack: str = "covid-19") -> Decisions:
    """Decide on invented calls of every kind; rates are the median of the rounds."""
    policy = load_pack(pack)
    facts = _invented(decisions)
    plain, written = [], []
    for _ in range(rounds):
        plain.append(decisions / _seconds(facts, policy, as_json=False))
        written.append(decisions / _seconds(facts, policy, as_json=True))
    return Decisions(
        pack=policy.name,
        decisions=decisions,
        per_second=statistics.median(plain),
        per_second_with_json=statistics.median(written),
        bytes_per_million=_bytes_of(facts, policy) * _MILLION / decisions,
    )


def _seconds(facts: Sequence[Facts], pack: Pack, *, as_json: bool) -> float:
    at = _RECEIVED + timedelta(seconds=5)
    started = time.thread_time()
    if as_json:
        for each in facts:
            decide(each, pack, at).as_json()
    else:
        for each in facts:
            decide(each, pack, at)
    return time.thread_time() - started


def _bytes_of(facts: Sequence[Facts], pack: Pack) -> int:
    """Return what the decisions hold in memory when every one of them is kept."""
    tracemalloc.start()
    kept: list[Decision] = [decide(each, pack, _RECEIVED) for each in facts]
    traced, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == len(facts)
    return traced


def _invented(number: int) -> list[Facts]:
    rng = random.Random(_SEED)  # noqa: S311  # invented calls, the same each time
    return [
        Facts(
            call_id=f"call-{index}",
            received_at=_RECEIVED,
            caller_kind=(kind := rng.choice(("public", "public", "public", "institution"))),
            can_admit_suspected=rng.random() < _CAN_ADMIT if kind == "institution" else None,
            condition=rng.choice(("stable", "stable", "critical", "unknown")),
            symptoms=rng.choice(((), ("fever",), ("cough", "fever"), ("chest_pain",))),
            case_status=rng.choice(("none", "none", "none", "suspected", "confirmed")),
            epidemiology={item: rng.choice(_ANSWERS) for item in _ITEMS if rng.random() < _ASKED},
        )
        for index in range(number)
    ]


def main() -> int:
    """Print the figures as JSON."""
    figures: dict[str, Any] = asdict(measure())
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
