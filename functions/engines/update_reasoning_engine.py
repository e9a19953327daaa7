"""PATCH {engine}: changes the fields of an engine that `updateMask` or the body names."""

from functions.calls.request import Request
from functions.messages.reasoning_engine import ReasoningEngine
from functions.rules.engine import EngineRecord
from functions.rules.engine_rules import changed_engine
from functions.rules.operation import Operation
from functions.store.protocol import Store


def update_reasoning_engine(request: Request, store: Store, now: int) -> str:
    """Answers a finished Operation with the engine after the change; raises EngineNotFound."""
    name = request.engine_name
    message = request.message(ReasoningEngine, "reasoning_engine")
    mask = request.update_mask()

    def change(record: EngineRecord) -> EngineRecord:
        return changed_engine(record, message, mask, now)

    record = store.update_engine(name, change)
    operation = Operation("UpdateReasoningEngine", *name, "", now, request.version)
    return operation.to_json(request.version, record.to_json())
