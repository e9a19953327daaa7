"""GET {location}/reasoningEngines: lists the engines of a location."""

from functions.calls.filters import ENGINE_DEFAULT_ORDER, ENGINE_FIELDS
from functions.calls.request import Request, list_json
from functions.rules.limits import MAX_ENGINES_PAGE
from functions.store.protocol import Store


def list_reasoning_engines(request: Request, store: Store, now: int) -> str:
    """Answers one page of engines, by creation time, the oldest first."""
    location = request.parent_location
    query = request.page(location, ENGINE_FIELDS, (), ENGINE_DEFAULT_ORDER, MAX_ENGINES_PAGE)
    page = store.list_engines(location, query)
    engines = [engine.to_json() for engine in page.items]
    return list_json("reasoningEngines", engines, location, query, page.cursor)
