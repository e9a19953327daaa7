"""POST {session}:appendEvent: adds an event and merges its state delta."""

from collections.abc import Callable, Sequence

from functions.calls.answer import Answer
from functions.calls.request import Request
from functions.messages.session_event import SessionEvent
from functions.rules.errors import InvalidFields
from functions.rules.event import EventAndState
from functions.rules.event_rules import new_event
from functions.rules.ids import new_session_id, session_id_of_request
from functions.rules.names import SessionName
from functions.rules.state import merged
from functions.store.protocol import Store

ReadEvents = Callable[[Request], Sequence[EventAndState]]
"""Reads the events of a body; they have different ids."""


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
    return append(request, store, now, _event)


def append(request: Request, store: Store, now: int, read_events: ReadEvents) -> Answer:
    """Answers as `append_event` does, after all events that `read_events` reads are stored."""
    if request.flag("allowMissing"):
        return _append_or_create(request, store, now, read_events)
    if "userId" in request.query:
        raise InvalidFields([("user_id", "Only an append with allowMissing=true takes a userId.")])
    name = request.session_name
    version = store.append_events(name, read_events(request), now, if_match=request.if_match)
    return Answer("{}", version)


def _append_or_create(request: Request, store: Store, now: int, read_events: ReadEvents) -> Answer:
    engine, session_id = str(request.engine_name), request.session_id_or_none
    user_id, request_id = request.query.get("userId", ""), request.query.get("requestId", "")
    if not user_id:
        raise InvalidFields([("user_id", "Required field is not set.")])
    events = read_events(request)
    # Checked before the store is asked, so that all stores raise the same error.
    merged(state for _, state in events).check_size()
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
        events,
        now,
        require_engine=settings.require_engine,
        if_match=request.if_match,
    )
    return Answer(f'{{"session":{session.to_json()}}}', session.etag)


def _event(request: Request) -> list[EventAndState]:
    message = request.message(SessionEvent, "event")
    return [new_event(message, request.query.get("requestId", ""))]
