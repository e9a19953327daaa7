"""GET {session}: reads a session."""

from functions.calls.answer import Answer
from functions.calls.etag import is_known
from functions.calls.request import Request
from functions.store.protocol import Store


def get_session(request: Request, store: Store, now: int) -> Answer:
    """Answers the Session with the state of its user and its engine; raises SessionNotFound.

    With `view=FULL` it also says what the session counts. With the session's etag in If-None-Match
    it answers the etag alone.
    """
    full = request.is_full
    session = store.get_session(request.session_name, now)
    if is_known(session.etag, request.none_match_header):
        return Answer("", session.etag, is_modified=False)
    return Answer(session.to_json(full=full), session.etag)
