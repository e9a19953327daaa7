"""DELETE {engine}: deletes an engine; with `force` also its sessions."""

from functions.calls.request import Request
from functions.rules.operation import Operation
from functions.store.protocol import Store


def delete_reasoning_engine(request: Request, store: Store, now: int) -> str:
    """Answers a finished Operation; `force` may be in the query or, as genai sends it, in the body.

    Raises EngineNotFound, and without `force` EngineHasSessions.
    """
    name = request.engine_name
    asked = request.flag("force")
    store.delete_engine(name, now, force=_asks_in_body(request) or asked)
    operation = Operation("Delete", *name, "", now, request.version)
    return operation.to_json(request.version, None)


def _asks_in_body(request: Request) -> bool:
    if not request.body.strip():
        return False
    # Most requests have no body and do not wait for the import.
    from functions.messages.reasoning_engine import DeleteReasoningEngineRequest

    return bool(request.message(DeleteReasoningEngineRequest, "request").force)
