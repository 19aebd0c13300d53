"""The Prometheus metrics of one app, in a registry of their own."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, get_args

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatch import process_memory
from dispatch.health import DeskHealth
from dispatch.log_writer import dropped_lines
from dispatch.topics.calls import Call
from dispatch.topics.codes import EscalationKind
from dispatch.topics.envelope import Outgoing
from dispatch.topics.fleet import Disbelief
from dispatch.topics.refused import kind_of

BATCH_SIZES = (1, 5, 10, 50, 100, 250, 500, 1_000, 5_000)  # records
# A clock that ends late was counted when it was breached.
_CLOCK_OUTCOMES = {b"clock.met": "met", b"clock.breached": "breached"}
BATCH_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)


class Metrics:
    """Everything that is counted, by name."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        partition = ("topic", "partition")
        self.lag = Gauge(
            "dispatch_consumer_lag_records",
            "Records in the partition that have not been settled",
            partition,
            registry=registry,
        )
        self.standing = Gauge(
            "dispatch_partition_standing_seconds",
            "How long none of the records that wait in the partition has been settled",
            partition,
            registry=registry,
        )
        self.passed_over = Gauge(
            "dispatch_passed_over_records",
            "Unread records of a standing partition, for which no limit waits any more",
            partition,
            registry=registry,
        )
        self.ready = Gauge(
            "dispatch_ready", "Whether the worker is ready, as /readyz says", registry=registry
        )
        self.clock_offset = Gauge(
            "dispatch_clock_offset_seconds",
            "How far this machine's clock is ahead of the database's, which counts",
            registry=registry,
        )
        self.open_transaction = Gauge(
            "dispatch_open_transaction_seconds",
            "How long a producer's open transaction has held up the partition's records",
            partition,
            registry=registry,
        )
        self.batch_size = Histogram(
            "dispatch_batch_records",
            "Records in a batch",
            ("topic",),
            buckets=BATCH_SIZES,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "dispatch_batch_seconds",
            "Wall time from reading a batch to committing it",
            ("topic",),
            buckets=BATCH_SECONDS,
            registry=registry,
        )
        self.retries = Counter(
            "dispatch_retries",
            "Attempts repeated after an infrastructure fault",
            ("work",),
            registry=registry,
        )
        self.misplaced = Counter(
            "dispatch_misplaced_inputs",
            "Records on another partition than their key's: those of one key are read in no order",
            ("topic",),
            registry=registry,
        )
        self.reread = Counter(
            "dispatch_positions_reread",
            "Records to read again, as the database knows less than Kafka's committed offset",
            partition,
            registry=registry,
        )
        self.unreadable = Counter(
            "dispatch_positions_unreadable",
            "Records that Kafka deleted before they were read",
            partition,
            registry=registry,
        )
        self.beyond_end = Counter(
            "dispatch_positions_beyond_end",
            "Records that the database has seen and Kafka no longer has",
            partition,
            registry=registry,
        )
        self.published = Counter(
            "dispatch_published_events", "Events published", ("topic",), registry=registry
        )
        self.withheld = Counter(
            "dispatch_withheld_events",
            "Events larger than their topic takes, left in the event log alone",
            ("topic",),
            registry=registry,
        )
        self.decisions = Counter(
            "dispatch_decisions", "Decisions published, by rule", ("rule",), registry=registry
        )
        self.evidence = Counter(
            "dispatch_symptoms",
            "Decisions published, by how a trigger symptom is known: coded, read from words, "
            "unplaced, unknown, none",
            ("evidence",),
            registry=registry,
        )
        self.escalations = Counter(
            "dispatch_escalations", "Escalations published, by kind", ("kind",), registry=registry
        )
        for kind in get_args(EscalationKind):
            # From the start: to Prometheus, a series that begins with its first has not increased.
            self.escalations.labels(kind=kind)
        self.clocks = Counter(
            "dispatch_clocks",
            "Clocks met and breached, by kind",
            ("clock", "outcome"),
            registry=registry,
        )
        self.dead_letters = Counter(
            "dispatch_dead_letters",
            "Inputs refused, by what was refused and the field at fault",
            ("refused", "field"),
            registry=registry,
        )
        self.call_warnings = Counter(
            "dispatch_call_warnings",
            "What was wrong with calls that were taken all the same, by the field at fault",
            ("field",),
            registry=registry,
        )
        self.unit_warnings = Counter(
            "dispatch_unit_warnings",
            "Units whose position is not believed, by the reason, each time that begins",
            ("why",),
            registry=registry,
        )
        for why in get_args(Disbelief):
            self.unit_warnings.labels(why=why)
        self.refusals_counted = Counter(
            "dispatch_refusals_counted",
            "Inputs refused without a letter of their own, by what was refused and the field",
            ("refused", "field"),
            registry=registry,
        )
        self._set_apart = Gauge(
            "dispatch_set_apart_inputs",
            "Inputs that wait apart, of senders that were refused too often",
            registry=registry,
        )
        self._unpublished = Gauge(
            "dispatch_unpublished_events", "Events not yet published", registry=registry
        )
        self._unpublished_age = Gauge(
            "dispatch_unpublished_age_seconds",
            "Age of the oldest unpublished event",
            registry=registry,
        )
        self._queue_length = Gauge(
            "dispatch_queue_length", "Incidents that wait for a crew", registry=registry
        )
        self._queue_age = Gauge(
            "dispatch_queue_age_seconds", "How long the first of them waits", registry=registry
        )
        self._parked = Gauge(
            "dispatch_parked_inputs",
            "Inputs that wait, for they are not legal yet",
            registry=registry,
        )

        self._open_incidents = Gauge(
            "dispatch_open_incidents",
            "Incidents that are not over, which this worker has in memory",
            registry=registry,
        )
        Gauge(
            "dispatch_memory_bytes", "What this process has in memory", registry=registry
        ).set_function(process_memory.resident)
        Gauge(
            "dispatch_memory_limit_bytes",
            "What it may have: its control group's limit, or the machine's memory",
            registry=registry,
        ).set_function(process_memory.limit)
        registry.register(_LogLines())

    def _count_decisions(self, decisions: Mapping[tuple[str, str | None], int]) -> None:
        for (rule, evidence), number in decisions.items():
            self.decisions.labels(rule=rule).inc(number)
            # Those of earlier versions do not say it.
            if evidence is not None:
                self.evidence.labels(evidence=evidence).inc(number)

    def count_published(self, events: Sequence[Outgoing]) -> None:
        """Count events, decisions by rule, escalations, clocks, refusals and warnings by kind."""
        published: Tally[str] = Tally()
        decisions: Tally[tuple[str, str | None]] = Tally()
        escalations: Tally[str] = Tally()
        clocks: Tally[tuple[str, str]] = Tally()
        refusals: Tally[tuple[str, str]] = Tally()
        for event in events:
            published[event.topic] += 1
            kind = next((value for name, value in event.headers if name == "ce_type"), b"")
            if kind == b"call.decided":
                decision = orjson.loads(event.value)["decision"]
                decisions[decision["rule"], decision.get("inputs", {}).get("evidence")] += 1
            elif kind == b"escalation.raised":
                escalations[orjson.loads(event.value).get("kind")] += 1
            elif kind in _CLOCK_OUTCOMES:
                clocks[orjson.loads(event.value)["kind"], _CLOCK_OUTCOMES[kind]] += 1
            elif kind == b"input.rejected":
                letter = orjson.loads(event.value)
                # One letter counts once, under its first reason. The sentence of a reason is
                # open-ended; the labels are of a closed set.
                refusals[kind_of(letter["refused"], letter["reasons"][0]["field"])] += 1
            elif kind in (b"call.warned", b"unit.warned"):
                self._count_warnings(orjson.loads(event.value))
            elif kind == b"inputs.refused":
                letter = orjson.loads(event.value)
                labels = kind_of(letter["refused"], letter["field"])
                self.refusals_counted.labels(*labels).inc(letter["count"])
        for topic, number in published.items():
            self.published.labels(topic=topic).inc(number)
        self._count_decisions(decisions)
        for kind_of_escalation, number in escalations.items():
            self.escalations.labels(kind=kind_of_escalation).inc(number)
        for (clock, outcome), number in clocks.items():
            self.clocks.labels(clock=clock, outcome=outcome).inc(number)
        for (refused, field), number in refusals.items():
            self.dead_letters.labels(refused=refused, field=field).inc(number)

    def _count_warnings(self, warned: Mapping[str, Any]) -> None:
        """Count what was wrong with a call, or why a unit's position is not believed."""
        if "why" in warned:
            self.unit_warnings.labels(why=warned["why"]).inc()
        for warning in warned.get("warnings", ()):
            field = kind_of(Call.event_type, warning["field"]).field
            self.call_warnings.labels(field=field).inc()

    def observe_health(self, health: DeskHealth) -> None:
        """Take over what the desk says of itself."""
        self._unpublished.set(health.unpublished)
        self._unpublished_age.set(health.unpublished_age)
        self._queue_length.set(health.queue_length)
        self._queue_age.set(health.queue_age)
        self._parked.set(health.parked)
        self._open_incidents.set(health.open_incidents)
        self._set_apart.set(health.set_apart)

    def render(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self.registry)

    def in_format(self, accepted: str) -> tuple[Callable[[], bytes], str]:
        """Return what renders the metrics as an Accept header asks, and its content type."""
        try:
            encode, content_type = choose_encoder(accepted)
        except (TypeError, ValueError):
            # It takes some versions that are none for a mistake of its own.
            encode, content_type = choose_encoder("")
        return partial(encode, self.registry), content_type


class _LogLines(Collector):
    """What the log's writer counts by itself."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metric as it is now."""
        yield CounterMetricFamily(
            "dispatch_log_lines_dropped",
            "Log lines dropped, as nobody read them in time",
            value=dropped_lines(),
        )
