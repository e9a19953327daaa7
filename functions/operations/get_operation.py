"""GET {operation}: reads an operation; every operation is done."""

from functions.calls.request import Request
from functions.rules.errors import EngineNotFound, OperationNotFound, SessionNotFound
from functions.rules.names import SessionName
from functions.rules.operation import Operation, find_operation
from functions.store.protocol import Store


def get_operation(request: Request, store: Store, now: int) -> str:
    """Answers the Operation with the resource as it is now.

    Raises OperationNotFound if the operation never existed or its resource is gone.
    """
    operation = asked_operation(request)
    version = operation.version if request.version == "ui" else request.version
    return operation.to_json(version, _response(operation, request.name, store, now))


def asked_operation(request: Request) -> Operation:
    """Returns the operation that the path names, under its resource, its location or no parent."""
    parent, _, operation_id = request.name.rpartition("operations/")
    if not parent:
        parent = request.location
    elif "/sessions/" in f"/{parent}":
        parent = str(request.session_name)
    elif "reasoningEngines/" in parent:
        parent = str(request.engine_name)
    else:
        parent = request.location
    return find_operation(parent, request.location, operation_id)


def _response(operation: Operation, name: str, store: Store, now: int) -> str | None:
    if operation.kind == "Delete":
        return None
    try:
        if isinstance(operation.resource, SessionName):
            return store.get_session(operation.resource, now).to_json(official=True)
        return store.get_engine(operation.resource).to_json()
    except (SessionNotFound, EngineNotFound):
        raise OperationNotFound(name) from None
