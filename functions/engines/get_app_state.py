"""GET {engine}/state: reads the `app:` state of an engine."""

from functions.calls.request import Request
from functions.store.protocol import Store


def get_app_state(request: Request, store: Store, now: int) -> str:
    """Answers `{"name", "state", "updateTime"}`, an empty state where there is none yet."""
    return store.get_shared_state(request.engine_name).to_json()
