"""DELETE {session}: deletes a session and its events."""

from functions.calls.request import Request
from functions.rules.errors import AmbiguousSession, SessionNotFound
from functions.rules.names import EngineName, SessionName
from functions.rules.operation import Operation
from functions.store.protocol import Store


def delete_session(request: Request, store: Store, now: int) -> str:
    """Answers a finished Operation; no request sees the session afterwards.

    Google's documentation prints a name without the engine. Such a name means the only session of
    that id in the location. Raises SessionNotFound, SessionHasChanged where the client expects
    another version, and AmbiguousSession if several engines have a session of that id.
    """
    named_in_full = "/reasoningEngines/" in f"/{request.name}"
    name = request.session_name if named_in_full else _only_session(request, store, now)
    store.delete_session(name, now, if_match=request.if_match)
    engine = EngineName.parse(name.engine)
    operation = Operation("Delete", *engine, name.session, now, request.version)
    return operation.to_json(request.version, None)


def _only_session(request: Request, store: Store, now: int) -> SessionName:
    location, session_id = request.location, request.session_id
    found = store.find_sessions(location, session_id, now)
    if not found:
        raise SessionNotFound(f"{location}/sessions/{session_id}")
    if len(found) > 1:
        raise AmbiguousSession(session_id, [name.engine for name in found])
    return found[0]
