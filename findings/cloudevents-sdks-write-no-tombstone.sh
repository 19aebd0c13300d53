#!/usr/bin/env bash
# The CloudEvents SDKs for Python, cloudevents 1.12.1 and 2.2.0, and for JavaScript, cloudevents 10.0.0.
#
# An event without data, in binary mode on Kafka. The Kafka binding says (§3.2.2) that this is a record without
# a value, which on a compacted topic is a tombstone: so is said that a unit, or a bed, is gone.
#
# Guessed: the value is null in each, and each reads such a record as an event without data.
# Seen: three answers. Python 1 writes the four letters null, Python 2 no bytes, which is a value as well: with
# neither does compaction ever remove the key. JavaScript writes none, and refuses to read what it wrote
# ("Value is null or undefined"). Python 1 can't read it either (DataUnmarshallerError), Python 2 can, and makes a value of
# it when it passes it on. A unit that was taken out of service for good comes back with every restart.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for each in 1.12.1 2.2.0; do
  python3 -m venv "$work/$each"
  "$work/$each/bin/pip" --quiet --disable-pip-version-check install "cloudevents==$each"
done
(cd "$work" && npm install --silent --no-audit --no-fund cloudevents@10.0.0)
"$work/1.12.1/bin/python" - <<'PYTHON'
from importlib.metadata import version

from cloudevents.exceptions import DataUnmarshallerError
from cloudevents.http import CloudEvent
from cloudevents.kafka import KafkaMessage, from_binary, to_binary

attributes = {
    "id": "1",
    "source": "fleet",
    "type": "unit.removed",
    "datacontenttype": "application/json",
}
written = to_binary(CloudEvent(attributes))
print(f"Python {version('cloudevents')} writes", written.value)
assert written.value == b"null"
try:
    from_binary(KafkaMessage(written.headers, b"R7", None))
except DataUnmarshallerError as error:
    print("and reads:", error)
else:
    raise AssertionError("is read now")
PYTHON
"$work/2.2.0/bin/python" - <<'PYTHON'
from importlib.metadata import version

from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

form = JSONFormat()
written = to_binary(CloudEvent({"id": "1", "source": "fleet", "type": "unit.removed"}), form)
print(f"Python {version('cloudevents')} writes", written.value)
assert written.value == b""
read = from_kafka(KafkaMessage(written.headers, b"R7", None), form)
assert read.get_data() is None
print("and passes on a record without a value as", to_binary(read, form).value)
assert to_binary(read, form).value == b""
PYTHON
cat >"$work/tombstone.js" <<'JAVASCRIPT'
const assert = require("node:assert");
const { CloudEvent, Kafka } = require("cloudevents");

const { version } = require("./node_modules/cloudevents/package.json");
const written = Kafka.binary(new CloudEvent({ id: "1", source: "fleet", type: "unit.removed" }));
console.log(`JavaScript ${version} writes`, written.value);
assert.strictEqual(written.value, undefined);
for (const value of [undefined, null]) {
  assert.throws(() => Kafka.toEvent({ ...written, value }), /Value is null or undefined/);
}
console.log("and reads: Value is null or undefined");
JAVASCRIPT
(cd "$work" && node tombstone.js)
