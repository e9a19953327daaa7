"""PATCH {session}: changes a session's display name, labels, state or expiry."""

from functions.calls.answer import Answer
from functions.calls.request import Request
from functions.messages.session import Session
from functions.rules.session import SessionChange, SessionRecord
from functions.rules.session_rules import changed_session, check_update_mask
from functions.store.protocol import Store


def update_session(request: Request, store: Store, now: int) -> Answer:
    """Changes the fields that `updateMask` or the body names, and answers the whole Session.

    Raises SessionNotFound, SessionHasChanged where the client expects another version, and
    InvalidArgument naming a path that cannot be changed.
    """
    name = request.session_name
    message = request.message(Session, "session")
    mask = check_update_mask(request.update_mask(), message)

    def change(record: SessionRecord) -> SessionChange:
        return changed_session(record, message, mask, now, request.settings.min_ttl)

    session = store.update_session(name, change, now, request.if_match)
    return Answer(session.to_json(), session.etag)
