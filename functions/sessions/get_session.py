"""GET {session}: reads a session."""

from functions.calls.request import Request
from functions.store.protocol import Store


def get_session(request: Request, store: Store, now: int) -> str:
    """Answers the Session with the state of its user and its engine; raises SessionNotFound."""
    return store.get_session(request.session_name, now).to_json()
