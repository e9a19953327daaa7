"""GET {operation}: reads an operation."""

from functions.calls.request import Request
from functions.rules.errors import EngineNotFound, OperationNotFound, SessionNotFound
from functions.rules.names import SessionName
from functions.rules.operation import Operation, find_operation
from functions.store.protocol import Store


def get_operation(request: Request, store: Store, now: int) -> str:
    """Answers the Operation with the resource as it is now.

    The deletion of a large engine is done when the store has removed its last document, and a fork
    when its session is complete. Raises OperationNotFound if the operation never existed or its
    resource is gone.
    """
    operation = asked_operation(request)
    version = operation.version if request.version == "ui" else request.version
    try:
        response = _response(operation, store, now)
        done = response is not None or not _is_under_way(operation, store)
    except (SessionNotFound, EngineNotFound):
        if not _is_incomplete(operation, store, now):
            raise OperationNotFound(request.name) from None
        response, done = None, False
    return operation.to_json(version, response, done=done)


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


def _response(operation: Operation, store: Store, now: int) -> str | None:
    if operation.kind == "Delete":
        return None
    if isinstance(operation.resource, SessionName):
        return store.get_session(operation.resource, now).to_json(official=True)
    return store.get_engine(operation.resource).to_json()


def _is_incomplete(fork: Operation, store: Store, now: int) -> bool:
    if fork.kind != "ForkSession" or not isinstance(fork.resource, SessionName):
        return False
    return store.is_forking(fork.resource, now)


def _is_under_way(deletion: Operation, store: Store) -> bool:
    engine = deletion.resource
    return not isinstance(engine, SessionName) and store.is_deleting_engine(engine)
