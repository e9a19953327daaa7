"""DELETE {operation}: forgets an operation; none is stored."""

from functions.calls.request import Request
from functions.operations.get_operation import asked_operation
from functions.store.protocol import Store


def delete_operation(request: Request, store: Store, now: int) -> str:
    """Answers `{}`; raises OperationNotFound for an operation that never was."""
    asked_operation(request)
    return "{}"
