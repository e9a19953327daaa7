"""The API's messages as JSON schemas, made from functions/messages.

A message that is read has another schema than one that is written: the server reads nulls, numbers
as text and other spellings that it never writes.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from functions.messages.batch_append_events import BatchAppendEventsRequest
from functions.messages.compaction import (
    CompactionConfigEventEditingConfig,
    CompactionConfigLlmSummarizationConfig,
    CompactSessionRequest,
)
from functions.messages.erase_user import EraseUserRequest
from functions.messages.fork_and_rewind import ForkSessionRequest, RewindSessionRequest
from functions.messages.message import Message
from functions.messages.purge_events import PurgeEventsRequest
from functions.messages.purge_expired_sessions import PurgeExpiredSessionsRequest
from functions.messages.reasoning_engine import DeleteReasoningEngineRequest, ReasoningEngine
from functions.messages.scalar_schema import TIMESTAMP, JsonSchema
from functions.messages.session import Session
from functions.messages.session_event import SessionEvent
from functions.messages.state import State
from functions.rules.event_type import EventType
from functions.rules.limits import MAX_BATCH, MAX_LABEL_LENGTH, MAX_LABELS
from functions.rules.names import RESOURCE_ID
from functions.rules.run import RunState
from functions.rules.token_usage import TOKEN_COUNTS
from functions.store.protocol import MOST_SAMPLED

_SCHEMAS = "#/components/schemas/"


class _Rules(NamedTuple):
    """The rules of functions/rules for a message, beyond its types."""

    required: list[str]
    properties: dict[str, JsonSchema]
    absent: tuple[str, ...] = ()


def ref(name: str) -> JsonSchema:
    """Returns a reference to a schema of `schemas`."""
    return {"$ref": f"{_SCHEMAS}{name}"}


def listed(item: JsonSchema) -> JsonSchema:
    """Returns the schema of a list of these items."""
    return {"type": "array", "items": item}


def fixed(properties: dict[str, JsonSchema], *required: str) -> JsonSchema:
    """Returns the schema of an object with these properties and no others."""
    more: JsonSchema = {"required": list(required)} if required else {}
    return {
        "type": "object",
        "properties": properties,
        **more,
        "additionalProperties": False,
    }


TEXT: JsonSchema = {"type": "string"}
FILLED: JsonSchema = {"type": "string", "minLength": 1}
_COUNT: JsonSchema = {"type": "integer", "minimum": 0}
_TIME = TIMESTAMP.written
_STRUCT: JsonSchema = {"type": "object", "additionalProperties": True}
_LABEL: JsonSchema = {
    "type": "string",
    "pattern": r"^[^\x00-,./:-^`{-\x7f]*$",
    "maxLength": MAX_LABEL_LENGTH,
    "description": "Lowercase letters of any script, digits, `_` and `-`.",
}
_LABELS: JsonSchema = {
    "type": "object",
    "propertyNames": {**_LABEL, "minLength": 1},
    "additionalProperties": _LABEL,
    "maxProperties": MAX_LABELS,
}
_NULL: JsonSchema = {"type": "null"}
_LABELS_OR_NULL: JsonSchema = {"anyOf": [_LABELS, _NULL]}
_NEW_ID: JsonSchema = {
    "anyOf": [{"type": "string", "pattern": f"^({RESOURCE_ID.pattern})?$"}, _NULL]
}
# Client generators refuse an enum of a string and a number.
_AUTO: JsonSchema = {"anyOf": [{"enum": ["AUTO"]}, {"enum": [1]}]}
_EVENT_TYPE: JsonSchema = {"enum": list(EventType), "description": "Only with view=FULL."}

_FACTS: dict[str, JsonSchema] = {
    "etag": {**FILLED, "description": "Only with view=FULL, as the four that follow."},
    "eventCount": _COUNT,
    "usage": ref("Usage"),
    "lastEventTime": _TIME,
    "forkedFrom": ref("ForkedFrom"),
}

_RULES: Mapping[tuple[type[Message], str], _Rules] = {
    (Session, "validation"): _Rules([], {"labels": _LABELS_OR_NULL}),
    (Session, "serialization"): _Rules(
        ["name", "createTime", "updateTime", "userId", "expireTime"],
        {"labels": _LABELS, **_FACTS},
        ("ttl",),
    ),
    (ForkSessionRequest, "validation"): _Rules(
        [],
        {"sessionId": _NEW_ID, "session": {"anyOf": [ref("ForkedSession-Input"), _NULL]}},
    ),
    (RewindSessionRequest, "validation"): _Rules(
        ["beforeInvocationId"], {"beforeInvocationId": FILLED}
    ),
    (CompactSessionRequest, "validation"): _Rules(
        ["compaction"], {"compaction": {"allOf": [ref("CompactionConfig")], "minProperties": 1}}
    ),
    (CompactionConfigEventEditingConfig, "validation"): _Rules(["mode"], {"mode": _AUTO}),
    (CompactionConfigLlmSummarizationConfig, "validation"): _Rules(["mode"], {"mode": _AUTO}),
    (PurgeEventsRequest, "validation"): _Rules(["filter"], {"filter": FILLED}),
    (BatchAppendEventsRequest, "validation"): _Rules(
        ["events"],
        {"events": {**listed(ref("SessionEvent-Input")), "minItems": 1, "maxItems": MAX_BATCH}},
    ),
    (ReasoningEngine, "validation"): _Rules([], {"labels": _LABELS_OR_NULL}),
    (ReasoningEngine, "serialization"): _Rules(
        ["name", "createTime", "updateTime", "etag"], {"labels": _LABELS}
    ),
    (State, "serialization"): _Rules(["name", "state"], {}),
    (SessionEvent, "validation"): _Rules(
        ["author", "invocationId", "timestamp"],
        {
            "author": FILLED,
            "invocationId": FILLED,
            "timestamp": {"anyOf": list(TIMESTAMP.read)},
        },
    ),
    (SessionEvent, "serialization"): _Rules(
        ["name", "author", "invocationId", "timestamp", "content", "actions"],
        {"eventType": _EVENT_TYPE},
    ),
}

_RUN: dict[str, JsonSchema] = {
    "name": FILLED,
    "invocationId": FILLED,
    "startTime": _TIME,
    "endTime": _TIME,
    "eventCount": {"type": "integer", "minimum": 1},
    "authors": {**listed(FILLED), "minItems": 1},
    "toolCalls": {**listed(ref("ToolCall")), "minItems": 1},
    "state": {"enum": list(RunState)},
    "errorCode": FILLED,
    "errorMessage": FILLED,
}
_OF_EVERY_RUN = (
    *("name", "invocationId", "startTime", "endTime", "eventCount", "authors", "state"),
)


_LINES = ("appState", "userState", "session", "event", "stateChange", "end")
_IMPORTED = ("importedSessions", "importedEvents", "skipped")


def schemas() -> dict[str, JsonSchema]:
    """Returns all schemas by name; a message in both directions has `-Input` and `-Output`."""
    both = product((Session, SessionEvent, ReasoningEngine, State), ("validation", "serialization"))
    read = (
        *(BatchAppendEventsRequest, DeleteReasoningEngineRequest),
        *(ForkSessionRequest, RewindSessionRequest),
        CompactSessionRequest,
        PurgeEventsRequest,
        EraseUserRequest,
        PurgeExpiredSessionsRequest,
    )
    _, made = models_json_schema(
        [*both, *product(read, ("validation",))],  # type: ignore[list-item]
        ref_template=f"{_SCHEMAS}{{model}}",
        schema_generator=_Generator,
    )
    messages: dict[str, JsonSchema] = made["$defs"]
    event, gone = ref("SessionEvent-Output"), fixed({"name": FILLED}, "name")
    answered = {
        "Empty": fixed({}),
        "Usage": fixed(dict.fromkeys(TOKEN_COUNTS, _COUNT)),
        "ForkedFrom": fixed({"session": FILLED, "event": FILLED}, "session"),
        "Appended": fixed({"session": ref("Session-Output")}),
        "Sessions": _page("sessions", "Session-Output"),
        "SessionEvents": _page("sessionEvents", "SessionEvent-Output"),
        "ReasoningEngines": _page("reasoningEngines", "ReasoningEngine-Output"),
        "EventPurge": fixed(
            {
                "purgeCount": _COUNT,
                "purgeSample": {**listed(FILLED), "minItems": 1, "maxItems": MOST_SAMPLED},
                "done": {"type": "boolean", "description": "Only false, where time ran out."},
            },
            "purgeCount",
        ),
        "Runs": _page("runs", "Run"),
        "Run": fixed(_RUN, *_OF_EVERY_RUN),
        "RunWithEvents": fixed(
            {**_RUN, **_page("sessionEvents", "SessionEvent-Output")["properties"]},
            # A later page of a long run has only these.
            *("name", "invocationId"),
        ),
        "Users": _page("users", "User"),
        "User": fixed({"name": FILLED, "userId": FILLED, "createTime": _TIME}, "name", "userId"),
        "Erased": fixed(
            {"erasedSessions": _COUNT, "erasedEvents": _COUNT, "done": {"type": "boolean"}},
            *("erasedSessions", "erasedEvents", "done"),
        ),
        "ToolCall": fixed({"id": TEXT, "name": TEXT, "args": _STRUCT, "response": _STRUCT}),
        # The schema of each event: before 3.2, OpenAPI cannot describe the items of a stream.
        "StreamEvent": {"oneOf": [_streamed("message", event), _streamed("deleted", gone)]},
        "Location": fixed({"name": FILLED, "locationId": FILLED}, "name", "locationId"),
        "Locations": fixed({"locations": listed(ref("Location"))}, "locations"),
        "Line": {
            **fixed(dict.fromkeys(_LINES, _STRUCT)),
            "minProperties": 1,
            "maxProperties": 1,
        },
        "Imported": fixed(
            {**dict.fromkeys(_IMPORTED, _COUNT), "conflicts": listed(FILLED)},
            *(*_IMPORTED, "conflicts"),
        ),
        "PurgeAnswer": {"anyOf": [ref("Purged"), ref("Backlog")]},
        "Purged": fixed(
            {"purgedSessions": _COUNT, "deletedEvents": _COUNT, "done": {"type": "boolean"}},
            *("purgedSessions", "deletedEvents", "done"),
        ),
        # Of a dry run.
        "Backlog": fixed(
            {"expiredSessions": _COUNT, "atLeast": {"type": "boolean"}, "oldestExpireTime": _TIME},
            "expiredSessions",
        ),
        **_operations(messages),
    }
    # A full schema and no `allOf` of message and condition: client generators do not merge them.
    new_session = {
        **messages["Session-Input"],
        "properties": {**messages["Session-Input"]["properties"], "userId": FILLED},
        "required": ["userId"],
    }
    event_input = messages["SessionEvent-Input"]
    text, time = {"anyOf": [TEXT, _NULL]}, {"anyOf": [*TIMESTAMP.read, _NULL]}
    changed_event = {
        **event_input,
        "properties": {
            **event_input["properties"],
            "author": text,
            "invocationId": text,
            "timestamp": time,
        },
    }
    del changed_event["required"]
    forked_session = {
        **messages["Session-Input"],
        "properties": {
            **messages["Session-Input"]["properties"],
            "sessionState": {"anyOf": [_NULL]},
        },
    }
    made_for_one = {
        "NewSession-Input": new_session,
        "ForkedSession-Input": forked_session,
        "ChangedSessionEvent-Input": changed_event,
    }
    return dict(sorted({**messages, **answered, **made_for_one}.items()))


def _page(field: str, item: str) -> JsonSchema:
    return fixed({field: {**listed(ref(item)), "minItems": 1}, "nextPageToken": FILLED})


def _streamed(kind: str, data: JsonSchema) -> JsonSchema:
    text = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    event: JsonSchema = {"id": FILLED, "event": {"const": kind}, "data": text}
    return {"type": "object", "properties": event, "required": ["data"]}


def _operations(messages: Mapping[str, JsonSchema]) -> dict[str, JsonSchema]:
    """Returns an operation for each kind of response; generators need a name for each part."""
    times = fixed({"createTime": _TIME, "updateTime": _TIME}, "createTime", "updateTime")
    metadata = fixed({"genericMetadata": ref("GenericMetadata")}, "genericMetadata")
    responses = {
        "Session": messages["Session-Output"],
        "ReasoningEngine": messages["ReasoningEngine-Output"],
        "Empty": fixed({}),
    }
    parts = {"name": FILLED, "metadata": ref("OperationMetadata"), "done": {"const": True}}
    return {
        "GenericMetadata": times,
        "OperationMetadata": _typed(metadata, "[A-Za-z]+OperationMetadata"),
        "Operation": {"anyOf": [ref(f"Operation-{name}") for name in (*responses, "UnderWay")]},
        # Of a large engine that is being deleted, or a large session that is being forked.
        "Operation-UnderWay": fixed({**parts, "done": {"const": False}}, *parts),
        **{
            f"Operation-{name}": fixed(
                {**parts, "response": ref(f"Operation-{name}-Response")}, *parts, "response"
            )
            for name in responses
        },
        **{
            f"Operation-{name}-Response": _typed(message, name)
            for name, message in responses.items()
        },
    }


def _typed(message: JsonSchema, name: str) -> JsonSchema:
    """Returns the schema of the message as a google.protobuf.Any, which names its type."""
    package = r"google\.protobuf" if name == "Empty" else r"google\.cloud\.aiplatform\.v1(beta1)?"
    type_url = {"type": "string", "pattern": rf"^type\.googleapis\.com/{package}\.{name}$"}
    return {
        **message,
        "properties": {"@type": type_url, **message["properties"]},
        "required": ["@type", *message.get("required", [])],
    }


class _Generator(GenerateJsonSchema):
    """Writes no titles and no defaults: proto3 omits a field that has its type's default."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchema:
        return self.generate_inner(schema["schema"])

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchema:
        is_read = self.mode == "validation"
        return super().nullable_schema(schema) if is_read else self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchema:
        made = super().model_schema(schema)
        message: type[Message] = schema["cls"]
        properties = made["properties"]
        if rules := _RULES.get((message, self.mode)):
            properties = {**properties, **rules.properties}
            made["properties"] = {
                name: properties[name] for name in properties if name not in rules.absent
            }
            if rules.required:
                made["required"] = rules.required
        if oneofs := [_at_most_one(members) for _, members in message.oneofs]:
            made["allOf"] = oneofs
        del made["title"]
        made["additionalProperties"] = False
        return made


def _at_most_one(members: frozenset[str]) -> JsonSchema:
    """Returns the schema of a proto3 oneof; the other members may be null, which means absent."""
    names = sorted(map(to_camel, members))
    null = {"type": "null"}
    return {
        "anyOf": [
            {"properties": {other: null for other in names if other != chosen}} for chosen in names
        ]
    }
