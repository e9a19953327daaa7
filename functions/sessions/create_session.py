"""POST {engine}/sessions: creates a session."""

from functions.calls.answer import Answer
from functions.calls.request import Request
from functions.config.settings import Settings
from functions.messages.session import Session
from functions.rules.errors import SessionAlreadyExists
from functions.rules.ids import new_session_id
from functions.rules.names import EngineName, SessionName, check_session_id
from functions.rules.operation import Operation
from functions.rules.session import SessionRecord
from functions.rules.session_rules import new_session
from functions.store.protocol import Store


def create_session(request: Request, store: Store, now: int) -> Answer:
    """Answers a finished Operation with the session; without `sessionId` the server chooses its id.

    Raises SessionAlreadyExists, InvalidFields without a userId, ParentEngineNotFound if
    REQUIRE_ENGINE is set, and InvalidArgument for a life shorter than MIN_TTL.
    """
    engine = request.engine_name
    message = request.message(Session, "session")
    chosen = request.query.get("sessionId", "")
    if chosen:
        check_session_id(chosen, official=request.settings.session_ids == "official")
    session = add_session(engine, chosen, message, request.settings, store, now)
    operation = Operation("CreateSession", *engine, session.name.session, now, request.version)
    text = operation.to_json(request.version, session.to_json(official=True))
    return Answer(text, session.etag)


def add_session(
    engine: EngineName, chosen: str, message: Session, settings: Settings, store: Store, now: int
) -> SessionRecord:
    """Stores a new session under the chosen id; "" lets the server choose. Raises as above."""
    while True:
        session_id = chosen or new_session_id(message.display_name or "")
        name = SessionName(str(engine), session_id)
        record, state = new_session(name, message, now, settings.min_ttl)
        try:
            return store.create_session(record, state, now, require_engine=settings.require_engine)
        except SessionAlreadyExists:
            if chosen:
                raise
