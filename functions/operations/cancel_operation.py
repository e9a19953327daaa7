"""POST {operation}:cancel: cancels nothing, because no operation can be undone."""

from functions.calls.request import Request
from functions.operations.get_operation import asked_operation
from functions.store.protocol import Store


def cancel_operation(request: Request, store: Store, now: int) -> str:
    """Answers `{}` and changes nothing; raises OperationNotFound."""
    asked_operation(request)
    return "{}"
