"""Every route, in the google.api.http syntax of the official service; the one table of paths.

A template's variable is the field of the API that the path fills. docs/extensions.md says which
methods the official service lacks.
"""

from typing import NamedTuple

BOTH = ("v1beta1", "v1")
BETA = ("v1beta1",)
OPERATIONS = ("v1beta1", "v1", "ui")
"""GAPIC asks for operations and locations below `/ui/`, too."""

_L = "projects/*/locations/*"
_P = "projects/*/locations/*/reasoningEngines/*"
_E = "reasoningEngines/*"

_LIST = ("pageSize", "pageToken", "filter")
_IF_MATCH = ("etag",)
_APPEND = ("requestId", "allowMissing", "userId", *_IF_MATCH)
_OPERATION_PARENTS = (_L, _P, f"{_P}/sessions/*", _E, f"{_E}/sessions/*")

OWN_PARAMETERS = frozenset({"allowMissing", "etag", "requestId", "userId", "view"})
"""Parameters that this project adds to methods of the managed service."""


class Route(NamedTuple):
    """One path of one method, in some versions of the API, and the query that it takes."""

    method: str
    verb: str
    template: str
    versions: tuple[str, ...] = BOTH
    query: tuple[str, ...] = ()
    is_own: bool = False
    """Whether only this project has the path."""


def _sessions(
    method: str, verb: str, template: str, query: tuple[str, ...] = ()
) -> tuple[Route, Route]:
    """A method of sessions by full names, and by short names in v1beta1."""
    return (
        Route(method, verb, template.replace("ENGINE", _P), BOTH, query),
        Route(method, verb, template.replace("ENGINE", _E), BETA, query),
    )


def _own(*routes: Route) -> tuple[Route, ...]:
    """The same routes, marked as those of this project alone."""
    return tuple(
        Route(each.method, each.verb, each.template, each.versions, each.query, is_own=True)
        for each in routes
    )


def _operations(
    method: str, verb: str, suffix: str = "", query: tuple[str, ...] = ()
) -> tuple[Route, ...]:
    parents = (*(f"{parent}/" for parent in _OPERATION_PARENTS), "")
    return tuple(
        Route(method, verb, f"{{name={parent}operations/*}}{suffix}", OPERATIONS, query)
        for parent in parents
    )


def _engines(
    method: str, verb: str, field: str, query: tuple[str, ...] = ()
) -> tuple[Route, Route]:
    """A method of one engine by its full and by its short name."""
    return (
        Route(method, verb, f"{{{field}={_P}}}", BOTH, query),
        Route(method, verb, f"{{{field}={_E}}}", BOTH, query),
    )


