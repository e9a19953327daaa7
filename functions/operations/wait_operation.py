"""POST {operation}:wait: reads an operation without waiting."""

from functions.calls.request import Request
from functions.operations.get_operation import get_operation
from functions.store.protocol import Store


def wait_operation(request: Request, store: Store, now: int) -> str:
    """Answers at once as get_operation does, whatever the timeout."""
    _ = request.duration("timeout")
    return get_operation(request, store, now)
