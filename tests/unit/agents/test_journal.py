"""The journal: which events leave a log line, and whom it names."""

from typing import Any

import orjson
from structlog.testing import capture_logs

from dispatch.agents import journal
from dispatch.topics.envelope import Outgoing


def event(kind: str, data: dict[str, Any], key: str | None = "c-1") -> Outgoing:
    return Outgoing(1, "dispatch.x", key, (("ce_type", kind.encode()),), orjson.dumps(data))


def refusal(refused: str) -> dict[str, Any]:
    return {
        "refused": refused,
        "topic": "dispatch.calls",
        "partition": 2,
        "offset": 7,
        "value_base64": "5byg5LiJ",
        "reasons": [{"field": "张三", "reason": "is not a known key"}],
    }


def test_decisions_orders_and_escalations_name_call_incident_and_unit() -> None:
    decision = {"rule": "R2", "action": "dispatch", "crew": "transfer", "inputs": {}}
    with capture_logs() as lines:
        journal.note(
            [
                event("call.decided", {"call_id": "c-1", "incident_id": "c-1", "because": "张三",
                                       "decision": decision}),
                event("incident.assigned", {"incident_id": "c-1", "unit_id": "U1", "rule": "R2",
                                            "crew": "transfer", "why": ["nearest"]}),
                event("escalation.raised", {"incident_id": None, "kind": "timer_failed",
                                            "subject": "queue/c-1"}),
                event("unit.changed", {"unit_id": "U1"}),
            ]
        )  # fmt: skip
    assert lines == [
        {
            "event": "call decided",
            "log_level": "info",
            "call": "c-1",
            "incident": "c-1",
            "rule": "R2",
            "action": "dispatch",
            "crew": "transfer",
        },
        {
            "event": "unit ordered",
            "log_level": "info",
            "incident": "c-1",
            "unit": "U1",
            "rule": "R2",
            "crew": "transfer",
        },
        {
            "event": "escalation",
            "log_level": "warning",
            "kind": "timer_failed",
            "subject": "queue/c-1",
        },
    ]


def test_a_refusal_names_its_sender_and_where_the_original_is_and_nothing_that_was_said() -> None:
    where = {"topic": "dispatch.calls", "partition": 2, "offset": 7}
    with capture_logs() as lines:
        journal.note(
            [
                event("input.rejected", refusal("call.received")),
                event("input.rejected", refusal("unit.reported"), key="U1"),
                event("input.rejected", refusal("call.received"), key="张三"),
                event("input.rejected", refusal("made.up"), key="c-1"),
                event("input.rejected", refusal("city.mode_switched"), key=None),
            ]
        )
    refused = {"event": "input refused", "log_level": "warning"}
    assert lines == [
        refused | where | {"refused": "call.received", "call": "c-1"},
        refused | where | {"refused": "unit.reported", "unit": "U1"},
        refused | where | {"refused": "call.received"},
        refused | where | {"refused": "unknown"},
        refused | where | {"refused": "city.mode_switched"},
    ]


def test_nothing_of_who_is_moved_or_reported_is_noted() -> None:
    patient = {"patient_id": "zhang-san", "name": "张三", "id_number": "150702196001010018"}
    told = [
        event("transfer.requested", {"transfer_id": "t-1", "patients": [patient]}),
        event("transfer.batch.requested", {"batch_id": "b-1", "patients": [patient]}),
        event("bed.reserved", {"hospital_id": "H1", "patient_id": "zhang-san"}),
        event("case.reported", {"incident_id": "c-1", "content": {"patients": [patient]}}),
        event("escalation.raised", {"kind": "reservation_expired", "subject": "t-1",
                                    "incident_id": None, "explanation": "zhang-san"}),
    ]  # fmt: skip
    with capture_logs() as lines:
        journal.note(told)
    assert lines == [
        {
            "event": "escalation",
            "log_level": "warning",
            "kind": "reservation_expired",
            "subject": "t-1",
        }
    ]


def test_a_call_taken_with_warnings_names_the_fields_that_the_service_knows() -> None:
    warnings = [{"field": each, "reason": "x"} for each in ("patient.age", "张三", "key")]
    warned = {"call_id": "c-1", "given_id": None, "warnings": warnings}
    with capture_logs() as lines:
        journal.note([event("call.warned", warned)])
    assert lines == [
        {
            "event": "call taken with warnings",
            "log_level": "warning",
            "call": "c-1",
            "fields": ["key", "other", "patient"],
        }
    ]


def test_what_a_sender_calls_itself_is_noted_only_where_it_is_a_code() -> None:
    told = [
        event("escalation.raised", {"kind": "source_set_apart", "subject": subject})
        for subject in ("张三 13904700001", "console-7")
    ]
    with capture_logs() as lines:
        journal.note(told)
    assert [line.get("subject") for line in lines] == [None, "console-7"]
