"""The journal: a log line for each event of note that was published, and whom it is about.

An event that is published again is noted again. Only ids and codes are noted, nothing that
anybody said.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
import structlog

from dispatch.topics import TOPIC_OF
from dispatch.topics.envelope import Outgoing
from dispatch.topics.refused import kind_of

log = structlog.get_logger(__name__)

# How loud, in which words, and which of the event's codes.
_NOTED: Final[Mapping[bytes, tuple[str, str, tuple[str, ...]]]] = {
    b"call.decided": ("info", "call decided", ()),
    b"incident.assigned": ("info", "unit ordered", ("rule", "crew")),
    b"call.warned": ("warning", "call taken with warnings", ()),
    b"unit.warned": ("warning", "position not believed", ("why", "stands_in")),
    b"escalation.raised": ("warning", "escalation", ("kind", "subject")),
    b"input.rejected": ("warning", "input refused", ("topic", "partition", "offset")),
    b"inputs.refused": ("warning", "inputs refused", ("topic", "field", "count")),
}
_IDS: Final = ("call_id", "incident_id", "unit_id", "hospital_id")
# A sender may put anything into a key; a name or a sentence is not repeated.
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_CODE: Final = re.compile(r"[A-Za-z0-9._:/-]{1,200}")


def note(events: Sequence[Outgoing]) -> None:
    """Write the log lines of events that were published."""
    journal = log.bind()
    for event in events:
        event_type = next((value for name, value in event.headers if name == "ce_type"), b"")
        noted = _NOTED.get(event_type)
        if noted is None:
            continue
        level, words, codes = noted
        data = orjson.loads(event.value)
        details = dict(_subjects(event, data)) | {code: data.get(code) for code in codes}
        if "subject" in details and not _CODE.fullmatch(str(details["subject"])):
            del details["subject"]
        if isinstance(decision := data.get("decision"), dict):
            details |= {code: decision.get(code) for code in ("rule", "action", "crew")}
        if "warnings" in data:
            # A sender may have made a field's name up.
            about = (kind_of("call.received", each["field"]).field for each in data["warnings"])
            details["fields"] = sorted(set(about))
        getattr(journal, level)(words, **details)


def _subjects(event: Outgoing, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the call, incident, unit and hospital that an event is about."""
    for name in _IDS:
        if data.get(name) is not None:
            yield name.removesuffix("_id"), data[name]
    # A dead letter has the key of the input that it holds.
    original = TOPIC_OF.get(data.get("refused", ""))
    if original is not None and original.key in _IDS and _IDENTIFIER.fullmatch(event.key or ""):
        yield original.key.removesuffix("_id"), event.key
    if "refused" in data:
        yield "refused", data["refused"] if original is not None else "unknown"
