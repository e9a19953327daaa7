"""GET {user}/state: reads the `user:` state of a user."""

from functions.calls.request import Request
from functions.store.protocol import Store


def get_user_state(request: Request, store: Store, now: int) -> str:
    """Answers `{"name", "state", "updateTime"}`, an empty state where there is none yet."""
    return store.get_shared_state(request.user_name).to_json()
