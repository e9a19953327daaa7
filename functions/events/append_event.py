"""POST {session}:appendEvent: adds an event and merges its state delta."""

from functions.calls.answer import Answer
from functions.calls.request import Request
from functions.messages.session_event import SessionEvent
from functions.rules.errors import InvalidFields
from functions.rules.event import EventRecord
from functions.rules.event_rules import new_event
from functions.rules.ids import new_session_id, session_id_of_request
from functions.rules.names import SessionName
from functions.rules.state import StateChange
from functions.store.protocol import Store


def append_event(request: Request, store: Store, now: int) -> Answer:
    """Answers `{}` after the event is stored; a retry of the same event changes nothing.

    With `allowMissing` the server creates a missing session for the user `userId` together with its
    first event, and answers `{"session": …}` with the Session of get's answer. For the session id
    `-` it chooses an id. A retry with `-` finds its own session if both requests carry the same
    `requestId`.

    Raises InvalidFields naming every missing field, SessionNotFound, TooLarge, and
    SessionHasChanged where the client expects another version of the session. With
    `allowMissing` it also raises SessionOfAnotherUser and the errors of create_session.
    """
    if request.flag("allowMissing"):
        return _append_or_create(request, store, now)
    if "userId" in request.query:
        raise InvalidFields([("user_id", "Only an append with allowMissing=true takes a userId.")])
    name = request.session_name
    event, state = _event(request)
    version = store.append_event(name, event, state, now, if_match=request.if_match)
    return Answer("{}", version)


def _append_or_create(request: Request, store: Store, now: int) -> Answer:
    engine, session_id = str(request.engine_name), request.session_id_or_none
    user_id, request_id = request.query.get("userId", ""), request.query.get("requestId", "")
    if not user_id:
        raise InvalidFields([("user_id", "Required field is not set.")])
    event, state = _event(request)
    # Checked before the store is asked, so that all stores raise the same error.
    state.check_size()
    # Appends without allowMissing do not wait for these imports.
    from functions.messages.session import Session
    from functions.rules.session_rules import new_session

    if not session_id:
        session_id = (
            session_id_of_request(engine, user_id, request_id) if request_id else new_session_id("")
        )
    settings = request.settings
    name = SessionName(engine, session_id)
    record, _ = new_session(name, Session(user_id=user_id), now, settings.min_ttl)
    session = store.append_or_create(
        record,
        event,
        state,
        now,
        require_engine=settings.require_engine,
        if_match=request.if_match,
    )
    return Answer(f'{{"session":{session.to_json()}}}', session.etag)


def _event(request: Request) -> tuple[EventRecord, StateChange]:
    message = request.message(SessionEvent, "event")
    return new_event(message, request.query.get("requestId", ""))
