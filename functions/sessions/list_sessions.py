"""GET {engine}/sessions: lists an engine's sessions, or those of all engines of a location."""

from functions.calls.filters import SESSION_DEFAULT_ORDER, SESSION_FIELDS, SESSION_ORDERS, official
from functions.calls.request import Request, list_json
from functions.rules.errors import EngineNotFound, ParentEngineNotFound
from functions.rules.limits import MAX_SESSIONS_PAGE
from functions.store.protocol import Store


def list_sessions(request: Request, store: Store, now: int) -> str:
    """Answers one page of sessions; by default the last updated session is first.

    The engine `-` means all engines of the location; see google.aip.dev/159. The order is exact
    also for `-`, where AIP-159 asks only for best effort: one store holds all engines.

    With `view=FULL` each session has its etag and says what it counts.

    Raises ParentEngineNotFound if REQUIRE_ENGINE is set and the engine does not exist.
    """
    has_extensions = request.settings.extensions
    engine = request.engine_or_all if has_extensions else request.engine_name
    fields = SESSION_FIELDS if has_extensions else official(SESSION_FIELDS)
    query = request.page(engine, fields, SESSION_ORDERS, SESSION_DEFAULT_ORDER, MAX_SESSIONS_PAGE)
    if request.is_full:
        query = query._replace(is_full=True)
    if request.settings.require_engine and not engine.is_wildcard:
        try:
            store.get_engine(engine)
        except EngineNotFound:
            raise ParentEngineNotFound from None
    page = store.list_sessions(engine, query, now)
    sessions = [record.to_json(full=query.is_full) for record in page.items]
    return list_json("sessions", sessions, engine, query, page.cursor)
