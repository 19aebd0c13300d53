#!/usr/bin/env bash
# quicktype-core 26.0.0, classes in Python (with python-dateutil 2.9.0.post0) from a JSON Schema.
#
# A patient has a date of birth (format date), a place that is either coordinates or an address (oneOf two closed
# objects), and a time of onset (format date-time). A valid patient is read into the class and written again.
#
# Guessed: what is written is what was read, and what fits neither place is an error.
# Seen: the date comes back as 1954-03-08T00:00:00, a time without an offset: the schema that the class was made
# from refuses it. The two places are one class in which everything is optional: latitude without longitude,
# or nothing at all, is read without a word. A time of onset of "08:00" becomes that of the day on which it is
# read. Java, for the same schema, has a LocalDate.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install \
  python-dateutil==2.9.0.post0 "jsonschema[format]==4.26.0"
cd "$work"
npm install --silent --no-audit --no-fund quicktype-core@26.0.0
cat >patient.json <<'JSON'
{
  "title": "Patient",
  "type": "object",
  "additionalProperties": false,
  "required": ["born", "onset", "place"],
  "properties": {
    "born": {"type": "string", "format": "date"},
    "onset": {"type": "string", "format": "date-time"},
    "place": {
      "oneOf": [
        {
          "type": "object",
          "additionalProperties": false,
          "required": ["latitude", "longitude"],
          "properties": {"latitude": {"type": "number"}, "longitude": {"type": "number"}}
        },
        {
          "type": "object",
          "additionalProperties": false,
          "required": ["address"],
          "properties": {"address": {"type": "string"}}
        }
      ]
    }
  }
}
JSON
cat >generate.js <<'JAVASCRIPT'
const fs = require("node:fs");
const { InputData, JSONSchemaInput, quicktype } = require("quicktype-core");

async function generate(lang) {
  const schema = new JSONSchemaInput(undefined);
  await schema.addSource({ name: "Patient", schema: fs.readFileSync("patient.json", "utf8") });
  const inputData = new InputData();
  inputData.addInput(schema);
  return (await quicktype({ inputData, lang })).lines.join("\n");
}

(async () => {
  fs.writeFileSync("patient.py", await generate("python"));
  if (!/LocalDate born;/.test(await generate("java"))) throw new Error("Java has no LocalDate");
})();
JAVASCRIPT
node generate.js
cat >show.py <<'PYTHON'
import json
from datetime import date

from jsonschema import Draft202012Validator
from patient import patient_from_dict, patient_to_dict

with open("patient.json", encoding="utf-8") as file:
    check = Draft202012Validator(
        json.load(file), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
read = {
    "born": "1954-03-08",
    "onset": "2022-12-23T08:00:00+08:00",
    "place": {"latitude": 49.25, "longitude": 119.741},
}
assert check.is_valid(read)
written = patient_to_dict(patient_from_dict(read))
print("read", read["born"], "- written", written["born"])
assert written == {**read, "born": "1954-03-08T00:00:00"}
print("\n".join(error.message for error in check.iter_errors(written)))
assert not check.is_valid(written)

for place in ({"latitude": 49.25}, {}):
    assert not check.is_valid({**read, "place": place})
    assert patient_to_dict(patient_from_dict({**read, "place": place}))["place"] == place
    print("a place that fits neither:", place)

onset = patient_from_dict({**read, "onset": "08:00"}).onset
print("onset 08:00 ->", onset)
assert abs((onset.date() - date.today()).days) <= 1
PYTHON
PYTHONPATH="$work" "$work/venv/bin/python" show.py
