#!/usr/bin/env bash
# The CloudEvents SDK for JavaScript, cloudevents 10.0.0, reading Kafka with Kafka.toEvent, and writing with
# Kafka.binary and Kafka.structured.
#
# An event without the attribute time, which is optional in CloudEvents 1.0, in both modes and over HTTP; and an
# event with the time at which something happened, told late.
#
# Guessed: an event without a time is read in every mode; the record's own time is that of sending.
# Seen: in structured mode on Kafka, RangeError "Invalid time value", which is no ValidationError, so that a
# consumer that skips what is invalid stops; in binary mode, and structured over HTTP, the same event is read. Kafka.binary
# and Kafka.structured set the record's timestamp to the event's time, and kafkajs sends it: on a topic with the
# producer's clock (Kafka's default) a report of last month is past the retention when it arrives.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund cloudevents@10.0.0
cat >time.js <<'JAVASCRIPT'
const assert = require("node:assert");
const { CloudEvent, HTTP, Kafka, ValidationError } = require("cloudevents");

const { version } = require("./node_modules/cloudevents/package.json");
const attributes = { specversion: "1.0", id: "1", source: "terminal-7", type: "unit.reported" };
const data = { unit_id: "R7", status: "rolling" };
const headers = { "content-type": "application/cloudevents+json" };
const whole = { ...attributes, datacontenttype: "application/json", data };
let error;
try {
  Kafka.toEvent({ headers, value: JSON.stringify(whole) });
} catch (raised) {
  error = raised;
}
console.log(`cloudevents ${version}, structured without time: ${error}`);
assert.ok(error instanceof RangeError && !(error instanceof ValidationError));
const time = "2022-12-23T00:00:00Z";
const read = Kafka.toEvent({ headers, value: JSON.stringify({ ...whole, time }) });
assert.deepStrictEqual(read.data, data);
assert.deepStrictEqual(HTTP.toEvent({ headers, body: JSON.stringify(whole) }).data, data);
const inHeaders = { "content-type": "application/json" };
for (const [name, value] of Object.entries(attributes)) inHeaders[`ce_${name}`] = value;
const binary = Kafka.toEvent({ headers: inHeaders, value: JSON.stringify(data) });
assert.deepStrictEqual(binary.data, data);
console.log("with time, in binary mode, and over HTTP: read");

const late = new CloudEvent({ ...attributes, time, data });
for (const write of [Kafka.binary, Kafka.structured]) {
  const { timestamp } = write(late);
  console.log("the record's timestamp:", new Date(Number(timestamp)).toISOString());
  assert.strictEqual(Number(timestamp), Date.parse(time));
}
JAVASCRIPT
node time.js
