"""The AsyncAPI 3.0 document: which topics there are, who writes and reads them, and what."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dispatch.kafka.placement import PARTITIONER
from dispatch.settings import Settings
from dispatch.topics import WITHHOLDING, Own, Topic
from dispatch.topics.announcement import Announcement
from dispatch.topics.cloudevents import MAX_ATTRIBUTE, SCHEMA_VERSION, SOURCE, SPECVERSION
from dispatch.topics.fields import MAX_BODY_BYTES, Content

VERSION: Final = "3.0.0"
SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"
KAFKA_BINDING: Final = "0.5.0"

_ABOUT: Final = f"""\
Ambulance dispatch with epidemic screening, on Kafka.

Every message is a CloudEvent (1.0) in binary mode: its attributes are `ce_` headers, its body is
one JSON object, of an input at most {MAX_BODY_BYTES} bytes long. An input may be in structured mode
instead, as `application/cloudevents+json`; the batch format is refused. An input is the same as
another one when `ce_source` and `ce_id` are the same; it takes effect once. What is published may
arrive more than once; `ce_sequence` grows in each topic and key, so that a reader can pass over
what it has seen, and `ce_cause` names the input (`source#id`) or timer that brought it about.

Every message has a key, as its topic says, in UTF-8. Keys are placed by murmur2, as Java's clients,
kafkajs and aiokafka do by themselves; librdkafka (confluent-kafka, kcat and others) needs
`partitioner={PARTITIONER}`, or one key's inputs lie on two partitions and are read in no order.
The service places what it publishes in the same way.

Times are RFC 3339 with an offset, positions WGS-84 degrees, durations seconds. The events of one
key stay in order. A refused input changes nothing: it is answered under its key, and kept whole on
`dead-letters`. Readers should ignore fields that they don't know: new ones may be added."""

_ATTRIBUTE: Final = {"type": "string", "minLength": 1, "maxLength": MAX_ATTRIBUTE}
_OPTIONAL: Final = {
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_subject": {"type": "string", "description": "The message's key."},
    "ce_dataschema": {"type": "string", "description": "The URN of the body's schema."},
    "content-type": {"type": "string", "const": "application/json"},
}


def document(
    topics: Sequence[Topic],
    examples: Mapping[str, Mapping[str, Any]],
    file_of: Callable[[str], str],
) -> dict[str, Any]:
    """Return the document; `file_of` names the schema file of an event beside it."""
    prefix: str = Settings.model_fields["topic_prefix"].default
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Ambulance dispatch",
            "version": SCHEMA_VERSION,
            "description": _ABOUT,
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, prefix) for topic in topics}
        | {
            _own_name(topic, topic.own): _own_channel(topic, topic.own, prefix)
            for topic in topics
            if topic.own is not None
        },
        "operations": {_operation_name(topic): _operation(topic) for topic in topics}
        | {
            f"send-{_own_name(topic, topic.own)}": _own_operation(topic, topic.own)
            for topic in topics
            if topic.own is not None
        },
        "components": {
            "messages": {
                event.event_type: _message(
                    event, topic, examples[event.event_type], file_of(event.event_type)
                )
                for topic in topics
                for event in topic.events
            },
            "schemas": {"inputHeaders": _input_headers(), "outputHeaders": _output_headers()},
        },
    }


def _channel(topic: Topic, prefix: str) -> dict[str, Any]:
    return {
        "address": prefix + topic.name,
        "title": topic.name,
        "summary": _sentence(topic.summary),
        "description": f"{_direction(topic)} The key is {_key(topic)}.",
        "messages": {
            event.event_type: {"$ref": f"#/components/messages/{event.event_type}"}
            for event in topic.events
        },
    }


def _own_name(topic: Topic, own: Own) -> str:
    return f"{topic.name}-of-{_a(own)}"


def _a(own: Own, between: str = "-") -> str:
    article = "an" if own.party == "institution" else "a"
    return f"{article}{between}{own.party}"


