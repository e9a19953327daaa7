"""POST {operation}:wait: looks at an operation as get_operation does."""

from functions.calls.request import Request
from functions.operations.get_operation import get_operation
from functions.store.protocol import Store


def wait_operation(request: Request, store: Store, now: int) -> str:
    """Answers as get_operation does, at once, however long the timeout."""
    _ = request.duration("timeout")
    return get_operation(request, store, now)
