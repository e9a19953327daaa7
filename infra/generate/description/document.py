"""The OpenAPI document: every route with its parameters, its body and its answers."""

import json
import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from functions.api.routes import METHODS, ROUTES, Route
from functions.messages.scalar_schema import JsonSchema
from infra.generate.description.errors import error_responses, error_schemas
from infra.generate.description.parameters import (
    ALT,
    header_parameters,
    path_parameter,
    query_parameter,
)
from infra.generate.description.schemas import ref, schemas
from infra.generate.openapi import operation_id, path_of

_DESCRIPTION = """\
The sessions, events and state of AI agents: the REST API of Vertex AI Agent Engine Sessions.

The server reads fields and query parameters in camelCase and in snake_case, and writes camelCase,
by the rules of proto3's JSON. Paths without project and location mean those of the settings. Every
method accepts Google's system parameters (alt, fields, prettyPrint and so on) and ignores all of
them except `$alt`. With UNKNOWN_FIELDS=keep, messages may hold fields that are not here.
"""

_REQUESTS: Mapping[str, JsonSchema] = {
    "create_session": ref("NewSession-Input"),
    "update_session": ref("Session-Input"),
    "fork_session": ref("ForkSessionRequest"),
    "rewind_session": ref("RewindSessionRequest"),
    "compact_session": ref("CompactSessionRequest"),
    "import_sessions": ref("Line"),
    "append_event": ref("SessionEvent-Input"),
    "erase_user": ref("EraseUserRequest"),
    "purge_expired_sessions": ref("PurgeExpiredSessionsRequest"),
    "update_user_state": ref("State-Input"),
    "update_app_state": ref("State-Input"),
    "update_event": ref("ChangedSessionEvent-Input"),
    "purge_events": ref("PurgeEventsRequest"),
    "batch_append_events": ref("BatchAppendEventsRequest"),
    "create_reasoning_engine": ref("ReasoningEngine-Input"),
    "update_reasoning_engine": ref("ReasoningEngine-Input"),
    "delete_reasoning_engine": ref("DeleteReasoningEngineRequest"),
}
_REQUIRED = {
    *("create_session", "rewind_session", "compact_session"),
    *("append_event", "batch_append_events", "purge_events"),
}
"""Methods that refuse an empty message, and therefore need a body."""

_ANSWERS = {
    "create_session": "Operation",
    "get_session": "Session-Output",
    "list_sessions": "Sessions",
    "update_session": "Session-Output",
    "delete_session": "Operation",
    "fork_session": "Operation",
    "rewind_session": "Session-Output",
    "compact_session": "Operation",
    "import_sessions": "Imported",
    "append_event": "Appended",
    "get_event": "SessionEvent-Output",
    "update_event": "SessionEvent-Output",
    "delete_event": "Empty",
    "purge_events": "EventPurge",
    "batch_append_events": "Appended",
    "list_events": "SessionEvents",
    "list_runs": "Runs",
    "get_run": "RunWithEvents",
    "list_users": "Users",
    "erase_user": "Erased",
    "get_user_state": "State-Output",
    "update_user_state": "State-Output",
    "get_app_state": "State-Output",
    "update_app_state": "State-Output",
    "create_reasoning_engine": "Operation",
    "get_reasoning_engine": "ReasoningEngine-Output",
    "list_reasoning_engines": "ReasoningEngines",
    "update_reasoning_engine": "Operation",
    "delete_reasoning_engine": "Operation",
    "get_location": "Location",
    "list_locations": "Locations",
    "get_operation": "Operation",
    "delete_operation": "Empty",
    "cancel_operation": "Empty",
    "wait_operation": "Operation",
    "list_operations": "Empty",
    "purge_expired_sessions": "PurgeAnswer",
}

_TAGGED = {
    *("create_session", "get_session", "update_session", "append_event", "batch_append_events"),
    *("rewind_session", "fork_session", "compact_session"),
}
"""Methods whose answer has the etag of a session in its header."""

