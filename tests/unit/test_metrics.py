"""The metrics: what is counted, under labels of which there are only so many."""

from typing import get_args

import orjson

from dispatch.metrics import Metrics
from dispatch.topics.envelope import Outgoing
from dispatch.topics.fleet import Disbelief
from dispatch.topics.incidents import CallDecided


def letter(refused: str, field: str) -> Outgoing:
    return Outgoing(
        position=1,
        topic="dispatch.dead-letters",
        key=None,
        headers=(("ce_type", b"input.rejected"),),
        value=orjson.dumps({"refused": refused, "reasons": [{"field": field, "reason": "-"}]}),
    )


def test_decisions_are_counted_by_their_rule_as_the_desk_publishes_them() -> None:
    decided = CallDecided(
        call_id="c1",
        incident_id="c1",
        because="it came",
        decision={"rule": "R5T", "inputs": {"evidence": "read"}},
    )
    event = Outgoing(
        position=1,
        topic="dispatch.incidents",
        key="c1",
        headers=(("ce_type", CallDecided.event_type.encode()),),
        value=decided.model_dump_json().encode(),
    )
    metrics = Metrics()
    metrics.count_published([event, event])
    assert b'dispatch_decisions_total{rule="R5T"} 2.0' in metrics.render()
    assert b'dispatch_symptoms_total{evidence="read"} 2.0' in metrics.render()


def clock_event(event_type: str, kind: str) -> Outgoing:
    return Outgoing(
        position=1,
        topic="dispatch.clocks",
        key="c1",
        headers=(("ce_type", event_type.encode()),),
        value=orjson.dumps({"kind": kind}),
    )


def test_a_clock_is_counted_once_as_met_or_breached() -> None:
    metrics = Metrics()
    met = [clock_event(f"clock.{told}", "survey") for told in ("started", "warned", "met")]
    late = [
        clock_event(f"clock.{told}", "survey") for told in ("started", "breached", "ended_late")
    ]
    metrics.count_published([*met, *met, *late])
    rendered = metrics.render()
    assert b'dispatch_clocks_total{clock="survey",outcome="met"} 2.0' in rendered
    assert b'dispatch_clocks_total{clock="survey",outcome="breached"} 1.0' in rendered
    assert rendered.count(b"dispatch_clocks_total{") == 2


def test_what_senders_make_up_adds_no_labels() -> None:
    metrics = Metrics()
    metrics.count_published([letter("call.received", "patient.age"), letter("unknown", "ce_id")])
    metrics.count_published(
        [
            letter(f"made.up{n}", field)
            for n in range(50)
            for field in (f"ce_{n}", f"key{n}", "call_id")
        ]
    )
    metrics.count_published([letter("call.received", f"colour{n}") for n in range(50)])
    counted = {
        (sample.labels["refused"], sample.labels["field"]): sample.value
        for family in metrics.dead_letters.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert counted == {
        ("call.received", "patient"): 1,
        ("unknown", "ce_id"): 1,
        ("unknown", "other"): 150,
        ("call.received", "other"): 50,
    }


def test_what_was_wrong_with_calls_is_counted_by_fields_that_the_service_knows() -> None:
    metrics = Metrics()
    warnings = [{"field": each, "reason": "x"} for each in ("key", "patient.age", "a", "b")]
    value = orjson.dumps({"call_id": "c1", "warnings": warnings})
    headers = (("ce_type", b"call.warned"),)
    metrics.count_published([Outgoing(1, "dispatch.incidents", "c1", headers, value)])
    counted = {
        sample.labels["field"]: sample.value
        for family in metrics.call_warnings.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert counted == {"key": 1, "patient": 1, "other": 2}


def test_positions_that_are_not_believed_are_counted_by_the_reason() -> None:
    metrics = Metrics()
    headers = (("ce_type", b"unit.warned"),)
    value = orjson.dumps({"unit_id": "U1", "why": "no_fix"})
    metrics.count_published([Outgoing(1, "dispatch.fleet", "U1", headers, value)] * 2)
    counted = {
        sample.labels["why"]: sample.value
        for family in metrics.unit_warnings.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert counted["no_fix"] == 2
    assert counted.keys() == set(get_args(Disbelief))
