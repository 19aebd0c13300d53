#!/usr/bin/env bash
# The CloudEvents SDK for Python, cloudevents 1.12.1 (cloudevents.kafka) and what 2.2.0 keeps of it
# (cloudevents.v1.kafka), with the SDK for JavaScript, cloudevents 10.0.0.
#
# An event is written in structured mode by Python and read by JavaScript, and the other way round. On
# the way back a header stands beside it that has nothing to do with CloudEvents, called `source`.
#
# Guessed: to_structured sets content-type to application/cloudevents+json, so that whoever reads sees the mode
# (Kafka binding §3 and §3.3.1); from_structured takes attributes from the envelope alone.
# Seen: to_structured puts the type of the *data* (application/json) there and takes datacontenttype out of the
# envelope; an event without one has no content-type at all. JavaScript finds no CloudEvent in it, and every
# consumer that goes by the content type takes it for a bare body. from_structured writes all headers over the
# envelope: the datacontenttype becomes application/cloudevents+json, and a header named source, id or type replaces
# that attribute: the event has another identity, so a repeat is no repeat. Python reads its own records well,
# which hides it. The newer cloudevents.core.bindings.kafka of 2.2.0 writes the right type.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for each in 1.12.1 2.2.0; do
  python3 -m venv "$work/$each"
  "$work/$each/bin/pip" --quiet --disable-pip-version-check install "cloudevents==$each"
done
(cd "$work" && npm install --silent --no-audit --no-fund cloudevents@10.0.0)
cat >"$work/both.py" <<'PYTHON'
import json
import sys
from importlib.metadata import version

try:
    from cloudevents.v1.http import CloudEvent
    from cloudevents.v1.kafka import KafkaMessage, from_structured, to_structured
except ImportError:
    from cloudevents.http import CloudEvent
    from cloudevents.kafka import KafkaMessage, from_structured, to_structured

attributes = {"id": "1", "source": "terminal-7", "type": "unit.reported"}
data = {"unit_id": "R7", "status": "rolling"}
typed = to_structured(CloudEvent({**attributes, "datacontenttype": "application/json"}, data))
print(f"cloudevents {version('cloudevents')} writes", typed.headers, file=sys.stderr)
assert typed.headers == {"content-type": b"application/json"}, typed.headers
assert "datacontenttype" not in json.loads(typed.value)
assert to_structured(CloudEvent(attributes, data)).headers == {}

envelope = {**attributes, "specversion": "1.0", "datacontenttype": "application/json", "data": data}
headers = {"content-type": b"application/cloudevents+json; charset=utf-8", "source": b"gateway"}
read = from_structured(KafkaMessage(headers, None, json.dumps(envelope).encode()))
print("and reads", read["datacontenttype"], read["source"], file=sys.stderr)
assert read["datacontenttype"] == "application/cloudevents+json; charset=utf-8"
assert read["source"] == "gateway"

print(json.dumps({"headers": {"content-type": "application/json"}, "value": typed.value.decode()}))
PYTHON
cat >"$work/read.js" <<'JAVASCRIPT'
const assert = require("node:assert");
const { Kafka } = require("cloudevents");

const message = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
assert.throws(() => Kafka.toEvent(message), /No CloudEvent detected/);
message.headers["content-type"] = "application/cloudevents+json";
assert.strictEqual(Kafka.toEvent(message).data.unit_id, "R7");
console.log("JavaScript: no CloudEvent detected; with the right content type it is one");
JAVASCRIPT
for each in 1.12.1 2.2.0; do
  "$work/$each/bin/python" "$work/both.py" >"$work/message.json"
  (cd "$work" && node read.js <message.json)
done
