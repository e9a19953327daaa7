"""POST {location}/reasoningEngines: creates an engine, the parent of sessions."""

from functions.calls.request import Request
from functions.messages.reasoning_engine import ReasoningEngine
from functions.rules.engine_rules import new_engine
from functions.rules.ids import new_engine_id
from functions.rules.names import EngineName
from functions.rules.operation import Operation
from functions.store.protocol import Store


def create_reasoning_engine(request: Request, store: Store, now: int) -> str:
    """Answers a finished Operation with the engine; the server chooses the engine's id."""
    name = EngineName(request.parent_location, new_engine_id())
    record = new_engine(name, request.message(ReasoningEngine, "reasoning_engine"), now)
    store.create_engine(record)
    operation = Operation("CreateReasoningEngine", *name, "", now, request.version)
    return operation.to_json(request.version, record.to_json())