_ROOMS: dict[str, tuple[Route, ...]] = {
    "sessions": (
        *_sessions("create_session", "POST", "{parent=ENGINE}/sessions", ("sessionId",)),
        *_sessions("get_session", "GET", "{name=ENGINE/sessions/*}", ("view",)),
        *_sessions("list_sessions", "GET", "{parent=ENGINE}/sessions", (*_LIST, "orderBy", "view")),
        # vertexai's client sends sessionId with an update, too.
        *_sessions(
            "update_session",
            "PATCH",
            "{session.name=ENGINE/sessions/*}",
            ("updateMask", "sessionId", *_IF_MATCH),
        ),
        *_sessions("delete_session", "DELETE", "{name=ENGINE/sessions/*}", _IF_MATCH),
        *_own(
            Route("delete_session", "DELETE", f"{{name={_L}/sessions/*}}", BOTH, _IF_MATCH),
            *_sessions("fork_session", "POST", "{name=ENGINE/sessions/*}:fork", ("requestId",)),
            *_sessions(
                "rewind_session",
                "POST",
                "{name=ENGINE/sessions/*}:rewind",
                ("requestId", *_IF_MATCH),
            ),
        ),
        Route("compact_session", "POST", f"{{name={_P}/sessions/*}}:compact", BOTH, _IF_MATCH),
        *_own(
            Route("compact_session", "POST", f"{{name={_E}/sessions/*}}:compact", BETA, _IF_MATCH),
            *_sessions("export_sessions", "GET", "{parent=ENGINE}:export", ("filter", "pageToken")),
            *_sessions("import_sessions", "POST", "{parent=ENGINE}:import"),
            Route(
                "purge_expired_sessions", "POST", "sessions:purgeExpired", BETA, ("dryRun", "shard")
            ),
        ),
    ),
    "events": (
        *_sessions("append_event", "POST", "{name=ENGINE/sessions/*}:appendEvent", _APPEND),
        *_own(
            *_sessions("append_event", "POST", "{name=ENGINE/sessions/*}", _APPEND),
            *_sessions(
                "batch_append_events", "POST", "{name=ENGINE/sessions/*}:batchAppendEvents", _APPEND
            ),
            *_sessions("get_event", "GET", "{name=ENGINE/sessions/*/events/*}", ("view",)),
            *_sessions(
                "update_event",
                "PATCH",
                "{session_event.name=ENGINE/sessions/*/events/*}",
                ("updateMask",),
            ),
            *_sessions("delete_event", "DELETE", "{name=ENGINE/sessions/*/events/*}"),
            *_sessions(
                "purge_events", "POST", "{parent=ENGINE/sessions/*}/events:purge", ("requestId",)
            ),
        ),
        *_sessions(
            "list_events", "GET", "{parent=ENGINE/sessions/*}/events", (*_LIST, "orderBy", "view")
        ),
        *_own(
            *_sessions(
                "watch_events",
                "GET",
                "{parent=ENGINE/sessions/*}/events:watch",
                ("filter", "pageToken", "view"),
            ),
        ),
    ),
    "runs": _own(
        *_sessions("list_runs", "GET", "{parent=ENGINE/sessions/*}/runs", _LIST),
        *_sessions(
            "get_run", "GET", "{name=ENGINE/sessions/*/runs/*}", ("pageSize", "pageToken", "view")
        ),
    ),
    "users": _own(
        *_sessions("list_users", "GET", "{parent=ENGINE}/users", ("pageSize", "pageToken")),
        *_sessions("erase_user", "POST", "{name=ENGINE/users/*}:erase", ("dryRun",)),
        *_sessions("get_user_state", "GET", "{name=ENGINE/users/*/state}"),
        *_sessions("update_user_state", "PATCH", "{name=ENGINE/users/*/state}", ("updateMask",)),
    ),
    "engines": (
        Route("create_reasoning_engine", "POST", f"{{parent={_L}}}/reasoningEngines"),
        Route("create_reasoning_engine", "POST", "reasoningEngines", BOTH, ("parent",)),
        *_engines("get_reasoning_engine", "GET", "name"),
        Route("list_reasoning_engines", "GET", f"{{parent={_L}}}/reasoningEngines", BOTH, _LIST),
        Route("list_reasoning_engines", "GET", "reasoningEngines", BOTH, (*_LIST, "parent")),
        *_engines("update_reasoning_engine", "PATCH", "reasoning_engine.name", ("updateMask",)),
        *_engines("delete_reasoning_engine", "DELETE", "name", ("force",)),
        *_own(
            *_sessions("get_app_state", "GET", "{name=ENGINE/state}"),
            *_sessions("update_app_state", "PATCH", "{name=ENGINE/state}", ("updateMask",)),
        ),
    ),
    "locations": (
        Route("get_location", "GET", f"{{name={_L}}}", OPERATIONS),
        Route("list_locations", "GET", "{name=projects/*}/locations", OPERATIONS, _LIST),
    ),
    "operations": (
        *_operations("get_operation", "GET"),
        *_operations("delete_operation", "DELETE"),
        *_operations("cancel_operation", "POST", ":cancel"),
        *_operations("wait_operation", "POST", ":wait", ("timeout",)),
        *(
            Route(
                "list_operations",
                "GET",
                f"{{name={parent}}}/operations",
                OPERATIONS,
                ("filter", "pageSize", "pageToken", "returnPartialSuccess"),
            )
            for parent in _OPERATION_PARENTS
        ),
    ),
}
"""The routes of each resource, whose folder holds a module for each of its methods."""

ROUTES: tuple[Route, ...] = tuple(route for routes in _ROOMS.values() for route in routes)


def official_routes() -> tuple[Route, ...]:
    """The routes of the managed service, with the parameters that it takes."""
    return tuple(
        Route(
            each.method,
            each.verb,
            each.template,
            each.versions,
            tuple(name for name in each.query if name not in OWN_PARAMETERS),
        )
        for each in ROUTES
        if not each.is_own
    )


METHODS: dict[str, str] = {
    route.method: f"functions.{room}.{route.method}"
    for room, routes in _ROOMS.items()
    for route in routes
}
"""Every API method, a target of its own, and the module whose function of that name serves it."""
