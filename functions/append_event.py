"""POST {session}:appendEvent: adds an event and merges its state delta."""

from functions.messages.session_event import SessionEvent
from functions.rules.errors import (
    Contention,
    InvalidFields,
    SessionAlreadyExists,
    SessionNotFound,
)
from functions.rules.event import EventRecord
from functions.rules.event_message import new_event
from functions.rules.ids import session_id_of_request
from functions.rules.names import ANY, SessionName
from functions.rules.request import Request
from functions.rules.session import SessionRecord
from functions.rules.state import StateChange
from functions.store.protocol import Store

_TRIES = 10
"""How often others may create or delete the session between our look and our append."""


def append_event(request: Request, store: Store, now: int) -> str:
    """Answers `{}` once the event is stored for good; a retry of the same event changes nothing.

    With `allowMissing` a session that is missing is created for the user `userId`, the session id
    `-` lets the server choose one, and the answer is `{"session": …}` as get answers it. A retry
    with `-` meets its own session when both carry the same `requestId`.

    Raises InvalidFields naming every missing field, SessionNotFound, and TooLarge; and with
    `allowMissing` InvalidFields for another user's session, and what create_session raises.
    """
    if request.flag("allowMissing"):
        return _append_or_create(request, store, now)
    if "userId" in request.query:
        raise InvalidFields([("user_id", "Only an append with allowMissing=true takes a userId.")])
    name = request.session_name
    event, state = _event(request)
    store.append_event(name, event, state, now)
    return "{}"


def _append_or_create(request: Request, store: Store, now: int) -> str:
    engine, session_id = str(request.engine_name), request.session_id_or_none
    user_id, request_id = request.query.get("userId", ""), request.query.get("requestId", "")
    if not user_id:
        raise InvalidFields([("user_id", "Required field is not set.")])
    event, state = _event(request)
    # What no session takes must not leave an empty one behind.
    state.check_size()
    if request_id and not session_id:
        session_id = session_id_of_request(engine, user_id, request_id)
    for _ in range(_TRIES):
        try:
            name = _session(request, store, now, session_id, user_id).name
            store.append_event(name, event, state, now)
            session = store.get_session(name, now)
        except (SessionAlreadyExists, SessionNotFound):
            continue
        return f'{{"session":{session.to_json()}}}'
    raise Contention(f"{engine}/sessions/{session_id or ANY}")


def _session(
    request: Request, store: Store, now: int, session_id: str, user_id: str
) -> SessionRecord:
    """The user's session of that id, created where it is missing; a new one for ""."""
    engine = request.engine_name
    if session_id:
        name = SessionName(str(engine), session_id)
        try:
            found = store.get_session(name, now)
        except SessionNotFound:
            pass
        else:
            if found.user_id != user_id:
                raise InvalidFields([("user_id", f"Session {name} belongs to another user.")])
            return found
    # Appends to sessions that exist do not wait for the import.
    from functions.create_session import add_session
    from functions.messages.session import Session

    message = Session(user_id=user_id)
    return add_session(engine, session_id, message, request.settings, store, now)


def _event(request: Request) -> tuple[EventRecord, StateChange]:
    message = request.message(SessionEvent, "event")
    return new_event(message, request.query.get("requestId", ""))
