"""The parameters of paths and queries, with the bounds that functions/rules set."""

from collections.abc import Mapping, Sequence

from pydantic.alias_generators import to_camel

from functions.aip.filtering import MAX_LENGTH
from functions.api.routes import Route
from functions.calls.filters import EVENT_ORDERS, SESSION_ORDERS
from functions.calls.request import SESSION_VIEWS
from functions.messages.scalar_schema import DURATION, JsonSchema
from functions.rules.event_type import EventView
from functions.rules.names import ANY, LOCATION, PROJECT, RESOURCE_ID
from infra.generate.openapi import TYPES

_PARENT = f"projects/{PROJECT.pattern}/locations/{LOCATION.pattern}"

_IGNORED: JsonSchema = {"type": "string", "description": "Ignored."}

_QUERY: Mapping[str, JsonSchema] = {
    "pageSize": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1},
    "filter": {"type": "string", "maxLength": MAX_LENGTH},
    "view": {"enum": ["BASIC", "FULL"]},
    "sessionId": {"type": "string", "pattern": f"^{RESOURCE_ID.pattern}$"},
    "parent": {"type": "string", "pattern": f"^{_PARENT}$"},
    "timeout": DURATION.written,
    "shard": {"type": "string", "pattern": "^[0-9]{1,2}/[0-9]{1,2}$"},
}
"""Schemas of query parameters that have more than a type."""


def _order(fields: Sequence[str]) -> JsonSchema:
    spellings = sorted({*fields, *map(to_camel, fields)})
    return {"type": "string", "pattern": f"^({'|'.join(spellings)})( asc| desc)?$"}


_QUERY_OF_METHOD: Mapping[tuple[str, str], JsonSchema] = {
    ("list_sessions", "orderBy"): _order(SESSION_ORDERS),
    ("get_session", "view"): {"enum": list(SESSION_VIEWS)},
    ("list_sessions", "view"): {"enum": list(SESSION_VIEWS)},
    ("list_events", "orderBy"): _order(EVENT_ORDERS),
    ("update_session", "sessionId"): _IGNORED,
    **{
        (method, "view"): {"enum": list(EventView)}
        for method in ("get_event", "list_events", "watch_events", "get_run")
    },
    ("list_operations", "filter"): _IGNORED,
}

_ANY = {
    ("list_sessions", "reasoningEngine"),
    ("erase_user", "reasoningEngine"),
    ("append_event", "session"),
    ("batch_append_events", "session"),
}
"""Where the id `-` is allowed: it means all resources, or an id that the server chooses."""

_CONDITIONS = {
    "If-Match": "The etag of the session; 409 if the session has changed since. Like `etag`.",
    "If-None-Match": "The etag of the session; 304 if it is still the same.",
}

ALT: JsonSchema = {
    "name": "$alt",
    "in": "query",
    "description": "With `json;enum-encoding=int` the server writes enums as numbers.",
    "schema": {"type": "string"},
    "examples": {"numbers": {"value": "json;enum-encoding=int"}},
}


def header_parameters(route: Route) -> dict[str, JsonSchema]:
    """The headers that make a request conditional: their keys, and the parameters."""
    names = ["If-Match"] if "etag" in route.query else []
    if route.method == "get_session":
        names.append("If-None-Match")
    return {
        name: {"name": name, "in": "header", "schema": {"type": "string"}, "description": text}
        for name, text in _CONDITIONS.items()
        if name in names
    }


def path_parameter(route: Route, name: str) -> tuple[str, JsonSchema]:
    """Its key among the document's parameters, and the parameter."""
    is_wildcard = (route.method, name) in _ANY
    return f"{name}OrAny" if is_wildcard else name, {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{_id_pattern(name, is_wildcard=is_wildcard)}$"},
    }


def _id_pattern(name: str, *, is_wildcard: bool) -> str:
    if name in ("project", "location"):
        return (PROJECT if name == "project" else LOCATION).pattern
    if name in ("reasoningEngine", "session"):
        return f"({RESOURCE_ID.pattern}|{ANY})" if is_wildcard else RESOURCE_ID.pattern
    # The server writes `~` and two digits for most bytes, and also takes them as they are.
    any_text = "[^/]+"
    return {
        "event": RESOURCE_ID.pattern,
        "run": any_text,
        "user": any_text,
        "operation": "[A-Za-z0-9_-]+",
    }[name]


def query_parameter(route: Route, name: str) -> tuple[str, JsonSchema]:
    """Its key among the document's parameters, and the parameter."""
    of_method = _QUERY_OF_METHOD.get((route.method, name))
    schema = of_method or _QUERY.get(name, {"type": TYPES.get(name, "string")})
    key = f"{name}-{route.method}" if of_method else name
    # An empty parameter counts as absent.
    return key, {"name": name, "in": "query", "allowEmptyValue": True, "schema": schema}
