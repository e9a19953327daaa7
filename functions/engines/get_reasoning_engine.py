"""GET {engine}: reads an engine."""

from functions.calls.request import Request
from functions.store.protocol import Store


def get_reasoning_engine(request: Request, store: Store, now: int) -> str:
    """Answers the ReasoningEngine; raises EngineNotFound."""
    return store.get_engine(request.engine_name).to_json()