def _own_channel(topic: Topic, own: Own, prefix: str) -> dict[str, Any]:
    parameter = f"{own.party}_id"
    whose = f"this {own.party}'s {'key' if own.field == topic.key else own.field}"
    withheld = any(event.event_type in WITHHOLDING for event in topic.events)
    same = (
        f"with what {topic.name} withholds: there it is null, or less exact"
        if withheld
        else "the same in everything"
    )
    return {
        **_channel(topic, prefix),
        "address": f"{prefix}{topic.name}.{{{parameter}}}",
        "title": f"{topic.name} of {_a(own, ' ')}",
        "description": (
            f"The events of {topic.name} with {whose}, {same}. "
            f"So {_a(own, ' ')} can be let in to its own alone."
        ),
        "parameters": {parameter: {"description": f"The {own.party}'s id in the city's plan."}},
    }


def _own_operation(topic: Topic, own: Own) -> dict[str, Any]:
    name = _own_name(topic, own)
    return {
        **_operation(topic),
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [
            {"$ref": f"#/channels/{name}/messages/{event.event_type}"} for event in topic.events
        ],
    }


def _direction(topic: Topic) -> str:
    if topic.direction == "input":
        return "Others write this topic; the service reads it."
    return "The service writes this topic; others read it."


def _operation_name(topic: Topic) -> str:
    return f"{'receive' if topic.direction == 'input' else 'send'}-{topic.name}"


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "receive" if topic.direction == "input" else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": _sentence(topic.summary),
        "messages": [
            {"$ref": f"#/channels/{topic.name}/messages/{event.event_type}"}
            for event in topic.events
        ],
    }


def _message(
    event: type[Content] | type[Announcement], topic: Topic, example: Mapping[str, Any], file: str
) -> dict[str, Any]:
    about = (event.__doc__ or "").strip()
    headers = "inputHeaders" if topic.direction == "input" else "outputHeaders"
    return {
        "name": event.event_type,
        "title": event.__name__,
        "summary": about.split("\n\n", maxsplit=1)[0].replace("\n", " "),
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": f"#/components/schemas/{headers}"},
                {"properties": {"ce_type": {"const": event.event_type}}},
            ]
        },
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./{file}"}},
        "bindings": {
            "kafka": {
                "key": _key_schema(topic),
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "examples": [
            {
                "name": event.event_type,
                "headers": _example_headers(event.event_type, topic, example),
                "payload": dict(example),
            }
        ],
    }


def _key_schema(topic: Topic) -> dict[str, str]:
    described = {"type": "string", "description": f"{_sentence(_key(topic))} In UTF-8."}
    return described | ({"const": topic.key} if topic.key == topic.name else {})


def _key(topic: Topic) -> str:
    if topic.key == topic.name:
        return f'always "{topic.key}"'
    if topic.name == "dead-letters":
        return "that of the original"
    return f"the {topic.key}"


def _example_headers(event_type: str, topic: Topic, example: Mapping[str, Any]) -> dict[str, str]:
    own = topic.direction == "output"
    headers = {
        "ce_specversion": SPECVERSION,
        "ce_id": "0b6fb1d2-8c8b-5a7e-9a55-3d0f4c1c2a10" if own else "e-1",
        "ce_source": SOURCE if own else f"{topic.name}-1",
        "ce_type": event_type,
        "ce_time": example.get("at", example.get("received_at", "2022-12-23T00:00:41Z")),
        "content-type": "application/json",
    }
    if own:
        headers |= {
            "ce_dataschema": f"urn:ambulance-dispatch:{event_type}:{SCHEMA_VERSION}",
            "ce_sequence": "1",
            "ce_cause": "calls-1#e-1",
        }
    return headers


def _input_headers() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
        "properties": {
            "ce_specversion": {"type": "string", "const": SPECVERSION},
            "ce_id": dict(_ATTRIBUTE),
            "ce_source": dict(_ATTRIBUTE),
            "ce_type": dict(_ATTRIBUTE),
            **_OPTIONAL,
        },
    }


def _output_headers() -> dict[str, Any]:
    headers = _input_headers()
    headers["required"] += ["ce_time", "ce_dataschema", "content-type", "ce_sequence", "ce_cause"]
    headers["properties"] |= {
        "ce_sequence": {
            "type": "string",
            "pattern": "^[1-9][0-9]*$",
            "description": "Grows from event to event of its topic and key; it may leap.",
        },
        "ce_cause": {
            "type": "string",
            "description": "The input (source#id) or the timer that brought it about.",
        },
    }
    return headers


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
