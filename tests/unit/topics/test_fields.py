"""The reasons of a refusal: few, short, and made without going through thousands of errors."""

from typing import Any

import pytest
from pydantic import ValidationError

from dispatch.domain.city import Rejected
from dispatch.topics.announcement import LONGEST_FIELD, LONGEST_REASON, MOST_REASONS, Reason
from dispatch.topics.calls import Call
from dispatch.topics.fields import Content, reasons
from dispatch.topics.hospitals import HospitalReported, SuppliesReported
from dispatch.topics.transfers import TransferBatchAmended, TransferBatchRequested


def refused(model: type[Content], content: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(content)
    return caught.value


def test_of_many_reasons_the_first_are_told_and_how_many_more_there_are() -> None:
    missing = len(reasons(refused(Call, {})))
    found = reasons(refused(Call, {f"k{number}": 1 for number in range(1_000)}))
    assert len(found) == MOST_REASONS + 1
    assert found[-1] == {"field": "body", "reason": f"… and {980 + missing} more"}


def test_as_many_reasons_as_are_told_are_told_alone() -> None:
    missing = len(reasons(refused(Call, {})))
    content = {f"k{number}": 1 for number in range(MOST_REASONS - missing)}
    found = reasons(refused(Call, content))
    assert len(found) == MOST_REASONS
    assert {each["reason"] for each in found} == {"is required", "is not a known key"}


def test_neither_field_nor_reason_is_told_at_length() -> None:
    (found,) = [
        each for each in reasons(refused(Call, {"k" * 100_000: 1})) if "known" in each["reason"]
    ]
    assert len(found["field"]) == LONGEST_FIELD
    assert found["field"].endswith("k…")


@pytest.mark.parametrize(
    ("model", "content", "field"),
    [
        (TransferBatchRequested, {"patients": [{}] * 80_000}, "patients"),
        (TransferBatchAmended, {"patients": [None] * 80_000}, "patients"),
        (TransferBatchAmended, {"withdrawn": [0] * 80_000}, "withdrawn"),
        (TransferBatchRequested, {"hospitals": ["?"] * 80_000}, "hospitals"),
        (Call, {"patient": {"symptoms": [1] * 80_000}}, "patient.symptoms"),
        (Call, {"patient": {"symptoms": ["fever"] * 80_000}}, "patient.symptoms"),
        (SuppliesReported, {"items": {f"k {n}": {} for n in range(15_000)}}, "items"),
        (HospitalReported, {"rooms": {f"k {n}": None for n in range(15_000)}}, "rooms"),
    ],
)
def test_a_list_that_is_too_long_is_one_error_whatever_is_in_it(
    model: type[Content], content: Any, field: str
) -> None:
    error = refused(model, content)
    assert error.error_count() < MOST_REASONS
    (found,) = [each for each in reasons(error) if each["field"] == field]
    assert found["reason"].startswith("must have at most ")


def test_a_rule_of_the_domain_gives_no_more_reasons_either() -> None:
    further = [Reason(field=f"patients.{n}", reason="x" * 10_000) for n in range(10_000)]
    found = Rejected("patients", "no", *further).reasons
    assert len(found) == MOST_REASONS + 1
    assert len(found[1].reason) == LONGEST_REASON
    assert found[-1].reason == "… and 9,981 more"
