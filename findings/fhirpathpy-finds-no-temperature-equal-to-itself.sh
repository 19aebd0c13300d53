#!/usr/bin/env bash
# fhirpathpy 2.2.4 (FHIRPath in Python), with its model of FHIR R4.
#
# An Observation of a body temperature, 38.9 Cel in UCUM, and the expressions of which invariants, subscriptions and
# rules of triage are made: its value compared with a quantity.
#
# Guessed: Observation.value = 38.9 'Cel' is true, > 38 'Cel' as well, and 1 kg equals 1000 g: FHIRPath has literals
# of quantities, and FHIR says that its Quantity is converted to them.
# Seen: = and ~ are false, silently, though type() says Quantity. > raises for a resource's quantity ("did not
# match type"), and even for two literals (TypeError inside the library). Minutes and seconds are converted, kilograms
# and grams are not: 1 'kg' = 1000 'g' is false. Only .value > 38, blind to the unit, answers. A rule with = on a
# measurement never fires, and nobody is told.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install fhirpathpy==2.2.4
"$work/bin/python" - <<'PYTHON'
from importlib.metadata import version

from fhirpathpy import evaluate
from fhirpathpy.models import models

temperature = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
    "valueQuantity": {
        "value": 38.9,
        "unit": "Cel",
        "system": "http://unitsofmeasure.org",
        "code": "Cel",
    },
}


def ask(expression: str) -> object:
    try:
        answer = evaluate(temperature, expression, {}, models["r4"])
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(expression, "->", answer)
    return answer


print(f"fhirpathpy {version('fhirpathpy')}")
assert ask("Observation.value is Quantity") == [True]
assert ask("Observation.value.where(code = 'Cel').value > 38") == [True]
assert ask("38.9 'Cel' = 38.9 'Cel'") == [True]
assert ask("Observation.value = 38.9 'Cel'") == [False]
assert ask("Observation.value ~ 38.9 'Cel'") == [False]
assert "did not match type" in ask("Observation.value > 38 'Cel'")
assert ask("39 'Cel' > 38 'Cel'").startswith("TypeError")
assert ask("10 'min' = 600 's'") == [True]
assert ask("1 'kg' = 1000 'g'") == [False]
PYTHON
