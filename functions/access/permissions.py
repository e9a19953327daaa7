"""The permissions of Google's IAM that each method needs: all permissions of its row.

The names are those of cloud.google.com/iam/docs/roles-permissions/aiplatform. Methods that the
official service lacks need the permissions of the official methods with the same effect.
docs/decisions/0011-google-iam.md has the reasons.
"""

from collections.abc import Mapping

_SESSIONS = "aiplatform.sessions."
_EVENTS = "aiplatform.sessionEvents."
_ENGINES = "aiplatform.reasoningEngines."

PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "create_session": (f"{_SESSIONS}create",),
    "get_session": (f"{_SESSIONS}get",),
    "list_sessions": (f"{_SESSIONS}list",),
    "update_session": (f"{_SESSIONS}update",),
    "delete_session": (f"{_SESSIONS}delete",),
    "fork_session": (f"{_SESSIONS}create", f"{_SESSIONS}get", f"{_EVENTS}list"),
    "rewind_session": (f"{_SESSIONS}update", f"{_EVENTS}append"),
    "compact_session": (f"{_SESSIONS}update",),
    "export_sessions": (f"{_SESSIONS}list", f"{_EVENTS}list"),
    "import_sessions": (f"{_SESSIONS}create", f"{_SESSIONS}update", f"{_EVENTS}append"),
    "append_event": (f"{_EVENTS}append",),
    "batch_append_events": (f"{_EVENTS}append",),
    "get_event": (f"{_EVENTS}list",),
    "update_event": (f"{_SESSIONS}update",),
    "delete_event": (f"{_SESSIONS}update",),
    "purge_events": (f"{_SESSIONS}update",),
    "list_events": (f"{_EVENTS}list",),
    "watch_events": (f"{_EVENTS}list",),
    "list_runs": (f"{_EVENTS}list",),
    "get_run": (f"{_EVENTS}list",),
    "list_users": (f"{_SESSIONS}list",),
    "erase_user": (f"{_SESSIONS}delete",),
    "get_user_state": (f"{_SESSIONS}get",),
    "update_user_state": (f"{_SESSIONS}update",),
    "get_app_state": (f"{_SESSIONS}get",),
    "update_app_state": (f"{_SESSIONS}update",),
    "create_reasoning_engine": (f"{_ENGINES}create",),
    "get_reasoning_engine": (f"{_ENGINES}get",),
    "list_reasoning_engines": (f"{_ENGINES}list",),
    "update_reasoning_engine": (f"{_ENGINES}update",),
    "delete_reasoning_engine": (f"{_ENGINES}delete",),
    "get_location": (f"{_SESSIONS}get",),
    "list_locations": (f"{_SESSIONS}get",),
    # No role for sessions has a permission for operations: reading the resource is enough.
    "get_operation": (f"{_SESSIONS}get",),
    "list_operations": (f"{_SESSIONS}get",),
    "wait_operation": (f"{_SESSIONS}get",),
    "delete_operation": (f"{_SESSIONS}get",),
    "cancel_operation": (f"{_SESSIONS}get",),
    "purge_expired_sessions": (f"{_SESSIONS}delete",),
}

_OF_ENGINES: Mapping[str, tuple[str, ...]] = {
    "get_operation": (f"{_ENGINES}get",),
    "wait_operation": (f"{_ENGINES}get",),
}
"""Rows for operations on engines."""


def permissions_of(method: str, *, is_of_engine: bool, may_create: bool) -> tuple[str, ...]:
    """Returns the permissions that a call of the method needs.

    `is_of_engine` tells that the call names an operation on an engine. `may_create` tells that it
    also creates a missing session and answers with it, which needs two more permissions.
    """
    needed = _OF_ENGINES.get(method, ()) if is_of_engine else ()
    needed = needed or PERMISSIONS[method]
    if may_create:
        return (*needed, f"{_SESSIONS}create", f"{_SESSIONS}get")
    return needed
