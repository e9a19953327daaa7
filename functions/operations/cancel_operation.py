"""POST {operation}:cancel: cancels no operation: nothing can be undone."""

from functions.calls.request import Request
from functions.operations.get_operation import asked_operation
from functions.store.protocol import Store


def cancel_operation(request: Request, store: Store, now: int) -> str:
    """Answers `{}` and changes nothing; raises OperationNotFound for one that never was."""
    asked_operation(request)
    return "{}"
