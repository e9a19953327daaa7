"""POST {session}:fork: makes a new session with the events of another, up to a point of them."""

import time

from functions.calls.answer import Answer
from functions.calls.request import Request
from functions.messages.fork_and_rewind import ForkSessionRequest
from functions.messages.session import Session
from functions.rules.errors import InvalidFields, SessionAlreadyExists
from functions.rules.fork import Point
from functions.rules.fork_rules import new_fork
from functions.rules.ids import new_session_id, session_id_of_request
from functions.rules.names import check_session_id, is_resource_id
from functions.rules.operation import Operation
from functions.store.protocol import Store


def fork_session(request: Request, store: Store, now: int) -> Answer:
    """Answers an Operation with the new session, done unless WORK_TIME_LIMIT was too short.

    No method finds a session that is not complete. The same request with the same `requestId` or
    `sessionId` goes on with the copy, and answers the session once it is complete. Without either,
    the server chooses a random id.

    Raises SessionNotFound, EventNotFound, InvocationNotFound, SessionAlreadyExists and the errors
    of create_session.
    """
    source = request.session_name
    message = request.message(ForkSessionRequest, "request")
    point = Point(_event_id(request, message), message.before_invocation_id or "")
    session = message.session or Session()
    settings = request.settings
    end = time.monotonic() + settings.work_time_limit / 1e9
    chosen, request_id = message.session_id or "", request.query.get("requestId", "")
    if chosen:
        check_session_id(chosen, official=settings.session_ids == "official")
    elif request_id:
        chosen = session_id_of_request(source.engine, source.session, request_id)
    while True:
        session_id = chosen or new_session_id(session.display_name or "")
        fork = new_fork(
            source,
            session_id,
            point,
            session,
            now,
            min_ttl=settings.min_ttl,
            time_limit=settings.work_time_limit,
            require_engine=settings.require_engine,
        )
        try:
            record = store.fork_session(fork, now, lambda: time.monotonic() >= end)
        except SessionAlreadyExists:
            if chosen:
                raise
        else:
            break
    operation = Operation("ForkSession", *request.engine_name, session_id, now, request.version)
    if record is None:
        return Answer(operation.to_json(request.version, None, done=False))
    text = operation.to_json(request.version, record.to_json(official=True))
    return Answer(text, record.etag)


def _event_id(request: Request, message: ForkSessionRequest) -> str:
    """The id of `throughEvent`, which may be a name; "" if the request has none."""
    text = message.through_event or ""
    parent, _, event_id = text.rpartition("/events/")
    source = request.session_name
    short = source._replace(engine=f"reasoningEngines/{request.engine_name.engine}")
    is_of_source = parent in ("", str(source), str(short), request.name)
    if text and not (is_of_source and is_resource_id(event_id)):
        fault = "Invalid SessionEvent resource name of the session that is forked."
        raise InvalidFields([("request.through_event", fault)])
    return event_id
