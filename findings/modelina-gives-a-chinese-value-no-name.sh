#!/usr/bin/env bash
# @asyncapi/modelina 5.10.1, classes in Python and Java from a JSON Schema.
#
# A schema has an enum whose values are Chinese, as codes of Chinese standards are (男, 女), and two optional
# properties. It is generated with the default settings.
#
# Guessed: the values get some name (Modelina has RESERVED_, NUMBER_ and names for punctuation), or are refused.
# Seen: their name is empty: ` = "男"` in Python (SyntaxError), `((String)"男")` in Java. Nothing is said while
# generating. With a schema that Python can read, an optional property that is absent is no None but an attribute that does
# not exist: reading it raises AttributeError, on the first call that lacks it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund @asyncapi/modelina@5.10.1
cat >generate.js <<'JAVASCRIPT'
const assert = require("node:assert");
const fs = require("node:fs");
const { JavaGenerator, PythonGenerator } = require("@asyncapi/modelina");

const schema = (values) => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: "Patient",
  type: "object",
  additionalProperties: false,
  required: ["sex"],
  properties: { sex: { type: "string", enum: values }, age: { type: "integer" } },
});

async function generate(generator, values, name) {
  const models = await generator.generate(schema(values));
  return models.find((model) => model.modelName === name).result;
}

(async () => {
  const python = await generate(new PythonGenerator(), ["男", "女"], "Sex");
  const java = await generate(new JavaGenerator(), ["男", "女"], "Sex");
  console.log(python, "\n", java.split("\n")[1].trim());
  assert.match(python, /^\s+= "男"$/m);
  assert.match(java, /^\s+\(\(String\)"男"\), \(\(String\)"女"\);$/m);
  fs.writeFileSync("chinese.py", `from enum import Enum\n${python}\n`);
  const rest = [
    await generate(new PythonGenerator(), ["male", "female"], "Sex"),
    await generate(new PythonGenerator(), ["male", "female"], "Patient"),
  ];
  fs.writeFileSync("english.py", `from enum import Enum\nfrom typing import Dict\n${rest.join("\n")}\n`);
})();
JAVASCRIPT
node generate.js
python3 - <<'PYTHON'
import ast
import sys

sys.path.insert(0, ".")
with open("chinese.py", encoding="utf-8") as file:
    text = file.read()
try:
    ast.parse(text)
except SyntaxError as error:
    print("Python:", error.msg)
else:
    raise AssertionError("Python can read it now")

from english import Patient

try:
    Patient({"sex": "male"}).age
except AttributeError as error:
    print("an absent age:", error)
else:
    raise AssertionError("an absent age can be read now")
PYTHON