_ETAG: JsonSchema = {
    "description": "The session's etag, in quotes; an append answers the session's part alone.",
    "schema": {"type": "string"},
}

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "access_token": {"type": "apiKey", "in": "query", "name": "access_token"},
    "x-goog-api-key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
    "key": {"type": "apiKey", "in": "query", "name": "key"},
}
"""The setting AUTH decides which of them the server accepts."""

_LINES = "application/x-ndjson"
"""The type of an export and an import: a `Line` on each line."""

_STREAM: JsonSchema = {"type": "string", "format": "binary"}
"""Client generators hand the bytes on, which a large export needs."""

_WIDTH = 100
_OF_STREAMS = {429}
"""Codes that only methods with streams answer."""


def render(routes: Iterable[Route] = ROUTES) -> str:
    """Returns the text of the file."""
    return _written(document(routes), "") + "\n"


def document(routes: Iterable[Route] = ROUTES) -> JsonSchema:
    """Returns the OpenAPI document of all routes."""
    paths: dict[str, JsonSchema] = {}
    parameters: dict[str, JsonSchema] = {"alt": ALT}
    for route in routes:
        for version in route.versions:
            path = path_of(version, route.template)
            of_path = [path_parameter(route, name) for name in re.findall(r"{(\w+)}", path)]
            own = dict([*of_path, *(query_parameter(route, name) for name in route.query)])
            own |= header_parameters(route)
            parameters |= own
            paths.setdefault(path, {})[route.verb.lower()] = {
                "operationId": operation_id(route, path),
                "summary": _summary(route.method),
                "parameters": [_parameter(name) for name in (*own, "alt")],
                **_request(route.method),
                "responses": _responses(route.method),
            }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Agent Engine Sessions", "version": "1", "description": _DESCRIPTION},
        "security": [{}, *({name: []} for name in _SECURITY)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**schemas(), **error_schemas()}.items())),
            "parameters": dict(sorted(parameters.items())),
            "headers": {"ETag": _ETAG},
            "responses": {str(code): response for code, response in error_responses().items()},
            "securitySchemes": _SECURITY,
        },
    }


def _summary(method: str) -> str:
    """The first line of the docstring of the method's module, without the path."""
    first = (import_module(METHODS[method]).__doc__ or "").splitlines()[0]
    text = first.partition(": ")[2]
    return text[:1].upper() + text[1:]


def _parameter(key: str) -> JsonSchema:
    return {"$ref": f"#/components/parameters/{key}"}


def _request(method: str) -> JsonSchema:
    if method not in _REQUESTS:
        return {}
    content = {"application/json": {"schema": _REQUESTS[method]}}
    if method == "import_sessions":
        content[_LINES] = {"schema": _STREAM}
    return {"requestBody": {"content": content, "required": method in _REQUIRED}}


def _responses(method: str) -> JsonSchema:
    """Returns the answers of a method: the good one and every error that it may give."""
    is_stream = method == "watch_events"
    codes = [code for code in error_responses() if is_stream or code not in _OF_STREAMS]
    content: JsonSchema = {"text/event-stream": {"schema": ref("StreamEvent")}}
    if method == "export_sessions":
        content = {_LINES: {"schema": _STREAM}}
    elif not is_stream:
        content = {"application/json": {"schema": ref(_ANSWERS[method])}}
    tagged = (
        {"headers": {"ETag": {"$ref": "#/components/headers/ETag"}}} if method in _TAGGED else {}
    )
    same = {"304": {"description": "The session is the one of If-None-Match.", **tagged}}
    return {
        "200": {"description": "Done.", **tagged, "content": content},
        **(same if method == "get_session" else {}),
        **{str(code): {"$ref": f"#/components/responses/{code}"} for code in codes},
    }


def _written(value: Any, indent: str) -> str:
    """Writes JSON with each value on one line if it fits."""
    text = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(text) <= _WIDTH or not isinstance(value, (dict, list)):
        return text
    deeper = f"{indent} "
    if isinstance(value, list):
        first, last = "[]"
        items = [_written(item, deeper) for item in value]
    else:
        first, last = "{}"
        items = [f"{json.dumps(key)}: {_written(value[key], deeper)}" for key in value]
    return f",\n{deeper}".join(items).join([f"{first}\n{deeper}", f"\n{indent}{last}"])
