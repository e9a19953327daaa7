"""PATCH {engine}/state: changes the `app:` state of an engine."""

from functions.calls.request import Request
from functions.messages.state import State
from functions.rules.shared_state_rules import shared_state_change
from functions.store.protocol import Store


def update_app_state(request: Request, store: Store, now: int) -> str:
    """Replaces the state, or the keys that `updateMask` names, and answers the whole state.

    Raises InvalidArgument naming a path that cannot be changed, TooLarge, and ParentEngineNotFound
    if REQUIRE_ENGINE is set and the engine does not exist.
    """
    owner = request.engine_name
    change = shared_state_change(owner, request.message(State, "state"), request.update_mask())
    is_required = request.settings.require_engine
    return store.update_shared_state(owner, change, now, require_engine=is_required).to_json()
