#!/usr/bin/env bash
# The CloudEvents SDK for Python, cloudevents 2.2.0, reading Kafka with from_kafka.
#
# A record in structured mode (content-type application/cloudevents+json, the whole event in the value) bears
# the ce_ headers as well. The Kafka binding allows that (§3.3.3: a structured message MAY
# have the headers of binary mode, so that it can be routed unread), and names the content type as what
# tells the modes apart (§3).
#
# Guessed: the content type decides, and the data is what the envelope holds.
# Seen: any header that begins with ce_ makes it binary: the data of the event is the whole envelope, with
# specversion, id and data inside, and its datacontenttype is that of the envelope. No error. A consumer that asks
# for data["unit_id"] finds none; one that passes the event on wraps it once more. Without the extra
# headers the same value is read rightly. And a ce_ header without a value, as kafkajs writes an undefined one,
# is an AttributeError.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install cloudevents==2.2.0
"$work/bin/python" - <<'PYTHON'
import json
from importlib.metadata import version

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

form = JSONFormat()
attributes = {
    "id": "1",
    "source": "terminal-7",
    "type": "unit.reported",
    "datacontenttype": "application/json",
}
data = {"unit_id": "R7", "status": "rolling"}
plain = to_structured(CloudEvent(dict(attributes), data), form)
assert from_kafka(plain, form).get_data() == data

routed = {
    "ce_specversion": b"1.0",
    "ce_id": b"1",
    "ce_source": b"terminal-7",
    "ce_type": b"unit.reported",
}
both = KafkaMessage({**plain.headers, **routed}, None, plain.value)
event = from_kafka(both, form)
print(f"cloudevents {version('cloudevents')}: {event.get_datacontenttype()}, {event.get_data()}")
assert event.get_data() == json.loads(plain.value)
assert event.get_data()["data"] == data
assert event.get_datacontenttype() == "application/cloudevents+json"

again = json.loads(to_structured(event, form).value)
print("passed on:", again["data"]["data"])
assert again["data"]["data"] == data

empty = KafkaMessage({**routed, "ce_subject": None}, None, json.dumps(data).encode())
try:
    from_kafka(empty, form)
except AttributeError as error:
    print("a header without a value:", error)
else:
    raise AssertionError("a header without a value is read now")
PYTHON
