#!/usr/bin/env bash
# prometheus_client 0.26.0: exposition.choose_encoder() with an Accept header.
#
# Guessed: as content negotiation goes, a media type that the server does not know is passed over, and
# the plain text format is served.
# Seen: "text/plain; version=9" is passed over, "application/openmetrics-text; version=2.0.0" is, too,
# but "application/openmetrics-text; version=2" and "; version=latest" raise. Whoever scrapes with such a header gets
# an error of the server instead of metrics, and an alert for metrics that are missing.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work"
"$work/bin/pip" --quiet --disable-pip-version-check install prometheus-client==0.26.0
"$work/bin/python" - <<'PYTHON'
from importlib.metadata import version

from prometheus_client.exposition import choose_encoder

seen = {}
for accept in (
    "text/plain; version=9",
    "application/openmetrics-text; version=2.0.0",
    "application/openmetrics-text; version=2",
    "application/openmetrics-text; version=latest",
):
    try:
        _, content_type = choose_encoder(accept)
        seen[accept] = content_type
    except Exception as error:
        seen[accept] = type(error).__name__
print(version("prometheus-client"), seen)
PYTHON
