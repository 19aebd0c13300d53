#!/usr/bin/env bash
# The CloudEvents SDK for Python, cloudevents 2.2.0, with its Kafka and HTTP bindings.
#
# An event with datacontenttype application/json has an array as its data (CloudEvents allows any JSON value):
# the positions of two units. It is written in binary and in structured mode and read again.
#
# Guessed: the value of the binary record is that array as JSON, and what is read is what was written.
# Seen: in binary mode the value is Python's own notation (single quotes, None, True), labelled
# application/json, and the same for true, false and numbers; no error. Only objects are written as JSON. The
# SDK itself reads such a value back as one string. In structured mode the same event is right. So a
# producer that changes mode, or sends a list once, is understood by nobody, and hears of it from nobody.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install cloudevents==2.2.0
"$work/bin/python" - <<'PYTHON'
import json
from importlib.metadata import version

from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

form = JSONFormat()
attributes = {
    "id": "1",
    "source": "gateway",
    "type": "units.seen",
    "datacontenttype": "application/json",
}
units = [{"unit": "R7", "speed": None, "moving": True}, {"unit": "R8", "speed": 12, "moving": False}]
event = CloudEvent(attributes=dict(attributes), data=units)

binary = kafka.to_binary(event, form)
print(f"cloudevents {version('cloudevents')}: {binary.headers['content-type']!r}, {binary.value!r}")
assert binary.headers["content-type"] == b"application/json"
assert binary.value == str(units).encode()
try:
    json.loads(binary.value)
except ValueError as error:
    print("as JSON:", error)
else:
    raise AssertionError("is JSON now")
back = kafka.from_kafka(binary, form).get_data()
print("read back:", type(back).__name__)
assert back == str(units)
assert http.to_binary(event, form).body == str(units).encode()

assert kafka.to_binary(CloudEvent(dict(attributes), True), form).value == b"True"

structured = kafka.to_structured(event, form)
print("structured:", json.loads(structured.value)["data"] == units)
assert json.loads(structured.value)["data"] == units
PYTHON
