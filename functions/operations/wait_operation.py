"""POST {operation}:wait: waits for an operation; all are done."""

from functions.calls.request import Request
from functions.operations.get_operation import get_operation
from functions.store.protocol import Store


def wait_operation(request: Request, store: Store, now: int) -> str:
    """Answers as get_operation does, however long the timeout."""
    _ = request.duration("timeout")
    return get_operation(request, store, now)
