"""DELETE {engine}: deletes an engine; with `force` also its sessions."""

import time

from functions.calls.request import Request
from functions.rules.operation import Operation
from functions.store.protocol import Store


def delete_reasoning_engine(request: Request, store: Store, now: int) -> str:
    """Answers an Operation, done unless the engine is too large for WORK_TIME_LIMIT.

    The engine is hidden by then in any case. The same request sent again goes on with the removal,
    and so does the purge. `force` may be in the query or, as genai sends it, in the body. With it
    an engine may also be deleted that was never created and holds sessions or state. Raises
    EngineNotFound, and without `force` EngineHasSessions.
    """
    name = request.engine_name
    asked = request.flag("force")
    force = _asks_in_body(request) or asked
    end = time.monotonic() + request.settings.work_time_limit / 1e9
    done = store.delete_engine(name, now, lambda: time.monotonic() >= end, force=force)
    operation = Operation("Delete", *name, "", now, request.version)
    return operation.to_json(request.version, None, done=done)


def _asks_in_body(request: Request) -> bool:
    if not request.body.strip():
        return False
    # Most requests have no body and do not wait for the import.
    from functions.messages.reasoning_engine import DeleteReasoningEngineRequest

    return bool(request.message(DeleteReasoningEngineRequest, "request").force)
